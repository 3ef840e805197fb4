package sessionstore

import (
	"context"
	"iter"
	"time"
)

// A Toucher is a [Store] that can move a record's expiry without writing the
// record. Use it through [Touch].
type Toucher interface {
	Store

	// Touch sets the expiry of the live record under id to expires, earlier or
	// later than it was, if its version is version: whoever decides on an expiry
	// has seen a record, and must not undo what another writer has decided since.
	// It changes neither data, subject nor version, so that a concurrent Update
	// still succeeds, and it never creates.
	//
	// If the version is another, Touch returns ErrConflict. If there is no record,
	// or it has expired, it returns ErrNotFound. What is no record is left, with
	// ErrCorrupt. An expiry that CheckExpires refuses gives ErrInvalid.
	Touch(ctx context.Context, id string, version Version, expires time.Time) error
}

// A Pruner is a [Store] whose expired records take up room until they are
// removed. A store without it is on a backend that removes them by itself. Use
// it through [Prune] or the RunPruner of a session.Manager.
type Pruner interface {
	Store

	// Prune removes expired records, whichever process has written them, and whatever else a
	// crash has left behind, and reports how many records it removed, also along with an error.
	// It never removes a live record, and leaves what is no record, with which Load
	// returns ErrCorrupt. It works in bounded batches so that
	// requests are not held up, and any number of processes may call it at the
	// same time.
	Prune(ctx context.Context) (int, error)
}

// A SubjectIndex is a [Store] that finds records by subject. A backend that
// can't do so truthfully does not implement it: an incomplete list of a user's
// sessions is worse than none. Use it through [ListSubject] and [DeleteSubject].
type SubjectIndex interface {
	Store

	// ListSubject returns the live records of a subject, in no order, each
	// once, as Load returns them. It is complete: a record whose Create or Update had returned before
	// the call, and that is live throughout, is in the list. A record that ended is not
	// in the list, however it ended. Where one is damaged, ListSubject returns the others,
	// with ErrCorrupt: they can be ended, and nobody has a session in what is no record.
	//
	// The entries belong to the caller, who may change each and append to it without
	// touching another. A subject that CheckSubject refuses gives ErrInvalid.
	ListSubject(ctx context.Context, subject string) ([]Entry, error)

	// DeleteSubject deletes the records of a subject and reports how many live
	// ones it deleted, also along with an error. A record whose Create or Update
	// had returned before the call is gone afterwards. If an Update gives a record to
	// another subject during the call, one of the two comes first: the record is deleted and
	// Update returns ErrNotFound, or it stays. A subject that CheckSubject refuses gives
	// ErrInvalid.
	DeleteSubject(ctx context.Context, subject string) (int, error)
}

// An AllDeleter is a [Store] that can end everybody's sessions at once, as an
// administrator must be able to (ASVS 7.4.5). A backend that can't name all
// records that it has does not implement it. Use it through [DeleteAll].
type AllDeleter interface {
	Store

	// DeleteAll deletes every record in the store's own namespace (its prefix,
	// table, collection or folder) and reports how many live ones it deleted,
	// each once, also along with an error. A record whose Create or Update had
	// returned before the call is gone afterwards; one that is created during the
	// call may go or stay, and if it stays, ListSubject lists it.
	//
	// What stands in a record's place and is not a record goes too, as with Delete.
	// Whatever else others have put into the namespace stays, and nothing outside
	// of it is touched, also where one backend serves several stores. DeleteAll works
	// in bounded batches so that requests are not held up, and any number of
	// processes may call it at the same time. After an error, call it again.
	DeleteAll(ctx context.Context) (int, error)
}

// A Scanner is a [Store] that can go through all records that it has, to count, search
// or copy them. A backend that can't name them does not implement it. Use it through
// [Scan].
type Scanner interface {
	Store

	// Scan iterates over the live records in the store's own namespace, in no order,
	// each once, and changes nothing. It is complete: a record whose Create had
	// returned before the iteration, and that is live throughout, is in it, as it was
	// at some moment of the iteration. A record that is created, updated or ended
	// meanwhile may be there or not.
	//
	// If what stands in a record's place is not a record, the iteration yields an Entry
	// with its ID, and an error that wraps ErrCorrupt, and goes on. It passes over
	// whatever else others have put into the namespace. Any other error ends it, as
	// ctx does when it is done; the records before it are not all there are.
	//
	// Records are read in pages, so that memory is bounded and requests are not held
	// up; the caller may call the store's other methods while it iterates. Each iteration
	// begins anew. Where the caller breaks one off, or panics in it, the store keeps nothing of
	// it, and it does not hide the panic. The entries belong to the caller, as those of a list do.
	Scan(ctx context.Context) iter.Seq2[Entry, error]
}

// A Watcher is a [Store] that says when records end, so that whoever waits for the end of
// one learns of it at once and need not ask all the time. Use it through [Watch].
type Watcher interface {
	Store

	// Watch calls changed with the id of each record that Delete, DeleteSubject or
	// DeleteAll has deleted, or to which Update has given another subject or an earlier
	// expiry, soon after that, whichever process has done it. It reports no expiry that
	// is reached, no Touch, and nothing from outside the store's own namespace.
	//
	// A report is a hint to look at the record. It may come twice, or though nothing has
	// changed. Watch first calls changed with "", which says that it listens from now on:
	// what has ended before is not reported. It returns when ctx is done, or with an
	// error when reports may be lost; then call it again.
	//
	// Watch calls changed from one goroutine, and not after it has returned. changed must
	// return soon. If the store is not set up to say when records end, Watch returns
	// ErrUnsupported, also when ctx is done.
	Watch(ctx context.Context, changed func(id string)) error
}

// An Entry is one record in the list of a subject, or of all.
type Entry struct {
	ID     string
	Record Record
}

// Touch sets the expiry of the live record under id if its version is version, with
// the errors that [Toucher] names.
//
// If s is a [Toucher], Touch calls its method. Otherwise it loads the record and
// updates it with the new expiry, which gives it a new version.
func Touch(ctx context.Context, s Store, id string, version Version, expires time.Time) error {
	if t, ok := As[Toucher](s); ok {
		return t.Touch(ctx, id, version, expires)
	}
	if err := CheckExpires(expires); err != nil {
		return err
	}
	r, err := s.Load(ctx, id)
	switch {
	case err != nil:
		return err
	case r.Version != version:
		return ErrConflict
	}
	r.Expires, r.Version = expires, NewVersion()
	return s.Update(ctx, id, version, r)
}

// Prune removes expired records and reports how many.
//
// If s is a [Pruner], Prune calls its method. Otherwise it returns
// [ErrUnsupported]: the backend removes expired records by itself.
func Prune(ctx context.Context, s Store) (int, error) {
	if p, ok := As[Pruner](s); ok {
		return p.Prune(ctx)
	}
	return 0, unsupported[Pruner](s)
}

// ListSubject returns the live records of a subject.
//
// If s is a [SubjectIndex], ListSubject calls its method. Otherwise it returns
// [ErrUnsupported]; there is no truthful fallback.
func ListSubject(ctx context.Context, s Store, subject string) ([]Entry, error) {
	if x, ok := As[SubjectIndex](s); ok {
		return x.ListSubject(ctx, subject)
	}
	return nil, unsupported[SubjectIndex](s)
}

// DeleteSubject deletes the records of a subject and reports how many.
//
// If s is a [SubjectIndex], DeleteSubject calls its method. Otherwise it returns
// [ErrUnsupported]; there is no truthful fallback.
func DeleteSubject(ctx context.Context, s Store, subject string) (int, error) {
	if x, ok := As[SubjectIndex](s); ok {
		return x.DeleteSubject(ctx, subject)
	}
	return 0, unsupported[SubjectIndex](s)
}

// DeleteAll deletes every record of a store and reports how many live ones it
// deleted.
//
// If s is an [AllDeleter], DeleteAll calls its method. Otherwise it returns
// [ErrUnsupported]; there is no truthful fallback.
func DeleteAll(ctx context.Context, s Store) (int, error) {
	if d, ok := As[AllDeleter](s); ok {
		return d.DeleteAll(ctx)
	}
	return 0, unsupported[AllDeleter](s)
}

// Scan iterates over the live records of a store, as [Scanner] says.
//
// If s is a [Scanner], Scan calls its method. Otherwise it yields [ErrUnsupported];
// there is no truthful fallback.
func Scan(ctx context.Context, s Store) iter.Seq2[Entry, error] {
	if c, ok := As[Scanner](s); ok {
		return c.Scan(ctx)
	}
	return func(yield func(Entry, error) bool) { yield(Entry{}, unsupported[Scanner](s)) }
}

// Watch calls changed when records end, as [Watcher] says.
//
// If s is a [Watcher], Watch calls its method. Otherwise it returns [ErrUnsupported], and
// the caller has to ask.
func Watch(ctx context.Context, s Store, changed func(id string)) error {
	if w, ok := As[Watcher](s); ok {
		return w.Watch(ctx, changed)
	}
	return unsupported[Watcher](s)
}

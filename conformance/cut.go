package conformance

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// A call whose context ends while it is under way has an unknown outcome, which ends
// with the next answer that is certain: a call that is made again and succeeds has
// happened, as if nothing had been cut short, and no other call notices.

// cuts is how many calls a case cuts short, somewhere between begin and end.
const cuts = 12

func cutCases() []testCase {
	return []testCase{
		{
			name: "writes made again",
			rule: "A write that was cut short and is made again until it succeeds has happened: the record is there as it was written, whatever the caller has done to its data since, and in the list of its subject alone. Until then, the record is in a list as it was.",
			run:  cutWrites,
		},
		{
			name: "deletes made again",
			rule: "A Delete that was cut short and is made again has happened: no Load finds the record, and no list. Until then, both do.",
			run:  cutDeletes,
		},
		{
			name:  "subject made again",
			rule:  "A DeleteSubject that reports success, or was cut short and is made again, has happened: every record of the subject is gone.",
			needs: SubjectIndex,
			run:   cutSubject,
		},
		{
			name:  "all made again",
			rule:  "A DeleteAll that reports success, or was cut short and is made again, has happened: every record is gone.",
			needs: AllDeleter,
			run:   cutAll,
		},
		{
			name:  "prune made again",
			rule:  "A Prune that was cut short keeps nothing from the next one, which removes what has expired.",
			needs: Pruner,
			run:   cutPrune,
		},
		{
			name: "keeps nothing",
			rule: "A call that was cut short keeps no connection, cursor or lock, whatever method it was: others go on, however many there were.",
			run:  cutKeeps,
		},
		{
			name: "answers stay with their calls",
			rule: "A call never gets the answer to another one, also not to one that was cut short.",
			run:  cutAnswers,
		},
		{
			name: "others go on",
			rule: "A context ends its own call: another client that loads the same record at the same time gets it.",
			run:  cutBeside,
		},
		{
			name: "a deadline ends with its call",
			rule: "The deadline of a context is for its own call: when it has passed, calls with other contexts succeed.",
			run:  cutDeadline,
		},
	}
}

// cut calls do with a context that ends while do is under way, or about then, and returns
// what do returns: it is cut short or not.
func (t *tester) cut(do func(ctx context.Context) error) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Duration(rand.Int64N(int64(t.usual())))) //nolint:gosec // no secret
	defer cancel()
	return do(ctx)
}

// cutOrDone cuts a call short that has no reason to be refused, and reports whether it says
// that it has happened.
func (t *tester) cutOrDone(call string, do func(ctx context.Context) error) (done bool) {
	t.Helper()
	err := t.cut(do)
	if sessionstore.Certain(err) {
		t.Fatalf("%s, whose context ended meanwhile: the error %q is Certain, and says what is not so", call, err)
	}
	return err == nil
}

// cutWrite cuts a write short, and writes over the data that it was given: where it goes on
// all the same, it goes by what is its own.
func (t *tester) cutWrite(r sessionstore.Record, write func(ctx context.Context, r sessionstore.Record) error) {
	t.Helper()
	r.Data = bytes.Clone(r.Data)
	_ = t.cut(func(ctx context.Context) error { return write(ctx, r) })
	overwrite(r.Data)
}

// usual returns how long a call takes, more or less.
func (t *tester) usual() time.Duration {
	start := time.Now()
	_, _ = t.store.Load(t.Context(), t.newID()) // there is nothing
	_ = t.store.Delete(t.Context(), t.newID())  // the same
	return max(time.Since(start), 50*time.Microsecond)
}

// again makes a call until it is certain what it did. A connection may have been lost with
// the call that was cut short.
func (t *tester) again(call string, do func(ctx context.Context) error) {
	t.Helper()
	const tries = 100
	for n := 1; ; n++ {
		err := do(t.Context())
		if err == nil {
			return
		}
		if n == tries || sessionstore.Certain(err) {
			t.Fatalf("%s, made again after it was cut short: %v", call, err)
		}
	}
}

func cutWrites(t *tester) {
	for range cuts {
		id, r := t.newID(), t.record()
		create := func(ctx context.Context, r sessionstore.Record) error { return t.store.Create(ctx, id, r) }
		t.cutWrite(r, create)
		t.again("Create", func(ctx context.Context) error { return create(ctx, r) })
		t.wantWritten(id, r, "")
		next := t.record()
		update := func(ctx context.Context, next sessionstore.Record) error {
			return t.store.Update(ctx, id, r.Version, next)
		}
		t.cutWrite(next, update)
		t.wantStillListed(id, "an Update")
		t.again("Update", func(ctx context.Context) error { return update(ctx, next) })
		t.wantWritten(id, next, r.Subject)
		if t.has(Toucher) { // the fallback is two calls
			next.Expires = next.Expires.Add(time.Hour)
			touch := func(ctx context.Context) error {
				return sessionstore.Touch(ctx, t.store, id, next.Version, next.Expires)
			}
			_ = t.cut(touch)
			t.again("Touch", touch)
			t.wantWritten(id, next, r.Subject)
		}
	}
}

// wantWritten fails the case unless the record under id is r, in the list of its subject
// and no longer in the former's.
func (t *tester) wantWritten(id string, r sessionstore.Record, former string) {
	t.Helper()
	got := t.load(id)
	t.compareExpires(got, r.Expires)
	if r.Expires = got.Expires; !sameRecord(got, r) {
		t.Fatalf("the record is version %s of %s with %.20q, want %s of %s with %.20q", name(got.Version), whose(got.Subject), got.Data,
			name(r.Version), whose(r.Subject), r.Data)
	}
	if !t.has(SubjectIndex) {
		return
	}
	t.wantList(r.Subject, id)
	if former != "" {
		t.wantList(former)
	}
}

// wantStillListed fails the case if the record under id is live and not in the list of its
// subject, though no call has changed it in between: it may go on after its context.
func (t *tester) wantStillListed(id, call string) {
	t.Helper()
	if !t.has(SubjectIndex) {
		return
	}
	before, err := t.store.Load(t.Context(), id)
	if err != nil {
		return // it has happened, or the connection was lost
	}
	list, err := sessionstore.ListSubject(t.Context(), t.store, before.Subject)
	after, gone := t.store.Load(t.Context(), id)
	if err != nil || gone != nil || after.Version != before.Version {
		return
	}
	if !slices.ContainsFunc(list, func(e sessionstore.Entry) bool { return e.ID == id }) {
		t.Fatalf("after %s that was cut short, Load finds the record, version %s of %s, and ListSubject does not",
			call, name(before.Version), whose(before.Subject))
	}
}

func cutDeletes(t *tester) {
	for range cuts {
		id, r := t.created()
		remove := func(ctx context.Context) error { return t.store.Delete(ctx, id) }
		_ = t.cut(remove)
		t.wantStillListed(id, "a Delete")
		t.again("Delete", remove)
		t.wantGone(id)
		if t.has(SubjectIndex) {
			t.wantList(r.Subject)
		}
	}
}

func cutSubject(t *tester) {
	for range cuts / 2 {
		subject := newSubject()
		ids := t.createdFor(subject, 6)
		remove := func(ctx context.Context) error {
			_, err := sessionstore.DeleteSubject(ctx, t.store, subject)
			return err
		}
		if !t.cutOrDone("DeleteSubject", remove) {
			t.wantStillListed(ids[0], "a DeleteSubject")
			t.wantStillListed(ids[5], "a DeleteSubject")
			t.again("DeleteSubject", remove)
		}
		for _, id := range ids {
			t.wantGone(id)
		}
		t.wantList(subject)
	}
}

func cutAll(t *tester) {
	t = t.isolated()
	for range cuts / 2 {
		ids := t.createdFor(newSubject(), 6)
		remove := func(ctx context.Context) error {
			_, err := sessionstore.DeleteAll(ctx, t.store)
			return err
		}
		if !t.cutOrDone("DeleteAll", remove) {
			t.again("DeleteAll", remove)
		}
		for _, id := range ids {
			t.wantGone(id)
		}
	}
}

// cutPrune cuts calls short before there is anything to remove.
func cutPrune(t *tester) {
	t = t.isolated()
	t.createdFor(newSubject(), 2)
	for range cuts {
		_ = t.cut(func(ctx context.Context) error {
			_, err := sessionstore.Prune(ctx, t.store)
			return err
		})
	}
	t.again("Prune", func(ctx context.Context) error {
		_, err := sessionstore.Prune(ctx, t.store)
		return err
	})
	t.wantPruned(func() int { return t.prune(t.store) })
}

// cutKeeps cuts short as many calls of each method as a small pool has connections.
func cutKeeps(t *tester) {
	id, r := t.created()
	for _, m := range t.usable() {
		store := t.storeFor(m)
		for range cuts {
			next := t.recordOf(r.Subject)
			_ = t.cut(func(ctx context.Context) error { return m.call(ctx, store, id, next) })
		}
		t.again("Load, after calls of "+m.name+" that were cut short,", func(ctx context.Context) error {
			_, err := store.Load(ctx, id)
			return unless(err, sessionstore.ErrNotFound) // some calls delete it
		})
	}
}

func cutAnswers(t *tester) {
	one, _ := t.created()
	other, r := t.created()
	for range 2 * cuts {
		_ = t.cut(func(ctx context.Context) error {
			_, err := t.store.Load(ctx, one)
			return err
		})
		var got sessionstore.Record
		t.again("Load", func(ctx context.Context) (err error) {
			got, err = t.store.Load(ctx, other)
			return err
		})
		if r.Expires = got.Expires; !sameRecord(got, r) {
			t.Fatalf("Load, after the Load of another record was cut short, returns version %s of %s, want %s of %s",
				name(got.Version), whose(got.Subject), name(r.Version), whose(r.Subject))
		}
	}
}

// cutBeside has two clients load a record again and again. The calls of one are cut short.
func cutBeside(t *tester) {
	id, _ := t.created()
	usual := t.usual()
	for range 3 * cuts {
		var wg sync.WaitGroup
		for range racers / 2 {
			wg.Go(func() {
				ctx, cancel := context.WithTimeout(t.Context(), time.Duration(rand.Int64N(int64(usual)))) //nolint:gosec // no secret
				defer cancel()
				_, _ = t.store.Load(ctx, id) // it is cut short or not
			})
			wg.Go(func() {
				_, err := t.store.Load(t.Context(), id)
				if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("Load, whose context is not done, beside others whose are: %v", err)
				}
			})
		}
		wg.Wait()
	}
}

// cutDeadline is lenient: a driver may lose a connection, but not all that it ever has.
func cutDeadline(t *tester) {
	const deadline = 100 * time.Millisecond
	id, _ := t.created()
	for _, withDeadline := range deadlines() {
		for _, m := range t.usable() {
			if m.needs == AllDeleter || m.needs == Scanner { // they may take longer
				continue
			}
			ctx, cancel := withDeadline(t.Context(), time.Now().Add(deadline))
			_ = m.call(ctx, t.store, t.newID(), t.record()) // others check what it returns
			cancel()
		}
		t.sleep(deadline)
		for range cuts {
			t.again("Load", func(ctx context.Context) error {
				_, err := t.store.Load(ctx, id)
				return err
			})
		}
	}
}

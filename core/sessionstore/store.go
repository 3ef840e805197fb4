package sessionstore

import "context"

// A Store keeps records, each under an id. It is the contract between package session
// and a backend, and the conformance module checks every sentence of it. An application
// constructs a Store and hands it to session.New. Only store authors need to know its
// methods.
//
// All methods are safe for concurrent use, by goroutines and by processes that
// share the backend. Once a write has returned, every process sees it: no method answers by
// what its own process has read or written before. A Store takes the caller's client, pool or directory, does
// not close it, and starts no goroutine of its own. Where one backend serves several stores,
// each has a namespace of its own (a prefix, table, collection or folder), and no method reads
// or changes anything outside of it.
//
// # Ids
//
// An id is [IDLen] characters of A–Z a–z 0–9 - _ (base64url of a SHA-256), which is
// legal as a file name and as a memcached key. Nobody can compute the visitor's token
// from it, and a Store never sees the token. A method that is given any other id returns
// [ErrInvalid] and touches nothing; see [CheckID].
//
// # Expiry
//
// A record is live until its Expires. From then on it is as good as absent, whether or
// not the backend has removed it: a Store judges expiry when it reads or replaces a
// record, and background deletion only tidies: it never removes what Create has put in the
// place of an expired record meanwhile. Create, Update and Touch set the expiry; reading
// never moves it. A backend that keeps time in coarser units rounds up, so that no record
// dies early.
//
// # Contexts
//
// If ctx is done before or during a call, the method returns within 50 ms with an error
// for which errors.Is(err, ctx.Err()) holds, also where the driver knows no contexts. That
// error is never [Certain], for a request that was cancelled is no logout. The outcome of
// a write that was cut short in this way is unknown.
//
// # Errors
//
// The sentinels in this package say what happened for certain, see [Certain]. Every other
// failure wraps the driver's error with %w behind the package's name
// ("redisstore: …"), and means that the outcome is unknown. No error contains a
// record's data or subject, or a part of them: errors are logged.
type Store interface {
	// Load returns the record under id.
	//
	// If there is none, or it has expired, Load returns ErrNotFound. If
	// something is stored there that isn't a record written for this id, Load
	// returns ErrCorrupt and leaves it as it is. A backend that can't answer is
	// neither: Load returns the driver's error.
	//
	// The record's Data belongs to the caller, who may change it.
	Load(ctx context.Context, id string) (Record, error)

	// Create stores r under an id that has no live record. It replaces an expired
	// record. If something is stored there that isn't a record, Create returns
	// ErrCorrupt and leaves it as it is.
	//
	// If a live record is there, Create returns ErrExists, except that it
	// reports success, and writes nothing, if that record has r.Version: then this
	// very write has been made before and its answer was lost. What is stored decides,
	// not what the store remembers: others may have written since. If r breaks the rules of Record,
	// Create returns ErrInvalid; if it is larger than the backend takes,
	// ErrTooLarge.
	//
	// Create neither keeps nor changes r.Data after it returns, also if it was cut short and
	// the write is still under way.
	Create(ctx context.Context, id string, r Record) error

	// Update replaces the live record under id if its version is old.
	//
	// If the version is another, Update returns ErrConflict, except that it reports
	// success, and writes nothing, if the stored version is r.Version already, whatever
	// other version old is. If there is no record, or it
	// has expired, Update returns ErrNotFound: it never creates one, so that what was
	// ended stays ended. If something is stored there that isn't a record, Update
	// returns ErrCorrupt and leaves it as it is. A version from before a Delete and a new
	// Create never matches again. ErrInvalid, ErrTooLarge and the ownership of r.Data
	// are as for Create.
	//
	// Of several concurrent calls with the same old version, one succeeds.
	Update(ctx context.Context, id string, old Version, r Record) error

	// Delete removes what is stored under id, whatever its version, also if it isn't a
	// record. It reports success if nothing is there. It does not depend on the backend
	// having room to write: a logout works when storage is full.
	//
	// Once Delete has returned without an error, no Load that starts later finds
	// the record, until a later Create.
	Delete(ctx context.Context, id string) error
}

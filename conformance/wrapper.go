package conformance

import (
	"reflect"
	"time"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

func wrapperCases() []testCase {
	return []testCase{
		{
			name: "unwraps",
			rule: "Unwrap returns the wrapped store: the same one at every call, never nil.",
			run:  wrapperUnwraps,
		},
		{
			name: "says what it can't do",
			rule: "A method of a capability that the wrapped store lacks returns ErrUnsupported, except that Touch does what the function of its name does.",
			run:  wrapperUnsupported,
		},
	}
}

// wrapped returns the store that the one under test wraps.
func (t *tester) wrapped() sessionstore.Store {
	t.Helper()
	w, ok := unwatched(t.store).(sessionstore.Wrapper)
	if !ok {
		t.Skipf("not applicable: %T is no sessionstore.Wrapper", unwatched(t.store))
	}
	return w.Unwrap()
}

func wrapperUnwraps(t *tester) {
	inner := t.wrapped()
	if inner == nil {
		t.Fatal("Unwrap returns nil")
	}
	if reflect.TypeOf(inner).Comparable() && inner != t.wrapped() {
		t.Fatal("Unwrap returns another store at its second call")
	}
}

func wrapperUnsupported(t *tester) {
	inner := t.wrapped()
	if w, ok := unwatched(t.store).(sessionstore.Toucher); ok && !hasCapability[sessionstore.Toucher](inner) {
		id, r := t.created()
		expires := r.Expires.Add(time.Minute)
		t.want(nil, w.Touch(t.Context(), id, r.Version, expires), "Touch around a store that is no Toucher")
		t.wantExpires(id, expires)
		err := w.Touch(t.Context(), id, t.version(), r.Expires)
		t.want(sessionstore.ErrConflict, err, "Touch, with another version, around a store that is no Toucher")
	}
	if p, ok := unwatched(t.store).(sessionstore.Pruner); ok && !hasCapability[sessionstore.Pruner](inner) {
		_, err := p.Prune(t.Context())
		t.want(sessionstore.ErrUnsupported, err, "Prune around a store that is no Pruner")
	}
	if x, ok := unwatched(t.store).(sessionstore.SubjectIndex); ok && !hasCapability[sessionstore.SubjectIndex](inner) {
		_, err := x.ListSubject(t.Context(), newSubject())
		t.want(sessionstore.ErrUnsupported, err, "ListSubject around a store that is no SubjectIndex")
		_, err = x.DeleteSubject(t.Context(), newSubject())
		t.want(sessionstore.ErrUnsupported, err, "DeleteSubject around a store that is no SubjectIndex")
	}
	if d, ok := unwatched(t.store).(sessionstore.AllDeleter); ok && !hasCapability[sessionstore.AllDeleter](inner) {
		_, err := d.DeleteAll(t.Context())
		t.want(sessionstore.ErrUnsupported, err, "DeleteAll around a store that is no AllDeleter")
	}
	if c, ok := unwatched(t.store).(sessionstore.Scanner); ok && !hasCapability[sessionstore.Scanner](inner) {
		t.want(sessionstore.ErrUnsupported, scanned(c.Scan(t.Context())), "Scan around a store that is no Scanner")
	}
	if w, ok := unwatched(t.store).(sessionstore.Watcher); ok && !hasCapability[sessionstore.Watcher](inner) {
		t.want(sessionstore.ErrUnsupported, w.Watch(t.Context(), func(string) {}), "Watch around a store that is no Watcher")
	}
}

func hasCapability[T sessionstore.Store](s sessionstore.Store) bool {
	_, ok := sessionstore.As[T](s)
	return ok
}

package sessionstore_test

import (
	"context"
	"errors"
	"iter"
	"strings"
	"testing"
	"time"

	"github.com/cloakroom-go/cloakroom/core/memstore"
	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// A wrapper has the methods of all capabilities, and passes calls on.
type wrapper struct{ sessionstore.Store }

func (w wrapper) Unwrap() sessionstore.Store { return w.Store }

func (w wrapper) Touch(ctx context.Context, id string, version sessionstore.Version, expires time.Time) error {
	return sessionstore.Touch(ctx, w.Store, id, version, expires)
}

func (w wrapper) Prune(ctx context.Context) (int, error) { return sessionstore.Prune(ctx, w.Store) }

func (w wrapper) ListSubject(ctx context.Context, subject string) ([]sessionstore.Entry, error) {
	return sessionstore.ListSubject(ctx, w.Store, subject)
}

func (w wrapper) DeleteSubject(ctx context.Context, subject string) (int, error) {
	return sessionstore.DeleteSubject(ctx, w.Store, subject)
}

func (w wrapper) DeleteAll(ctx context.Context) (int, error) {
	return sessionstore.DeleteAll(ctx, w.Store)
}

func (w wrapper) Scan(ctx context.Context) iter.Seq2[sessionstore.Entry, error] {
	return sessionstore.Scan(ctx, w.Store)
}

func (w wrapper) Watch(ctx context.Context, changed func(string)) error {
	return sessionstore.Watch(ctx, w.Store, changed)
}

// A thinWrapper has no capability of its own.
type thinWrapper struct{ sessionstore.Store }

func (w thinWrapper) Unwrap() sessionstore.Store { return w.Store }

func TestACapabilityCountsOnlyIfEveryWrapperAndTheStoreHaveIt(t *testing.T) {
	t.Parallel()
	full := memstore.New(memstore.Options{})
	bare := plainStore{full}
	for name, c := range map[string]struct {
		store sessionstore.Store
		has   bool
	}{
		"the store itself":              {full, true},
		"wrapped":                       {wrapper{full}, true},
		"wrapped twice":                 {wrapper{wrapper{full}}, true},
		"a store without":               {bare, false},
		"a store without, wrapped":      {wrapper{bare}, false},
		"a store without, in two":       {wrapper{wrapper{bare}}, false},
		"a wrapper without":             {thinWrapper{full}, false},
		"a wrapper without, in another": {wrapper{thinWrapper{full}}, false},
		"around nothing":                {wrapper{nil}, false},
		"nothing":                       {nil, false},
	} {
		_, toucher := sessionstore.As[sessionstore.Toucher](c.store)
		_, pruner := sessionstore.As[sessionstore.Pruner](c.store)
		_, index := sessionstore.As[sessionstore.SubjectIndex](c.store)
		_, scanner := sessionstore.As[sessionstore.Scanner](c.store)
		_, watcher := sessionstore.As[sessionstore.Watcher](c.store)
		all, deleter := sessionstore.As[sessionstore.AllDeleter](c.store)
		if toucher != c.has || pruner != c.has || index != c.has || deleter != c.has || scanner != c.has || watcher != c.has {
			t.Errorf("%s: %v, %v, %v, %v, %v, %v, want %v for all", name, toucher, pruner, index, deleter, scanner, watcher, c.has)
		}
		if c.has && all != c.store || !c.has && all != nil {
			t.Errorf("%s: As returns %T", name, all)
		}
	}
}

func TestAWrapperOfAStoreWithoutTouchFallsBack(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	r := stored(t, e)
	w := wrapper{plainStore{e.store}}
	if err := sessionstore.Touch(t.Context(), w, anID, r.Version, farAway); err != nil {
		t.Fatal(err)
	}
	if calls := e.store.taken(); calls[opLoad] != 1 || calls[opUpdate] != 1 || calls[opTouch] != 0 {
		t.Errorf("store calls %v, want one Load and one Update", calls)
	}
}

func TestTheErrorNamesTheStoreThatLacksTheCapability(t *testing.T) {
	t.Parallel()
	full := memstore.New(memstore.Options{})
	for want, s := range map[string]sessionstore.Store{
		"sessionstore_test.plainStore is no Pruner":  wrapper{wrapper{plainStore{full}}},
		"sessionstore_test.thinWrapper is no Pruner": wrapper{thinWrapper{full}},
	} {
		_, err := sessionstore.Prune(t.Context(), s)
		if !errors.Is(err, sessionstore.ErrUnsupported) || !strings.HasSuffix(err.Error(), want) {
			t.Errorf("%v, want … %s", err, want)
		}
	}
}

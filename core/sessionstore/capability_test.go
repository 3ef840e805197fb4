package sessionstore_test

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// stored puts a record into the store of e.
func stored(t *testing.T, e *env) sessionstore.Record {
	t.Helper()
	r := sessionstore.Record{Data: []byte("data"), Subject: "ann", Expires: time.Now().Add(time.Hour), Version: 7}
	if err := e.mem.Create(t.Context(), anID, r); err != nil {
		t.Fatal(err)
	}
	return r
}

func TestTouchMovesTheExpiryOnly(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		plain bool
		calls map[op]int
	}{
		{"Toucher", false, map[op]int{opTouch: 1}},
		{"fallback", true, map[op]int{opLoad: 1, opUpdate: 1}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			e := newEnv(t)
			r := stored(t, e)
			var store sessionstore.Store = e.store
			if c.plain {
				store = plainStore{store}
			}
			want := r.Expires.Add(time.Hour)
			if err := sessionstore.Touch(t.Context(), store, anID, r.Version, want); err != nil {
				t.Fatal(err)
			}
			got, err := e.mem.Load(t.Context(), anID)
			if err != nil || !got.Expires.Equal(want) || !bytes.Equal(got.Data, r.Data) || got.Subject != r.Subject {
				t.Errorf("got %+v, %v", got, err)
			}
			if calls := e.store.taken(); !maps.Equal(calls, c.calls) {
				t.Errorf("store calls %v, want %v", calls, c.calls)
			}
			if err := sessionstore.Touch(t.Context(), store, anotherID, r.Version, want); !errors.Is(err, sessionstore.ErrNotFound) {
				t.Errorf("no record: %v, want ErrNotFound", err)
			}
			if _, err := e.mem.Load(t.Context(), anotherID); !errors.Is(err, sessionstore.ErrNotFound) {
				t.Errorf("Touch has created a record (%v)", err)
			}
			if err := sessionstore.Touch(t.Context(), store, anID, r.Version, time.Now()); !errors.Is(err, sessionstore.ErrInvalid) {
				t.Errorf("expiry now: %v, want ErrInvalid", err)
			}
		})
	}
}

func TestTouchOfAnotherVersionIsAConflict(t *testing.T) {
	t.Parallel()
	for name, plain := range map[string]bool{"Toucher": false, "fallback": true} {
		e := newEnv(t)
		r := stored(t, e)
		var store sessionstore.Store = e.store
		if plain {
			store = plainStore{store}
		}
		if err := sessionstore.Touch(t.Context(), store, anID, r.Version+1, farAway); !errors.Is(err, sessionstore.ErrConflict) {
			t.Errorf("%s: %v, want ErrConflict", name, err)
		}
		if got, err := e.mem.Load(t.Context(), anID); err != nil || !got.Expires.Equal(r.Expires) || got.Version != r.Version {
			t.Errorf("%s: the record is %+v, %v, was %+v", name, got, err, r)
		}
		if calls := e.store.taken(); calls[opUpdate] != 0 {
			t.Errorf("%s: an update was tried", name)
		}
	}
}

func TestTheFallbackOfTouchLosesNoUpdateAndRevivesNothing(t *testing.T) {
	t.Parallel()
	for name, between := range map[string]func(*env) error{
		"update": func(e *env) error {
			return e.mem.Update(context.Background(), anID, 7, sessionstore.Record{Data: []byte("newer"), Expires: farAway, Version: 8})
		},
		"delete": func(e *env) error { return e.mem.Delete(context.Background(), anID) },
	} {
		e := newEnv(t)
		stored(t, e)
		e.store.before = func(o op) error {
			if o != opUpdate {
				return nil
			}
			return between(e)
		}
		err := sessionstore.Touch(t.Context(), plainStore{e.store}, anID, 7, farAway)
		r, loadErr := e.mem.Load(t.Context(), anID)
		switch name {
		case "update":
			if !errors.Is(err, sessionstore.ErrConflict) || loadErr != nil || string(r.Data) != "newer" {
				t.Errorf("%s: %v; then %q, %v", name, err, r.Data, loadErr)
			}
		case "delete":
			if !errors.Is(err, sessionstore.ErrNotFound) || !errors.Is(loadErr, sessionstore.ErrNotFound) {
				t.Errorf("%s: %v; then %v", name, err, loadErr)
			}
		}
	}
}

func TestWithoutTheCapabilityTheAnswerIsErrUnsupported(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	stored(t, e)
	plain := plainStore{e.mem}
	if _, err := sessionstore.Prune(t.Context(), plain); !errors.Is(err, sessionstore.ErrUnsupported) {
		t.Errorf("Prune: %v", err)
	}
	if entries, err := sessionstore.ListSubject(t.Context(), plain, "ann"); !errors.Is(err, sessionstore.ErrUnsupported) || entries != nil {
		t.Errorf("ListSubject: %v, %v", entries, err)
	}
	if n, err := sessionstore.DeleteSubject(t.Context(), plain, "ann"); !errors.Is(err, sessionstore.ErrUnsupported) || n != 0 {
		t.Errorf("DeleteSubject: %d, %v", n, err)
	}
	if n, err := sessionstore.DeleteAll(t.Context(), plain); !errors.Is(err, sessionstore.ErrUnsupported) || n != 0 {
		t.Errorf("DeleteAll: %d, %v", n, err)
	}
	yields := 0
	for e, err := range sessionstore.Scan(t.Context(), plain) {
		if yields++; !errors.Is(err, sessionstore.ErrUnsupported) || e.ID != "" {
			t.Errorf("Scan: %v, %v", e, err)
		}
	}
	if yields != 1 {
		t.Errorf("Scan yields %d times, want once", yields)
	}
	changed := func(string) { t.Error("Watch reports something") }
	if err := sessionstore.Watch(t.Context(), plain, changed); !errors.Is(err, sessionstore.ErrUnsupported) {
		t.Errorf("Watch: %v", err)
	}
	if _, err := e.mem.Load(t.Context(), anID); err != nil {
		t.Errorf("the record is gone: %v", err)
	}
}

func TestWithTheCapabilityTheStoreIsAsked(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		stored(t, e)
		entries, err := sessionstore.ListSubject(t.Context(), e.mem, "ann")
		if err != nil || len(entries) != 1 || entries[0].ID != anID || entries[0].Record.Version != 7 {
			t.Errorf("ListSubject: %v, %v", entries, err)
		}
		for e, err := range sessionstore.Scan(t.Context(), e.mem) {
			if err != nil || e.ID != anID || e.Record.Version != 7 {
				t.Errorf("Scan: %v, %v", e, err)
			}
		}
		if n, err := sessionstore.DeleteSubject(t.Context(), e.mem, "ann"); err != nil || n != 1 {
			t.Errorf("DeleteSubject: %d, %v", n, err)
		}
		stored(t, e)
		if n, err := sessionstore.DeleteAll(t.Context(), e.mem); err != nil || n != 1 {
			t.Errorf("DeleteAll: %d, %v", n, err)
		}
		stored(t, e)
		<-time.After(time.Hour)
		if n, err := sessionstore.Prune(t.Context(), e.mem); err != nil || n != 1 {
			t.Errorf("Prune: %d, %v", n, err)
		}
	})
}

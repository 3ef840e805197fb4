package session_test

import (
	"bytes"
	"errors"
	"net/http"
	"testing"

	"github.com/cloakroom-go/cloakroom/core/session"
	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

func sealed(tb testing.TB, keys ...[]byte) func(*session.Options) {
	tb.Helper()
	s, err := session.NewSealer(keys...)
	if err != nil {
		tb.Fatal(err)
	}
	return func(o *session.Options) { o.Sealer = s }
}

func TestASealedSessionWorksAndItsRecordCanNotBeRead(t *testing.T) {
	t.Parallel()
	e := newEnv(t, sealed(t, session.GenerateKey()))
	v := e.seed(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) { name.Set(s, "Ann Example") })
	r, err := e.record(v)
	if err != nil {
		t.Fatal(err)
	}
	for _, plain := range []string{"Ann Example", name.Name()} {
		if bytes.Contains(r.Data, []byte(plain)) {
			t.Errorf("the record shows %q", plain)
		}
	}
	old := v.fork()
	wantStatus(t, v.do(authenticate), http.StatusOK)
	wantStatus(t, v.do(count), http.StatusOK)
	if got, _ := read(v, name); got != "Ann Example" {
		t.Errorf("after Authenticate the name is %q", got)
	}
	if _, ok := read(old, name); ok {
		t.Error("the old ticket still gives the session")
	}
}

func TestARecordThatDoesNotOpenIsTreatedAsAbsentAndLeft(t *testing.T) {
	t.Parallel()
	key := session.GenerateKey()
	for what, spoil := range map[string]func(e *env, v *visitor, r sessionstore.Record){
		"sealed under a removed key": func(e *env, v *visitor, _ sessionstore.Record) {
			v.m = e.manager(e.store, sealed(e.tb, session.GenerateKey()))
		},
		"not sealed": func(e *env, v *visitor, _ sessionstore.Record) {
			plain := e.manager(e.store)
			other := &visitor{e: e, m: plain}
			other.do(count)
			v.cookie = other.cookie
		},
		"another subject's": func(e *env, v *visitor, r sessionstore.Record) {
			old := r.Version
			r.Subject = "root"
			r.Version++
			if err := e.mem.Update(e.tb.Context(), v.id(), old, r); err != nil {
				e.tb.Fatal(err)
			}
		},
		"another session's": func(e *env, v *visitor, r sessionstore.Record) {
			other := e.visitor()
			other.do(count)
			old, err := e.record(other)
			if err != nil {
				e.tb.Fatal(err)
			}
			r.Version++
			if err := e.mem.Update(e.tb.Context(), other.id(), old.Version, r); err != nil {
				e.tb.Fatal(err)
			}
			v.cookie = other.cookie
		},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			e := newEnv(t, sealed(t, key))
			v := e.seed(count)
			r, err := e.record(v)
			if err != nil {
				t.Fatal(err)
			}
			spoil(e, v, r)
			before, err := e.record(v)
			if err != nil {
				t.Fatal(err)
			}
			bad := v.fork()
			wantStatus(t, v.do(count), http.StatusOK)
			if v.id() == bad.id() {
				t.Error("the new session has the old one's ticket")
			}
			if n, _ := read(v, counter); n != 1 {
				t.Errorf("counter %d, want 1: a new session", n)
			}
			after, err := e.record(bad)
			if err != nil || !bytes.Equal(after.Data, before.Data) {
				t.Errorf("the record was touched: %v", err)
			}
		})
	}
}

func TestASealedSessionOutlivesAChangeOfKeys(t *testing.T) {
	t.Parallel()
	oldKey, newKey := session.GenerateKey(), session.GenerateKey()
	e := newEnv(t, sealed(t, oldKey))
	v := e.seed(count)
	v.m = e.manager(e.store, sealed(t, newKey, oldKey))
	v.do(count) // sealed anew
	v.m = e.manager(e.store, sealed(t, newKey))
	if n, _ := read(v, counter); n != 2 {
		t.Errorf("counter %d, want 2", n)
	}
}

// A downSealer is a key service that does not answer.
type downSealer struct{ session.Sealer }

func (downSealer) Open(string, []byte) ([]byte, error) { return nil, errDown }

func TestAnOutageOfTheSealerIsNotALogout(t *testing.T) {
	t.Parallel()
	for name, manager := range map[string]func(*env, func(*session.Options)) *session.Manager{
		"at rest": func(e *env, o func(*session.Options)) *session.Manager { return e.manager(e.indexed(), o) },
		"in the cookie": func(e *env, o func(*session.Options)) *session.Manager {
			return e.cookieOnly(func(x *session.Options) { x.Keys = nil }, o)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e, _ := newIndexedEnv(t)
			up := sealed(t, session.GenerateKey())
			var o session.Options
			up(&o)
			down := func(other *session.Options) { other.Sealer = downSealer{o.Sealer} }
			v := &visitor{e: e, m: manager(e, up)}
			v.do(authenticate)
			healthy := v.m
			v.m = manager(e, down)
			wantOutage(t, v.do(count))
			if _, err := v.m.List(t.Context(), "ann"); name == "at rest" && !errors.Is(err, errDown) {
				t.Errorf("List: %v, want the sealer's error", err)
			}
			v.m = healthy
			v.do(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
				if s.Subject() != "ann" {
					t.Errorf("afterwards signed in as %q", s.Subject())
				}
			})
		})
	}
}

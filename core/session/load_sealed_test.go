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

// spoiled are records that a Manager with a Sealer can't read.
var spoiled = map[string]func(e *env, v *visitor, r sessionstore.Record){
	"sealed under a removed key": func(e *env, v *visitor, _ sessionstore.Record) {
		v.m = e.manager(e.store, sealed(e.tb, session.GenerateKey()))
	},
	"not sealed": func(e *env, v *visitor, _ sessionstore.Record) {
		other := e.visitor().with(e.manager(e.store))
		other.do(signIn("ann", count))
		v.cookie = other.cookie
	},
	"another subject's": func(e *env, v *visitor, r sessionstore.Record) {
		r.Subject = "root"
		e.overwrite(v, r)
	},
	"another session's": func(e *env, v *visitor, r sessionstore.Record) {
		other := e.visitor()
		other.do(count)
		v.cookie = other.cookie
		e.overwrite(v, r)
	},
}

// overwrite changes a visitor's record by force, as an attacker with the database
// could.
func (e *env) overwrite(v *visitor, r sessionstore.Record) {
	e.tb.Helper()
	old, err := e.record(v)
	if err != nil {
		e.tb.Fatal(err)
	}
	r.Version = old.Version + 1
	if err := e.mem.Update(e.tb.Context(), v.id(), old.Version, r); err != nil {
		e.tb.Fatal(err)
	}
}

// Another process may have the key: the visitor is not told that they are nobody, and
// what is there is not replaced.
func TestARecordThatDoesNotOpenIsQuietAndLeft(t *testing.T) {
	t.Parallel()
	eachSpoiled(t, func(e *env, v *visitor) {
		before, err := e.record(v)
		if err != nil {
			e.tb.Fatal(err)
		}
		bad := v.fork()
		res := v.do(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
			if s.IsNew() || s.Subject() != "" || len(s.Names()) != 0 {
				e.tb.Errorf("new %v, subject %q, values %q", s.IsNew(), s.Subject(), s.Names())
			}
			count(w, r, s)
			if err := s.Commit(r.Context()); !errors.Is(err, session.ErrNotFound) {
				e.tb.Errorf("Commit: %v, want ErrNotFound", err)
			}
		})
		wantStatus(e.tb, res, http.StatusOK)
		wantNoCookie(e.tb, res)
		wantStatus(e.tb, v.do(signIn("ann", count)), http.StatusOK) // to a session of its own
		if n, _ := read(v, counter); n != 1 || v.id() == bad.id() {
			e.tb.Errorf("after a login the counter is %d, want 1, in another session", n)
		}
		after, err := e.record(bad)
		if err != nil || !bytes.Equal(after.Data, before.Data) {
			e.tb.Errorf("the record was touched: %v", err)
		}
	})
}

func TestDestroyDeletesARecordThatDoesNotOpen(t *testing.T) {
	t.Parallel()
	eachSpoiled(t, func(e *env, v *visitor) {
		bad := v.fork()
		wantStatus(e.tb, v.do(destroy), http.StatusOK)
		if v.cookie != nil {
			e.tb.Error("the cookie is not taken back")
		}
		if _, err := e.record(bad); !errors.Is(err, session.ErrNotFound) {
			e.tb.Errorf("the record is still there: %v", err)
		}
	})
}

func eachSpoiled(t *testing.T, f func(e *env, v *visitor)) {
	t.Helper()
	key := session.GenerateKey()
	for what, spoil := range spoiled {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			e := newEnv(t, sealed(t, key))
			v := e.seed(signIn("ann", count))
			r, err := e.record(v)
			if err != nil {
				t.Fatal(err)
			}
			spoil(e, v, r)
			f(e, v)
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

// A mutedSealer is a key service that opens and does not seal.
type mutedSealer struct{ session.Sealer }

func (mutedSealer) Seal(string, []byte) ([]byte, error) { return nil, errDown }

func TestWhileNothingCanBeSealedReadingAndSigningOutWork(t *testing.T) {
	t.Parallel()
	e, _ := newIndexedEnv(t)
	up := sealed(t, session.GenerateKey())
	var o session.Options
	up(&o)
	v := e.visitor().with(e.manager(e.indexed(), up))
	v.do(signIn("ann", count))
	v.do(nothing)
	v.m = e.manager(e.indexed(), func(other *session.Options) { other.Sealer = mutedSealer{o.Sealer} })
	if n, _ := read(v, counter); n != 1 {
		t.Errorf("counter %d, want 1", n)
	}
	for _, work := range []handler{count, renew, signIn("bob")} {
		wantOutage(t, v.do(work))
	}
	old := v.fork()
	wantStatus(t, v.do(destroy), http.StatusOK)
	if alive(old) || v.cookie != nil {
		t.Error("the session has survived its end")
	}
}

// Where nothing can be sealed there is no tombstone, and where the record can't be opened there is
// none to make: it is deleted, or the logout is an outage.
func TestALogoutWithoutATombstoneDeletesTheRecord(t *testing.T) {
	t.Parallel()
	var o session.Options
	sealed(t, session.GenerateKey())(&o)
	for name, other := range map[string]func(*session.Options){
		"nothing can be sealed": func(other *session.Options) { other.Sealer = mutedSealer{o.Sealer} },
		"another key":           sealed(t, session.GenerateKey()),
	} {
		e := newEnv(t, func(other *session.Options) { other.Sealer = o.Sealer })
		v := e.seed(count)
		was := v.fork()
		v.m = e.manager(e.store, other)
		e.store.fail(errDown, opDelete)
		wantOutage(t, v.do(destroy))
		e.store.reset()
		wantStatus(t, v.do(destroy), http.StatusOK)
		if _, err := e.record(was); !errors.Is(err, session.ErrNotFound) {
			t.Errorf("%s: the record: %v, want ErrNotFound", name, err)
		}
	}
}

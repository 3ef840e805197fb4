package session_test

import (
	"errors"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cloakroom-go/cloakroom/core/session"
)

// What makes a ticket that is not good for its session any more. ann is signed in to it
// afterwards, with a counter of 1.
var worthless = []struct {
	name  string
	make  func(e *env) (old, v *visitor)
	joins bool // signing in as ann with it leads into her session
	lives bool // her session
}{
	{"from before a login that nobody has seen", func(e *env) (old, v *visitor) {
		v = e.seed(count)
		old = v.fork()
		v.do(authenticate)
		return old, v
	}, true, true},
	{"from before a login that was seen", func(e *env) (old, v *visitor) {
		v = e.seed(count)
		old = v.fork()
		v.do(authenticate)
		v.do(nothing)
		return old, v
	}, true, true},
	{"from before a login that is lost", func(e *env) (old, v *visitor) {
		v = e.seed(count)
		old = v.fork()
		v.do(authenticate)
		pass(10*time.Minute + 1)
		return old, nil // nobody has its ticket, and it may go
	}, true, true},
	{"retired, within the grace", retiredFor(0), true, true},
	{"retired, after the grace", retiredFor(renewGrace), true, true},
	{"retired, and gone from the list", func(e *env) (old, v *visitor) {
		old, v = retiredFor(0)(e)
		for range 10 {
			v.do(renew)
			v.do(nothing)
		}
		return old, v
	}, true, true},
	{"of a session that was signed out of", func(e *env) (old, v *visitor) {
		v = e.seed(signIn("ann", count))
		old = v.fork()
		v.do(destroy)
		return old, v
	}, false, false},
	{"of a session that the store has lost", func(e *env) (old, v *visitor) {
		v = e.forgotten()
		return v.fork(), v
	}, false, false},
}

// retiredFor makes a ticket that was retired some time ago.
func retiredFor(d time.Duration) func(e *env) (old, v *visitor) {
	return func(e *env) (old, v *visitor) {
		v = e.seed(signIn("ann", count))
		v.do(nothing)
		old = v.fork()
		v.do(renew)
		v.do(nothing)
		pass(d)
		return old, v
	}
}

func eachWorthless(t *testing.T, f func(t *testing.T, e *env, old, v *visitor, joins, lives bool)) {
	t.Helper()
	for _, w := range worthless {
		t.Run(w.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				e, _ := newIndexedEnv(t)
				old, v := w.make(e)
				f(t, e, old, v, w.joins, w.lives)
			})
		})
	}
}

// A form that is sent twice, or again because the answer was lost, comes with the
// ticket from before it.
func TestSigningInAgainJoinsTheSession(t *testing.T) {
	t.Parallel()
	eachWorthless(t, func(t *testing.T, e *env, old, v *visitor, joins, lives bool) {
		t.Helper()
		late := old.fork()
		wantStatus(t, late.do(signIn("ann", count)), http.StatusOK)
		if joined := late.id() == old.id(); joined != joins {
			t.Errorf("it has joined: %v, want %v", joined, joins)
		}
		want := 1
		if joins {
			want = 2
		}
		if n, _ := read(late, counter); n != want {
			t.Errorf("counter %d, want %d", n, want)
		}
		if lives && v != nil && !alive(v) {
			t.Error("the other ticket is worthless now")
		}
		if n := len(e.list("ann")); n != 1 {
			t.Errorf("ann has %d sessions, want 1", n)
		}
	})
}

// Nothing of one account reaches another, and a ticket that is not good for a session
// ends none.
func TestSigningInAsSomebodyElseBeginsASessionWithNothingInIt(t *testing.T) {
	t.Parallel()
	eachWorthless(t, func(t *testing.T, e *env, old, v *visitor, _, lives bool) {
		t.Helper()
		late := old.fork()
		wantStatus(t, late.do(signIn("bob")), http.StatusOK)
		late.do(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
			if s.Subject() != "bob" || len(s.Names()) != 0 || late.id() == old.id() {
				t.Errorf("%q has %q, in the same record: %v", s.Subject(), s.Names(), late.id() == old.id())
			}
		})
		if lives && (v != nil && !alive(v) || len(e.list("ann")) != 1) {
			t.Error("ann's session has ended")
		}
	})
}

// Unless it signs somebody in, a request with such a ticket stores nothing and gets no
// other: its late answer would take the place of the login's.
func TestAWorthlessTicketStoresNothingAndGetsNoOther(t *testing.T) {
	t.Parallel()
	eachWorthless(t, func(t *testing.T, e *env, old, _ *visitor, _, _ bool) {
		t.Helper()
		if alive(old) || e.lost(old) {
			return // it works within its grace; or it is as good as none
		}
		for what, work := range map[string]handler{"a value": count, "a message": leave("hello"), "Renew": renew} {
			e.store.taken()
			res := old.fork().do(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
				if s.IsNew() || s.Subject() != "" || len(s.Names()) != 0 {
					t.Errorf("%s: new %v, subject %q, values %q", what, s.IsNew(), s.Subject(), s.Names())
				}
				work(w, r, s)
				want := session.ErrNotFound
				if what == "Renew" {
					want = nil // there is nothing to renew
				}
				if err := s.Commit(r.Context()); want != nil && !errors.Is(err, want) {
					t.Errorf("%s: Commit: %v, want %v", what, err, want)
				}
			})
			wantStatus(t, res, http.StatusOK)
			wantNoCookie(t, res)
			if calls := e.store.taken(); calls[opLoad] != 1 || len(calls) != 1 {
				t.Errorf("%s: store calls %v, want one Load", what, calls)
			}
		}
	})
}

// lost reports whether nothing, or nothing that the visitor's ticket is quiet for, is
// in the store: it is as if the ticket were none.
func (e *env) lost(v *visitor) (isNew bool) {
	e.tb.Helper()
	v.fork().do(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) { isNew = s.IsNew() })
	return isNew
}

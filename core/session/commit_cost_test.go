package session_test

import (
	"maps"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cloakroom-go/cloakroom/core/session"
)

// What each way of use costs in store calls.
func TestStoreCallsAreCounted(t *testing.T) {
	t.Parallel()
	var (
		none   = map[op]int{}
		load   = map[op]int{opLoad: 1}
		write  = map[op]int{opLoad: 1, opUpdate: 1}
		create = map[op]int{opCreate: 1}
		begin  = map[op]int{opLoad: 1, opUpdate: 1, opCreate: 1}
	)
	anonymous := []handler{count}
	unseen := []handler{signIn("ann", count)} // the visitor has not shown their ticket yet
	signedIn := []handler{signIn("ann", count), nothing}
	retired := []handler{signIn("ann", count), renew, nothing} // the request comes with the first ticket
	for _, c := range []struct {
		name  string
		seed  []handler
		after time.Duration
		work  handler // nil: the session isn't looked at
		want  map[op]int
	}{
		{"untouched", signedIn, 0, nil, none},
		{"read without a session", nil, 0, look, none},
		{"first write", nil, 0, count, create},
		{"login of a new visitor", nil, 0, authenticate, create},
		{"read of an anonymous session", anonymous, 0, look, load},
		{"write to an anonymous session", anonymous, 0, count, write},
		{"first login", anonymous, 0, authenticate, write},
		{"Renew of an anonymous session", anonymous, 0, renew, load},
		{"logout of an anonymous session", anonymous, 0, destroy, write},
		{"first sight", unseen, 0, look, write},
		{"first sight within a write", unseen, 0, count, write},
		{"first sight within Renew", unseen, 0, renew, write},
		{"first sight within a logout", unseen, 0, destroy, write},
		{"read", signedIn, 0, look, load},
		{"write", signedIn, 0, count, write},
		{"read and write, many times", signedIn, 0, func(w http.ResponseWriter, r *http.Request, s *session.Session) {
			for range 10 {
				look(w, r, s)
				count(w, r, s)
			}
		}, write},
		{"delete what is not there", signedIn, 0, func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
			name.Delete(s)
		}, load},
		{"update that changes nothing", signedIn, 0, func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
			counter.Update(s, func(n int) int { return n })
			name.Update(s, func(string) string { return "" })
		}, load},
		{"login again", signedIn, 0, authenticate, write},
		{"login as somebody else", signedIn, 0, signIn("bob"), begin},
		{"Renew", signedIn, 0, renew, write},
		{"Renew and write", signedIn, 0, both(renew, count), write},
		{"Reauthenticate", signedIn, 0, reauthenticate, write},
		{"StepUp", signedIn, 0, stepUp, write},
		{"SetPersistent", signedIn, 0, setPersistent(true), write},
		{"logout", signedIn, 0, destroy, write},
		{"logout and write", signedIn, 0, both(destroy, count), begin},
		{"read, once in a TouchInterval", signedIn, session.DefaultIdleTimeout / 10, look, map[op]int{opLoad: 1, opTouch: 1}},
		{"read, when a new ticket is due", signedIn, renewEvery, look, write},
		{"write, when a new ticket is due", signedIn, renewEvery, count, write},
		{"read with a retired ticket", retired, 0, look, load},
		{"write with a retired ticket", retired, 0, count, write},
		{"read with a quiet ticket", retired, renewGrace, look, load},
		{"write with a quiet ticket", retired, renewGrace, count, load},
		{"login with a quiet ticket", retired, renewGrace, authenticate, map[op]int{opLoad: 2, opUpdate: 1}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				e := newEnv(t, renewing)
				v := e.visitor()
				ticket := v.fork()
				for i, work := range c.seed {
					if v.do(work); i == 0 {
						ticket = v.fork()
					}
				}
				pass(c.after)
				e.store.reset()
				if c.work == nil {
					ticket.serve(e.m.Handler(http.NotFoundHandler()))
				} else {
					ticket.do(c.work)
				}
				calls := e.store.taken()
				if !maps.Equal(calls, c.want) {
					t.Errorf("store calls %v, want %v", calls, c.want)
				}
			})
		})
	}
}

// What Options.MaxSessions costs beside that.
func TestStoreCallsOfALimitAreCounted(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e, _ := newIndexedEnv(t, func(o *session.Options) { o.MaxSessions = 2 })
		want := func(what string, v *visitor, work handler, want map[op]int) {
			t.Helper()
			e.store.reset()
			v.do(work)
			if calls := e.store.taken(); !maps.Equal(calls, want) {
				t.Errorf("%s: store calls %v, want %v", what, calls, want)
			}
		}
		for range 2 {
			v := e.visitor()
			want("a login", v, authenticate, map[op]int{opList: 2, opCreate: 1})
			want("its first sight", v, look, map[op]int{opLoad: 1, opList: 1, opUpdate: 1})
			want("a read", v, look, map[op]int{opLoad: 1})
			want("another login", v, authenticate, map[op]int{opLoad: 1, opUpdate: 1})
		}
		want("a login that ends another session", e.visitor(), authenticate, map[op]int{opList: 3, opCreate: 1, opUpdate: 1})
		v := e.visitor()
		v.do(count)
		want("the login of an anonymous session", v, authenticate, map[op]int{opLoad: 1, opList: 3, opUpdate: 2})
	})
}

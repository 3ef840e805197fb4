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
	for _, c := range []struct {
		name string
		work handler // nil: the session isn't looked at
		want map[op]int
	}{
		{"untouched", nil, map[op]int{}},
		{"read", look, map[op]int{opLoad: 1}},
		{"write", count, map[op]int{opLoad: 1, opUpdate: 1}},
		{"read and write, many times", func(w http.ResponseWriter, r *http.Request, s *session.Session) {
			for range 10 {
				look(w, r, s)
				count(w, r, s)
			}
		}, map[op]int{opLoad: 1, opUpdate: 1}},
		{"delete what is not there", func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
			name.Delete(s)
		}, map[op]int{opLoad: 1}},
		{"update that changes nothing", func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
			counter.Update(s, func(n int) int { return n })
			name.Update(s, func(string) string { return "" })
		}, map[op]int{opLoad: 1}},
		{"authenticate", authenticate, map[op]int{opLoad: 1, opCreate: 1, opUpdate: 1, opDelete: 1}},
		{"renew and write", func(w http.ResponseWriter, r *http.Request, s *session.Session) {
			s.Renew()
			count(w, r, s)
		}, map[op]int{opLoad: 1, opCreate: 1, opUpdate: 1, opDelete: 1}},
		{"destroy", destroy, map[op]int{opLoad: 1, opUpdate: 1, opDelete: 1}},
		{"destroy and write", func(w http.ResponseWriter, r *http.Request, s *session.Session) {
			s.Destroy()
			count(w, r, s)
		}, map[op]int{opLoad: 1, opUpdate: 1, opDelete: 1, opCreate: 1}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			e := newEnv(t)
			v := e.seed(count)
			if c.work == nil {
				v.serve(e.m.Handler(http.NotFoundHandler()))
			} else {
				v.do(c.work)
			}
			calls := e.store.taken()
			for _, o := range []op{opLoad, opCreate, opUpdate, opDelete, opTouch} {
				if calls[o] != c.want[o] {
					t.Errorf("%s: %d calls, want %d", o, calls[o], c.want[o])
				}
			}
		})
	}
	for _, c := range []struct {
		name  string
		after time.Duration
		work  handler
		want  map[op]int
	}{
		{"step up", 0, stepUp, map[op]int{opLoad: 1, opCreate: 1, opUpdate: 1, opDelete: 1}},
		{"read, once in a TouchInterval", session.DefaultIdleTimeout / 10, look, map[op]int{opLoad: 1, opTouch: 1}},
		{"read, when a new token is due", renewEvery, look, map[op]int{opLoad: 1, opCreate: 1, opUpdate: 1}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				e := newEnv(t, renewing)
				v := e.seed(signIn("ann", count))
				pass(c.after)
				v.do(c.work)
				if calls := e.store.taken(); !maps.Equal(calls, c.want) {
					t.Errorf("store calls %v, want %v", calls, c.want)
				}
			})
		})
	}
	t.Run("first write of a new visitor", func(t *testing.T) {
		t.Parallel()
		e := newEnv(t)
		e.visitor().do(count)
		if calls := e.store.taken(); calls[opCreate] != 1 || len(calls) != 1 {
			t.Errorf("store calls %v, want one Create", calls)
		}
	})
}

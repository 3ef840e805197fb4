package session_test

import (
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cloakroom-go/cloakroom/core/session"
)

// Each of two logins, and each of a login and a move, is interrupted by the other
// at each of its calls of the store.
func TestWhateverMeetsALoginTheLimitHolds(t *testing.T) {
	t.Parallel()
	for name, policy := range limitPolicies {
		for meets, work := range map[string]handler{
			"a login": nil, "a renewal": nothing, "a login again": authenticate, "Renew": renew, "a write": count, "Destroy": destroy,
		} {
			for _, outside := range []bool{false, true} {
				for n := 1; n <= 2*storeCalls; n++ {
					t.Run(fmt.Sprintf("%s, %s, outside %v, call %d", name, meets, outside, n), func(t *testing.T) {
						t.Parallel()
						synctest.Test(t, func(t *testing.T) { loginMeets(t, policy, work, outside, n) })
					})
				}
			}
		}
	}
}

func loginMeets(t *testing.T, policy func(int) func(*session.Options), work handler, outside bool, n int) {
	t.Helper()
	const limit = 2
	e, _ := newIndexedEnv(t, policy(limit), renewing)
	other := e.seed(count)
	if work != nil {
		other = e.login("ann", count)
	} else {
		work = signIn("ann")
	}
	pass(time.Second)
	third := e.login("ann", count)
	pass(renewEvery)
	third.do(nothing)
	v := e.seed(count)
	visitors := []*visitor{v, other, third}
	held := other.fork()
	login, second := func() { v.do(signIn("ann")) }, func() {
		other.do(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
			if s.Subject() != "" || !s.IsNew() {
				work(w, r, s)
			}
		})
	}
	first := login
	if outside {
		first, second = second, first
	}
	met := e.store.meet(n, second)
	first()
	e.store.reset()
	if !met() {
		return
	}
	list := e.list("ann")
	if len(list) > limit {
		t.Errorf("%d sessions, at most %d are allowed", len(list), limit)
	}
	signedIn := 0
	for _, v := range append(visitors, held) {
		if v.cookie == nil || v == held && other.cookie != nil && held.cookie.Value == other.cookie.Value {
			continue
		}
		pass(renewGrace)
		v.fork().do(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
			if s.Subject() == "ann" {
				signedIn++
			}
		})
	}
	if signedIn != len(list) {
		t.Errorf("%d sessions and %d visitors who are signed in", len(list), signedIn)
	}
}

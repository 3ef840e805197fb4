package session_test

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cloakroom-go/cloakroom/core/session"
)

// TestWhoShowsAnOldSessionIsNotFresh has nobody give a password: the old session may be a copy,
// or have been left open for days.
func TestWhoShowsAnOldSessionIsNotFresh(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		var err error
		stale := func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
			if s.Subject() != "ann" || s.Fresh(time.Hour) || !s.Authenticated().IsZero() || s.Started().IsZero() {
				t.Errorf("%q is fresh %t, authenticated %v", s.Subject(), s.Fresh(time.Hour), s.Authenticated())
			}
		}
		first, anonymous := e.visitor(), e.seed(count)
		first.do(goOn(&err, stale))
		first.do(stale)
		anonymous.do(goOn(&err, stale))
		anonymous.do(stale)
		first.do(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) { s.Authenticate("ann") })
		first.do(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
			if !s.Fresh(time.Hour) {
				t.Error("who has given the password is not fresh")
			}
		})
		pass(15 * time.Minute)
		first.do(nothing)
		joins := e.visitor()
		joins.do(goOn(&err, stale))
		joins.do(stale)
		inCookie := &visitor{e: e, m: e.cookieOnly()}
		inCookie.do(goOn(&err, stale))
		inCookie.do(stale)
		if err != nil {
			t.Error(err)
		}
	})
}

// TestWhoHasMovedInRanksByWhenTheyDid has a limit be set when they are there already.
func TestWhoHasMovedInRanksByWhenTheyDid(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e, _ := newIndexedEnv(t)
		var err error
		first := e.login("ann", nothing)
		pass(time.Minute)
		moved := e.visitor()
		moved.do(goOn(&err))
		pass(time.Minute)
		e.m = e.manager(e.indexed(), func(o *session.Options) { o.MaxSessions = 2 })
		e.login("ann", nothing)
		if alive(first) || !alive(moved) {
			t.Errorf("the one that began first is alive %t, the one that has moved in %t", alive(first), alive(moved))
		}
	})
}

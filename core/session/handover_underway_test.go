package session_test

import (
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cloakroom-go/cloakroom/core/session"
)

// pages are what a page of a shop does with the session while the visitor signs in.
var pages = map[string]handler{
	"reads":                  look,
	"writes":                 fillCart,
	"leaves a message":       func(_ http.ResponseWriter, _ *http.Request, s *session.Session) { s.Flash("info", "hello") },
	"makes a CSRF token":     func(_ http.ResponseWriter, _ *http.Request, s *session.Session) { s.Secret("csrf") },
	"reads a message":        func(_ http.ResponseWriter, r *http.Request, s *session.Session) { _, _ = s.Flashes(r.Context()) },
	"moves the session, too": renew,
}

// TestAPageAskedForBeforeAMoveSignsNobodyOut has a page that was requested with the
// old ticket, by a tab that polls, for instance. It looks at the session before the
// move and saves after it, or looks at it only after the move; its answer arrives
// before or after the one that brings the new ticket.
func TestAPageAskedForBeforeAMoveSignsNobodyOut(t *testing.T) {
	t.Parallel()
	for what, page := range pages {
		for _, looksLate := range []bool{true, false} {
			for _, answersLate := range []bool{true, false} {
				t.Run(fmt.Sprintf("a page %s, looks late %v, answers late %v", what, looksLate, answersLate), func(t *testing.T) {
					t.Parallel()
					eachMove(t, func(b *browser, m move) {
						late := b.at(b.m)
						var finish func() *http.Response
						if !looksLate {
							finish = b.start(page)
						}
						moved := b.ask(m.make)
						wantStatus(b.tb, moved, http.StatusOK)
						if looksLate {
							finish = late.start(page)
						}
						if answersLate {
							b.take(moved)
							b.wantSignedIn()
							b.take(finish())
						} else {
							b.take(finish())
							b.take(moved)
						}
						b.wantSignedIn()
						pass(time.Minute)
						b.wantSignedIn()
					})
				})
			}
		}
	}
}

// TestAPageAskedForBeforeALoginEndsNoOtherDevice has a limit on sessions, and somebody
// who signs in as often as it takes.
func TestAPageAskedForBeforeALoginEndsNoOtherDevice(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		e.m = e.manager(e.mem, func(o *session.Options) { o.MaxSessions = 3 })
		remember := func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
			s.Authenticate("ann")
			s.Remember(30 * 24 * time.Hour)
		}
		phone := newBrowser(e)
		phone.shop()
		phone.do(remember)
		phone.wantSignedIn()
		computer := newBrowser(e)
		computer.shop()
		for range 4 {
			pass(time.Minute)
			late := computer.at(e.m)
			computer.do(remember)
			computer.take(late.ask(fillCart))
			computer.wantSignedIn()
		}
		phone.wantSignedIn()
	})
}

// TestATabThatPollsDoesNotLoseALogin signs in while another tab polls, in real time
// and without a word between the two.
func TestATabThatPollsDoesNotLoseALogin(t *testing.T) {
	t.Parallel()
	for what, page := range pages {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			e := newEnv(t)
			for range 20 {
				b := newBrowser(e)
				b.shop()
				old := b.at(b.m)
				answers := make(chan *http.Response)
				go func() {
					defer close(answers)
					for range 10 {
						answers <- old.ask(page)
					}
				}()
				b.take(<-answers)
				b.do(authenticate)
				for res := range answers {
					b.take(res)
				}
				b.wantSignedIn()
			}
		})
	}
}

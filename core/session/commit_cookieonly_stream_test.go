package session_test

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/cloakroom-go/cloakroom/core/session"
)

// A stream that only reloads, as docs/streams.md shows, ends with the session's time.
func TestReloadOfASessionInItsCookieSaysThatItsTimeIsOver(t *testing.T) {
	t.Parallel()
	eachMode(t, func(e *env) {
		v := e.seed(authenticate)
		v.do(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
			_, _ = io.WriteString(w, "the header leaves")
			pass(session.DefaultIdleTimeout - 1)
			reload(e.tb, r, s, nil)
			pass(1)
			if err := s.Reload(r.Context()); !errors.Is(err, session.ErrNotFound) || !strings.Contains(err.Error(), "time is over") {
				e.tb.Errorf("Reload: %v, want ErrNotFound because its time is over", err)
			}
			reload(e.tb, r, s, session.ErrNotFound)
			if s.Subject() != "" {
				e.tb.Errorf("it is %s's still", s.Subject())
			}
		})
	})
}

// The header brings the visitor a cookie that lasts longer than the one that they came with.
func TestAContextOfASessionInItsCookieLastsAsLongAsTheCookieThatIsSent(t *testing.T) {
	t.Parallel()
	eachMode(t, func(e *env) {
		v := e.seed(authenticate)
		pass(session.DefaultIdleTimeout - time.Minute)
		v.do(func(w http.ResponseWriter, _ *http.Request, s *session.Session) {
			early := s.WatchContext()
			_, _ = io.WriteString(w, "the header leaves")
			over := s.WatchContext()
			pass(session.DefaultIdleTimeout - 1)
			if early.Err() != nil || over.Err() != nil {
				e.tb.Errorf("%v, %v before the session has ended", early.Err(), over.Err())
			}
			pass(1)
			if early.Err() == nil || over.Err() == nil {
				e.tb.Error("a context goes on when the session has ended")
			}
		})
	})
}

// Middleware has asked for a context before the request made the session end earlier.
func TestAContextOfASessionInItsCookieKeepsADeadlineOfThisRequest(t *testing.T) {
	t.Parallel()
	eachMode(t, func(e *env) {
		v := e.seed(authenticate)
		v.do(func(w http.ResponseWriter, _ *http.Request, s *session.Session) {
			_ = s.WatchContext()
			s.SetDeadline(time.Now().Add(time.Minute))
			_, _ = io.WriteString(w, "the header leaves")
			over := s.WatchContext()
			pass(time.Minute)
			if over.Err() == nil {
				e.tb.Error("it goes on when the session has ended")
			}
		})
	})
}

// A request may end its session, or begin another.
func TestAContextOfASessionInItsCookieIsOfThatSession(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*session.Session){
		"signs out":           (*session.Session).Destroy,
		"signs in as another": func(s *session.Session) { s.Authenticate("bob") },
		"stays":               func(*session.Session) {},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			eachMode(t, func(e *env) {
				v := e.seed(authenticate)
				pass(session.DefaultIdleTimeout - time.Minute)
				v.do(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
					over := s.WatchContext()
					change(s)
					if err := s.Commit(r.Context()); err != nil {
						e.tb.Error(err)
					}
					_, _ = io.WriteString(w, "the header leaves")
					pass(time.Minute)
					if goesOn := name == "stays"; (over.Err() == nil) != goesOn {
						e.tb.Errorf("the context says %v", over.Err())
					}
				})
			})
		})
	}
}

package session_test

import (
	"net/http"
	"testing"

	"github.com/cloakroom-go/cloakroom/core/session"
)

func TestASessionThatBeginsAnewHasOneID(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	v := e.seed(signIn("ann"))
	var promised, stored string
	v.do(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		s.Authenticate("bob")
		publicIDOf(&promised)(w, r, s)
		e.store.meet(2, func() { v.fork().do(count) }) // the change is made again
	})
	e.store.reset()
	if v.do(publicIDOf(&stored)); stored != promised {
		t.Errorf("id %s, then %s", promised, stored)
	}
}

// What a request has begun to be and was never stored does not end.
func TestAnEndNamesTheSessionAsItWasStored(t *testing.T) {
	t.Parallel()
	for name, open := range map[string]func(testing.TB, ...func(*session.Options)) *env{
		"store": newEnv, "cookie-only": newCookieOnlyEnv,
	} {
		for _, c := range []struct {
			name    string
			before  handler
			work    handler
			subject string
			reason  session.EndReason
		}{
			{"signed in, then out", count, both(signIn("ann"), destroy), "", session.EndDestroyed},
			{"signed in as somebody else, then out", signIn("ann"), both(signIn("bob"), destroy), "ann", session.EndDestroyed},
			{"signed in twice", count, both(signIn("ann"), signIn("bob")), "", session.EndReplaced},
			{"signed in as somebody else, and back", signIn("ann"), both(signIn("bob"), signIn("ann")), "ann", session.EndReplaced},
		} {
			t.Run(name+"/"+c.name, func(t *testing.T) {
				t.Parallel()
				var d diary
				v := open(t, d.keep).seed(c.before)
				var publicID string
				v.do(publicIDOf(&publicID))
				d.taken()
				v.do(c.work)
				want := session.Event{Kind: session.EventEnded, ID: publicID, Subject: c.subject, Reason: c.reason}
				if got := d.taken(); len(got) == 0 || got[0] != want {
					t.Errorf("told %+v, want %+v first", got, want)
				}
			})
		}
	}
}

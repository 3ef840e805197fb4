package session_test

import (
	"errors"
	"net/http"
	"slices"
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
		e.store.lose(errDown, opCreate)
		if err := s.Commit(r.Context()); !errors.Is(err, errDown) {
			t.Errorf("Commit: %v, want the store's error", err)
		}
		e.store.reset()
		count(w, r, s)
	})
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
				got := slices.DeleteFunc(d.taken(), func(e session.Event) bool { return e.Kind != session.EventEnded })
				if !slices.Equal(got, []session.Event{want}) {
					t.Errorf("told %+v, want %+v", got, want)
				}
			})
		}
	}
}

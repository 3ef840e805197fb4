package session_test

import (
	"net/http"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cloakroom-go/cloakroom/core/session"
)

func TestRevocationsAreToldOnce(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(e *env, v *visitor, publicID string) error{
		"End": func(e *env, _ *visitor, publicID string) error { return e.m.End(e.tb.Context(), "ann", publicID) },
		"EndSubject": func(e *env, _ *visitor, _ string) error {
			_, err := e.m.EndSubject(e.tb.Context(), "ann")
			return err
		},
		"EndIf": func(e *env, _ *visitor, _ string) error {
			_, err := e.m.EndIf(e.tb.Context(), "ann", func(session.Info) bool { return true })
			return err
		},
		"EndOthers": func(e *env, _ *visitor, _ string) (err error) {
			other := e.login("ann")
			other.do(func(_ http.ResponseWriter, r *http.Request, s *session.Session) { _, err = s.EndOthers(r.Context()) })
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var d diary
			e, _ := newIndexedEnv(t, d.keep)
			v := e.login("ann")
			var publicID string
			v.do(publicIDOf(&publicID))
			d.taken()
			if err := end(e, v, publicID); err != nil {
				t.Fatal(err)
			}
			var ended []session.Event
			for _, event := range d.taken() {
				if event.Kind == session.EventEnded {
					ended = append(ended, event)
				}
			}
			want := session.Event{Kind: session.EventEnded, ID: publicID, Subject: "ann", Reason: session.EndRevoked}
			if !slices.Equal(ended, []session.Event{want}) {
				t.Errorf("told %+v, want once %+v", ended, want)
			}
		})
	}
}

func TestEvictionsAndRefusalsAreTold(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		policy func(int) func(*session.Options)
		want   []string
	}{
		"evict":  {atMost, []string{"created", "authenticated", "ended: evicted"}},
		"refuse": {refusing, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var d diary
				e, _ := newIndexedEnv(t, c.policy(1), d.keep)
				e.login("ann")
				pass(time.Second)
				d.taken()
				e.visitor().do(authenticate)
				wantEvents(t, &d, c.want...)
			})
		})
	}
}

package session_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"

	"github.com/cloakroom-go/cloakroom/core/session"
	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// Whoever writes at the same moment is ended all the same, wherever the one meets
// the other. A login that comes second makes a session of its own.
func TestASessionThatIsBeingWrittenDoesNotEscapeItsEnd(t *testing.T) {
	t.Parallel()
	ends := map[string]func(e *env, publicID string) error{
		"End": func(e *env, publicID string) error { return e.m.End(e.tb.Context(), "ann", publicID) },
		"EndSubject": func(e *env, _ string) error {
			_, err := e.m.EndSubject(e.tb.Context(), "ann")
			return err
		},
		"EndIf": func(e *env, _ string) error {
			n, err := e.m.EndIf(e.tb.Context(), "ann", func(session.Info) bool { return true })
			if err == nil && n != 1 {
				return fmt.Errorf("%d sessions ended", n)
			}
			return err
		},
	}
	works := map[string]handler{"renewal": nothing, "Renew": renew, "Authenticate": authenticate, "StepUp": stepUp, "write": count}
	for endName, end := range ends {
		for workName, work := range works {
			for _, outside := range []bool{false, true} {
				for n := 1; n <= storeCalls; n++ {
					t.Run(fmt.Sprintf("%s against %s, outside %v, call %d", endName, workName, outside, n), func(t *testing.T) {
						t.Parallel()
						synctest.Test(t, func(t *testing.T) {
							e, l := newIndexedEnv(t, renewing)
							v := e.login("ann", count)
							var publicID string
							v.do(publicIDOf(&publicID))
							records := l.records(t) - 1 // that of the session
							if workName == "renewal" {
								pass(renewEvery)
							}
							held := v.fork()
							first := func() {
								v.do(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
									if s.Subject() == "ann" {
										work(w, r, s)
									}
								})
							}
							second := func() {
								if err := end(e, publicID); err != nil {
									t.Error(err)
								}
							}
							if outside {
								first, second = second, first
							}
							met := e.store.meet(n, second)
							first()
							e.store.reset()
							if !met() {
								return
							}
							if alive(held) || v.cookie != nil && alive(v) {
								t.Error("the session has escaped")
							}
							pass(renewGrace)
							if workName == "Authenticate" && v.cookie != nil && v.id() != held.id() {
								records++
							}
							if n := l.records(t); n != records {
								t.Errorf("%d records remain, want %d", n, records)
							}
						})
					})
				}
			}
		}
	}
}

func TestAFaultWhileEndingIsReportedAndCanBeRepeated(t *testing.T) {
	t.Parallel()
	ends := map[string]func(*session.Manager, context.Context) (int, error){
		"EndSubject": func(m *session.Manager, ctx context.Context) (int, error) { return m.EndSubject(ctx, "ann") },
		"EndIf": func(m *session.Manager, ctx context.Context) (int, error) {
			return m.EndIf(ctx, "ann", func(session.Info) bool { return true })
		},
	}
	for _, c := range []struct {
		end     string
		failing op
	}{{"EndSubject", opList}, {"EndSubject", opDeleteSubject}, {"EndIf", opList}, {"EndIf", opDelete}} {
		for _, lost := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, %s, answer lost %v", c.end, c.failing, lost), func(t *testing.T) {
				t.Parallel()
				e, l := newIndexedEnv(t)
				for range 3 {
					e.login("ann", count)
				}
				e.store.reset()
				if lost {
					e.store.lose(errDown, c.failing)
				} else {
					e.store.fail(errDown, c.failing)
				}
				if _, err := ends[c.end](e.m, t.Context()); !errors.Is(err, errDown) {
					t.Errorf("%v, want the store's error", err)
				}
				e.store.reset()
				if _, err := ends[c.end](e.m, t.Context()); err != nil {
					t.Error(err)
				}
				if n := l.records(t); n != 0 {
					t.Errorf("%d records remain", n)
				}
			})
		}
	}
}

// A record that is damaged does not stand in the way of the others: neither of their
// end nor of a login.
func TestADamagedListStandsInNobodysWay(t *testing.T) {
	t.Parallel()
	e, _ := newIndexedEnv(t, atMost(2))
	phone := e.login("ann", count)
	e.store.lose(fmt.Errorf("teststore: one of them: %w", sessionstore.ErrCorrupt), opList)
	desk := e.login("ann", count)
	list, err := e.m.List(t.Context(), "ann")
	if len(list) != 2 || err != nil {
		t.Errorf("List: %d sessions, %v, want those that can be read", len(list), err)
	}
	desk.do(func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
		if n, err := s.EndOthers(r.Context()); n != 1 || err != nil {
			t.Errorf("EndOthers: %d, %v", n, err)
		}
	})
	if alive(phone) || !alive(desk) {
		t.Error("not exactly the other session has ended")
	}
	if _, err := e.m.EndSubject(t.Context(), "ann"); err != nil || alive(desk) {
		t.Errorf("EndSubject: %v; alive afterwards: %v", err, alive(desk))
	}
}

package session_test

import (
	"errors"
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"

	"github.com/cloakroom-go/cloakroom/core/session"
)

// Whoever moves or writes at the same moment is ended all the same, wherever the
// one meets the other.
func TestASessionThatMovesDoesNotEscapeItsEnd(t *testing.T) {
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
	for _, failing := range []op{opList, opDelete, opDeleteSubject} {
		for _, lost := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, answer lost %v", failing, lost), func(t *testing.T) {
				t.Parallel()
				e, l := newIndexedEnv(t)
				for range 3 {
					e.login("ann", count)
				}
				e.store.reset()
				if lost {
					e.store.lose(errDown, failing)
				} else {
					e.store.fail(errDown, failing)
				}
				if _, err := e.m.EndSubject(t.Context(), "ann"); !errors.Is(err, errDown) {
					t.Errorf("EndSubject: %v, want the store's error", err)
				}
				e.store.reset()
				if _, err := e.m.EndSubject(t.Context(), "ann"); err != nil {
					t.Error(err)
				}
				if n := l.records(t); n != 0 {
					t.Errorf("%d records remain", n)
				}
			})
		}
	}
}

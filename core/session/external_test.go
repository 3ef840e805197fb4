package session_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cloakroom-go/cloakroom/core/session"
	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

func external(sid string) handler {
	return func(_ http.ResponseWriter, _ *http.Request, s *session.Session) { s.SetExternalID(sid) }
}

func endExternal(t *testing.T, e *env, sid string, want int) {
	t.Helper()
	if n, err := e.m.EndExternal(t.Context(), sid); n != want || err != nil {
		t.Errorf("EndExternal: %d, %v, want %d", n, err, want)
	}
}

func TestEndExternalEndsTheSessionsOfAnExternalID(t *testing.T) {
	t.Parallel()
	for name, configure := range map[string]func(*session.Options){
		"plain":  func(*session.Options) {},
		"sealed": sealed(t, session.GenerateKey()),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e, _ := newIndexedEnv(t, configure)
			phone, desk := e.login("ann", external("sid-1"), count), e.login("ann", external("sid-2"), count)
			bob := e.login("bob", external("sid-1"), count) // two accounts, one login at the provider
			phone.do(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
				if got := s.ExternalID(); got != "sid-1" {
					t.Errorf("ExternalID %q", got)
				}
			})
			endExternal(t, e, "sid-3", 0)
			endExternal(t, e, "sid-1", 2)
			if alive(phone) || alive(bob) {
				t.Error("a session has survived")
			}
			if !alive(desk) {
				t.Error("another session has ended")
			}
			endExternal(t, e, "sid-1", 0)
		})
	}
}

func TestAnExternalIDIsFoundAsLongAsTheSessionLives(t *testing.T) {
	t.Parallel()
	for name, work := range map[string]handler{
		"read":       nothing,
		"written":    count,
		"renewed":    renew,
		"signed in":  authenticate,
		"stepped up": stepUp,
		"with deadline": func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
			s.SetDeadline(time.Now().Add(time.Hour))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				e, _ := newIndexedEnv(t, renewing)
				v := e.login("ann", external("sid-1"), count)
				const step = 20 * time.Minute
				for range session.DefaultAbsoluteTimeout / 2 / step {
					pass(step)
					v.do(nothing)
				}
				v.do(work)
				life := session.DefaultAbsoluteTimeout / 2
				switch name {
				case "with deadline":
					life = time.Hour
				case "signed in":
					life = session.DefaultAbsoluteTimeout
				}
				for range life/step - 1 {
					pass(step)
					v.do(nothing)
				}
				pass(step - 1)
				if !alive(v) {
					t.Error("dead before its end")
				}
				endExternal(t, e, "sid-1", 1)
				if alive(v) {
					t.Error("the session has survived")
				}
			})
		})
	}
}

func TestAnExternalIDLastsAsLongAsTheLastOfItsSessions(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e, _ := newIndexedEnv(t, func(o *session.Options) { o.IdleTimeout = session.NoTimeout })
		bob := e.login("bob", count)
		pass(session.DefaultAbsoluteTimeout / 2)
		ann := e.login("ann", external("sid-1"), count)
		bob.do(external("sid-1")) // ends sooner
		pass(session.DefaultAbsoluteTimeout - 1)
		if !alive(ann) {
			t.Error("dead before its end")
		}
		endExternal(t, e, "sid-1", 1)
	})
}

func TestAnotherSubjectHasNotTheExternalID(t *testing.T) {
	t.Parallel()
	e, _ := newIndexedEnv(t)
	v := e.login("ann", external("sid-1"))
	v.do(signIn("bob", count))
	endExternal(t, e, "sid-1", 0)
	if !alive(v) {
		t.Error("the session of another subject has ended")
	}
}

func TestTheLastExternalIDCounts(t *testing.T) {
	t.Parallel()
	e, _ := newIndexedEnv(t)
	v := e.login("ann", external("sid-1"), count)
	v.do(external("sid-2"))
	endExternal(t, e, "sid-1", 0)
	if !alive(v) {
		t.Error("the session has ended by a name that it no longer has")
	}
	endExternal(t, e, "sid-2", 1)
}

func TestParallelLoginsWithOneExternalIDAreAllFound(t *testing.T) {
	t.Parallel()
	e, _ := newIndexedEnv(t)
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			wantStatus(t, e.visitor().do(signIn(fmt.Sprint("subject-", i), external("sid-1"))), http.StatusOK)
		})
	}
	wg.Wait()
	endExternal(t, e, "sid-1", 20)
}

func TestAnExternalIDThatCanNotWorkIsRefused(t *testing.T) {
	t.Parallel()
	endless := func(o *session.Options) { o.AbsoluteTimeout = session.NoTimeout }
	for _, c := range []struct {
		name      string
		work      handler
		configure func(*session.Options)
		plain     bool
		want      error
	}{
		{"nobody is signed in", external("sid-1"), nil, false, session.ErrInvalid},
		{"empty", signIn("ann", external("")), nil, false, session.ErrInvalid},
		{"too long", signIn("ann", external(strings.Repeat("a", sessionstore.MaxSubjectLen+1))), nil, false, session.ErrInvalid},
		{"not UTF-8", signIn("ann", external("\xff")), nil, false, session.ErrInvalid},
		{"NUL", signIn("ann", external("a\x00")), nil, false, session.ErrInvalid},
		{"no AbsoluteTimeout", signIn("ann", external("sid-1")), endless, false, session.ErrInvalid},
		{"store without index", signIn("ann", external("sid-1")), nil, true, session.ErrUnsupported},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var options []func(*session.Options)
			if c.configure != nil {
				options = append(options, c.configure)
			}
			e, l := newIndexedEnv(t, options...)
			if c.plain {
				e.m = e.manager(plainStore{e.store})
			}
			res := e.visitor().do(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
				c.work(w, r, s)
				if err := s.Commit(r.Context()); !errors.Is(err, c.want) {
					t.Errorf("Commit: %v, want %v", err, c.want)
				}
			})
			wantStatus(t, res, http.StatusInternalServerError)
			wantNoCookie(t, res)
			if n := l.records(t); n != 0 {
				t.Errorf("%d records, want none", n)
			}
		})
	}
}

// A session is never there without its external id leading to it.
func TestAFaultWhileNotingAnExternalIDIsNoLogin(t *testing.T) {
	t.Parallel()
	for _, lost := range []bool{false, true} {
		for n := 2; n <= storeCalls; n++ {
			t.Run(fmt.Sprintf("answer lost %v, call %d", lost, n), func(t *testing.T) {
				t.Parallel()
				e, _ := newIndexedEnv(t)
				v := e.seed(count)
				e.store.at(n, lost, false, errDown)
				res := v.do(signIn("ann", external("sid-1")))
				e.store.reset()
				want := len(e.list("ann"))
				if res.StatusCode != http.StatusOK {
					wantOutage(t, res)
				} else if want != 1 {
					t.Errorf("%d sessions after a login", want)
				}
				endExternal(t, e, "sid-1", want)
				if n := len(e.list("ann")); n != 0 {
					t.Errorf("%d sessions can't be found by their external id", n)
				}
			})
		}
	}
}

func TestADamagedPointerIsAnErrorAndNotNobody(t *testing.T) {
	t.Parallel()
	e, _ := newIndexedEnv(t)
	v := e.login("ann", external("sid-1"), count)
	e.store.fail(sessionstore.ErrCorrupt, opLoad)
	if _, err := e.m.EndExternal(t.Context(), "sid-1"); !errors.Is(err, sessionstore.ErrCorrupt) {
		t.Errorf("EndExternal: %v, want ErrCorrupt", err)
	}
	e.store.reset()
	if !alive(v) {
		t.Error("the session has ended")
	}
}

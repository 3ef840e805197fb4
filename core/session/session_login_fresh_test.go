package session_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cloakroom-go/cloakroom/core/session"
	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

func stepTo(level string, d time.Duration) handler {
	return func(_ http.ResponseWriter, _ *http.Request, s *session.Session) { s.StepUp(level, d) }
}

var passed = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) })

func TestFreshEndsAtMaxAge(t *testing.T) {
	t.Parallel()
	const maxAge = 5 * time.Minute
	for _, c := range []struct {
		name  string
		login handler
		after time.Duration
		fresh bool
	}{
		{"at once", authenticate, 0, true},
		{"fresh at T-1ns", authenticate, maxAge - 1, true},
		{"not at T", authenticate, maxAge, false},
		{"nobody is signed in", count, 0, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				e := newEnv(t)
				v := e.seed(c.login)
				pass(c.after)
				v.do(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
					if got := s.Fresh(maxAge); got != c.fresh {
						t.Errorf("Fresh: %v, want %v", got, c.fresh)
					}
					if s.Fresh(0) || s.Fresh(-1) {
						t.Error("fresh for no time at all")
					}
				})
				want := http.StatusForbidden
				if c.fresh {
					want = http.StatusTeapot
				}
				wantStatus(t, v.serve(e.m.RequireFresh(maxAge, passed, nil)), want)
				v.do(authenticate)
				wantStatus(t, v.serve(e.m.RequireFresh(maxAge, passed, nil)), http.StatusTeapot)
			})
		})
	}
}

func reauthenticate(_ http.ResponseWriter, _ *http.Request, s *session.Session) { s.Reauthenticate() }

// To prove once more who one is undoes nothing of the login.
func TestReauthenticateMakesFreshAndKeepsAllElse(t *testing.T) {
	t.Parallel()
	const maxAge, month = 5 * time.Minute, 30 * 24 * time.Hour
	kinds := map[string]func(testing.TB, ...func(*session.Options)) *env{"stored": newEnv, "cookie-only": newCookieOnlyEnv}
	for name, login := range map[string]handler{
		"a login":    nothing,
		"remembered": remember(month),
		"a deadline": func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
			s.Remember(month)
			s.SetDeadline(time.Now().Add(month / 2))
		},
		"an idle timeout": func(_ http.ResponseWriter, _ *http.Request, s *session.Session) { s.SetIdleTimeout(20 * time.Minute) },
		"not persistent":  setPersistent(false),
		"a level":         stepTo("2fa", time.Hour),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for kind, open := range kinds {
				synctest.Test(t, func(t *testing.T) {
					e := open(t)
					v := e.seed(signIn("ann", count, login))
					pass(10 * time.Minute)
					v.do(nothing) // it has been used, and lasts longer
					type seen struct {
						subject, id, secret string
						expires             time.Time
						level               bool
						counter             int
					}
					var before, after seen
					see := func(into *seen) handler {
						return func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
							*into = seen{s.Subject(), s.ID(), string(s.Secret("form")), s.Expires(), s.SteppedUp("2fa"), counter.Get(s)}
						}
					}
					v.do(see(&before))
					wantStatus(t, v.serve(e.m.RequireFresh(maxAge, passed, nil)), http.StatusForbidden)
					old := *v.cookie
					res := v.do(reauthenticate)
					wantStatus(t, res, http.StatusOK)
					persists := name == "remembered" || name == "a deadline"
					if got := res.Cookies(); len(got) != 1 || got[0].Value == old.Value || (got[0].MaxAge > 0) != persists {
						t.Errorf("%s: the cookie is %v", kind, got)
					}
					v.do(see(&after))
					if before != after {
						t.Errorf("%s: %+v, want %+v as before", kind, after, before)
					}
					wantStatus(t, v.serve(e.m.RequireFresh(maxAge, passed, nil)), http.StatusTeapot)
					pass(maxAge)
					wantStatus(t, v.serve(e.m.RequireFresh(maxAge, passed, nil)), http.StatusForbidden)
				})
			}
		})
	}
}

// A copy of the old ticket has proved nothing. The answer may be lost.
func TestOnlyTheNewTicketIsFresh(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		v := e.seed(signIn("ann", count))
		v.do(nothing)
		pass(time.Minute)
		old := v.fork()
		v.do(reauthenticate)
		fresh := e.m.RequireFresh(time.Minute, passed, nil)
		wantStatus(t, old.fork().serve(fresh), http.StatusForbidden)
		if !alive(old) {
			t.Error("the old ticket is dead before the new one is seen")
		}
		wantStatus(t, v.serve(fresh), http.StatusTeapot) // it is seen
		wantStatus(t, old.fork().serve(fresh), http.StatusForbidden)
		pass(renewGrace)
		if alive(old) || !alive(v) {
			t.Error("not the new ticket is the one that is good after the grace")
		}
	})
}

func TestNobodyReauthenticatesWhoIsNotSignedIn(t *testing.T) {
	t.Parallel()
	for _, v := range []*visitor{newEnv(t).visitor(), newEnv(t).seed(count), newCookieOnlyEnv(t).visitor()} {
		res := v.do(func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
			s.Reauthenticate()
			if err := s.Commit(r.Context()); !errors.Is(err, session.ErrInvalid) {
				t.Errorf("Commit: %v, want ErrInvalid", err)
			}
		})
		wantStatus(t, res, http.StatusInternalServerError)
		wantNoCookie(t, res)
	}
}

func TestRenewAndStepUpMakeNothingFresh(t *testing.T) {
	t.Parallel()
	for name, work := range map[string]handler{"Renew": renew, "StepUp": stepUp, "write": count, "renewal": nothing} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				v := newEnv(t, renewing).seed(authenticate)
				pass(renewEvery)
				v.do(work)
				v.do(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
					if s.Fresh(renewEvery) {
						t.Error("fresh though nobody has authenticated")
					}
				})
			})
		})
	}
}

func TestALevelEndsWithItsTime(t *testing.T) {
	t.Parallel()
	const life = 5 * time.Minute
	for _, c := range []struct {
		name  string
		after time.Duration
		then  handler
		holds bool
	}{
		{"at once", 0, nothing, true},
		{"holds at T-1ns", life - 1, nothing, true},
		{"not at T", life, nothing, false},
		{"not after Authenticate", 0, authenticate, false},
		{"not for another subject", 0, signIn("bob"), false},
		{"not after StepDown", 0, func(_ http.ResponseWriter, _ *http.Request, s *session.Session) { s.StepDown("2fa") }, false},
		{"not after Destroy", 0, destroy, false},
		{"after another's StepDown", 0, func(_ http.ResponseWriter, _ *http.Request, s *session.Session) { s.StepDown("vault") }, true},
		{"after Renew", 0, renew, true},
		{"after another level", 0, stepTo("vault", time.Minute), true},
		{"shorter the second time", 1, stepTo("2fa", 1), true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				e := newEnv(t)
				v := e.seed(authenticate)
				v.do(stepTo("2fa", life))
				pass(c.after)
				v.do(c.then)
				v.do(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
					if got := s.SteppedUp("2fa"); got != c.holds {
						t.Errorf("SteppedUp: %v, want %v", got, c.holds)
					}
					if s.SteppedUp("") || s.SteppedUp("other") {
						t.Error("a level that nobody has stepped up to")
					}
				})
				want := http.StatusForbidden
				if c.holds {
					want = http.StatusTeapot
				}
				wantStatus(t, v.serve(e.m.RequireStepUp("2fa", passed, nil)), want)
				if c.name == "shorter the second time" {
					pass(1)
					wantStatus(t, v.serve(e.m.RequireStepUp("2fa", passed, nil)), http.StatusForbidden)
				}
			})
		})
	}
}

func TestALevelForEverIsKept(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	v := e.seed(authenticate)
	v.do(stepTo("2fa", session.NoTimeout))
	wantStatus(t, v.serve(e.m.RequireStepUp("2fa", passed, nil)), http.StatusTeapot)
}

// The answer with the new ticket may be lost: until it is seen, the old one is good
// for what it was good for.
func TestALevelIsTheNewTicketsAlone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		v := e.seed(signIn("ann", count))
		v.do(nothing)
		old := v.fork()
		v.do(stepUp)
		vault := e.m.RequireStepUp("2fa", passed, nil)
		wantStatus(t, old.fork().serve(vault), http.StatusForbidden)
		wantStatus(t, v.serve(vault), http.StatusTeapot) // it is seen
		wantStatus(t, old.fork().serve(vault), http.StatusForbidden)
		if !alive(old) {
			t.Error("the old ticket is dead within the grace")
		}
		pass(renewGrace)
		if alive(old) || !alive(v) {
			t.Error("not the new ticket is the one that is good after the grace")
		}
	})
}

func TestStepDownTakesTheLevelFromAllTickets(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	v := e.seed(authenticate)
	first := v.fork()
	first.do(stepUp)
	second := v.fork() // with the ticket that both began with
	second.do(stepUp)
	first.do(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) { s.StepDown("2fa") })
	vault := e.m.RequireStepUp("2fa", passed, nil)
	wantStatus(t, first.serve(vault), http.StatusForbidden)
	wantStatus(t, second.serve(vault), http.StatusForbidden)
}

func TestAStepUpThatCanNotBeIsRefused(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		work handler
	}{
		{"nobody is signed in", stepUp},
		{"no level", signIn("ann", stepTo("", time.Minute))},
		{"a level that is too long", signIn("ann", stepTo(strings.Repeat("a", sessionstore.MaxSubjectLen+1), time.Minute))},
		{"for no time", signIn("ann", stepTo("2fa", 0))},
		{"for a negative time", signIn("ann", stepTo("2fa", -1))},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			v := newEnv(t).visitor()
			res := v.do(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
				c.work(w, r, s)
				if err := s.Commit(r.Context()); !errors.Is(err, session.ErrInvalid) {
					t.Errorf("Commit: %v, want ErrInvalid", err)
				}
			})
			wantStatus(t, res, http.StatusInternalServerError)
			wantNoCookie(t, res)
		})
	}
}

func TestWhoIsNotFreshIsAnsweredOtherwise(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	login := http.RedirectHandler("/login", http.StatusSeeOther)
	for _, h := range []http.Handler{
		e.m.RequireFresh(time.Minute, passed, login),
		e.m.RequireStepUp("2fa", passed, login),
		e.m.Handler(e.m.RequireFresh(time.Minute, passed, login)),
	} {
		res := e.visitor().serve(h)
		wantStatus(t, res, http.StatusSeeOther)
		if res.Header.Get("Vary") != "Cookie" {
			t.Errorf("Vary: %q", res.Header.Get("Vary"))
		}
	}
	res := e.visitor().serve(e.m.RequireFresh(time.Minute, passed, nil))
	body, err := io.ReadAll(res.Body)
	if err != nil || len(body) == 0 || res.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("the plain answer: %q, Cache-Control %q, %v", body, res.Header.Get("Cache-Control"), err)
	}
	e.store.fail(errDown, opLoad)
	v := e.visitor()
	v.do(authenticate)
	wantOutage(t, v.serve(e.m.RequireFresh(time.Minute, passed, login)))
}

// TestARequestThatIsSkippedIsNotFresh: nobody has signed in, in a request that Skip has taken
// out.
func TestARequestThatIsSkippedIsNotFresh(t *testing.T) {
	t.Parallel()
	e := newEnv(t, func(o *session.Options) {
		o.Skip = []func(*http.Request) bool{session.SkipHeader("X-Probe", "*")}
	})
	v := e.seed(signIn("ann"))
	for name, h := range map[string]http.Handler{
		"RequireFresh":  e.m.RequireFresh(time.Hour, passed, nil),
		"RequireStepUp": e.m.RequireStepUp("2fa", passed, nil),
	} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", http.NoBody)
		r.AddCookie(v.cookie)
		r.Header.Set("X-Probe", "1")
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != http.StatusForbidden {
			t.Errorf("%s: status %d", name, w.Code)
		}
	}
}

// TestNobodyIsFreshWhoSignsOutMeanwhile has other goroutines of the request sign the visitor out, and
// reauthenticate them, while it commits.
func TestNobodyIsFreshWhoSignsOutMeanwhile(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	for range 50 {
		v := e.seed(authenticate)
		v.do(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
			var others sync.WaitGroup
			e.store.intercept(func(_ context.Context, o op) error {
				if o == opUpdate {
					e.store.reset()
					others.Go(s.Destroy)
					runtime.Gosched()
					others.Go(s.Reauthenticate)
					others.Go(func() { s.StepUp("2fa", time.Hour) })
					runtime.Gosched()
				}
				return nil
			})
			count(w, r, s)
			_ = s.Commit(r.Context())
			others.Wait()
			if s.Subject() == "" && (s.Fresh(time.Hour) || s.SteppedUp("2fa")) {
				t.Error("nobody is signed in, and fresh, or at a level")
			}
		})
		if t.Failed() {
			return
		}
	}
}

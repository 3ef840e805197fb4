package session_test

import (
	"errors"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cloakroom-go/cloakroom/core/session"
)

const actFor = 30 * time.Minute

// actAs has the visitor act as subject, and wants this error.
func actAs(tb testing.TB, subject string, want error, more ...handler) handler {
	tb.Helper()
	return func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		if err := s.Impersonate(r.Context(), subject, actFor); !errors.Is(err, want) {
			tb.Errorf("Impersonate: %v, want %v", err, want)
		}
		for _, f := range more {
			f(w, r, s)
		}
	}
}

// comeBack has the visitor act as somebody else no more.
func comeBack(tb testing.TB, more ...handler) handler {
	tb.Helper()
	return func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		if err := s.StopImpersonating(r.Context()); err != nil {
			tb.Errorf("StopImpersonating: %v", err)
		}
		for _, f := range more {
			f(w, r, s)
		}
	}
}

// is wants the session to be this subject's, with this actor.
func is(tb testing.TB, subject, actor string) handler {
	tb.Helper()
	return func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
		tb.Helper()
		if s.Subject() != subject || s.Actor() != actor {
			tb.Errorf("subject %q, actor %q; want %q, %q", s.Subject(), s.Actor(), subject, actor)
		}
	}
}

// is wants this of the visitor's next request.
func (v *visitor) is(subject, actor string) {
	v.e.tb.Helper()
	v.do(is(v.e.tb, subject, actor))
}

// acting returns a visitor who has signed in as root, holds a level and acts as ann, who
// has a session of her own.
func acting(e *env) (root, ann *visitor) {
	e.tb.Helper()
	ann = e.seed(signIn("ann", count))
	ann.do(nothing)
	root = e.seed(signIn("root", buyHat))
	root.do(stepTo("vault", time.Hour))
	root.do(actAs(e.tb, "ann", nil))
	root.is("ann", "root")
	return root, ann
}

func TestAnAdministratorActsAndComesBack(t *testing.T) {
	t.Parallel()
	e, _ := newIndexedEnv(t)
	root, ann := acting(e)
	root.do(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
		if len(s.Names()) > 0 || s.Fresh(time.Hour) || s.SteppedUp("vault") || !s.Authenticated().IsZero() {
			t.Errorf("acting, with values %q, fresh %v, level %v", s.Names(), s.Fresh(time.Hour), s.SteppedUp("vault"))
		}
	})
	root.do(count)
	if n, _ := read(root, counter); n != 1 {
		t.Errorf("what was changed while acting: %d, want 1", n)
	}
	if n, _ := read(ann, counter); n != 1 {
		t.Errorf("the customer's own session counts %d, want 1", n)
	}
	list, err := e.m.List(t.Context(), "ann")
	if err != nil || len(list) != 2 || !slices.ContainsFunc(list, func(i session.Info) bool { return i.Actor == "root" }) {
		t.Errorf("listed: %+v, error %v", list, err)
	}
	root.do(comeBack(t, is(t, "root", "")))
	root.do(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
		if s.Subject() != "root" || !s.Has("cart") || s.Has("counter") || !s.SteppedUp("vault") {
			t.Errorf("back as %q, with %q, level %v", s.Subject(), s.Names(), s.SteppedUp("vault"))
		}
	})
	root.do(comeBack(t, is(t, "root", ""))) // a form that is sent again
	ann.is("ann", "")
	if list, err := e.m.List(t.Context(), "ann"); err != nil || len(list) != 1 {
		t.Errorf("%d sessions are left of the customer, error %v, want her own", len(list), err)
	}
}

// Whatever answer is lost, the administrator's own session stays.
func TestALostAnswerOfAnImpersonationSignsNobodyOut(t *testing.T) {
	t.Parallel()
	e, _ := newIndexedEnv(t)
	root := e.seed(signIn("root", buyHat))
	root.do(nothing)
	root.fork().do(actAs(t, "ann", nil))
	root.is("root", "")
	root.do(actAs(t, "ann", nil))
	secret := secretOf(root, "form")
	for range 3 {
		root.fork().do(comeBack(t))
		root.do(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
			is(t, "", "root")(w, r, s)
			if !slices.Equal(s.Secret("form"), secret) {
				t.Error("the form that leads back does not verify again")
			}
			count(w, r, s)
			if err := s.Commit(r.Context()); !errors.Is(err, session.ErrNotFound) {
				t.Errorf("a change when it is over: %v, want ErrNotFound", err)
			}
		})
	}
	root.do(comeBack(t))
	root.is("root", "")
	if _, ok := read(root, cart); !ok {
		t.Error("the administrator's values are gone")
	}
}

// A form of one account verifies in no other.
func TestSecretsAreEachAccountsOwn(t *testing.T) {
	t.Parallel()
	e, _ := newIndexedEnv(t)
	root := e.seed(signIn("root"))
	own := secretOf(root, "form")
	root.do(actAs(t, "ann", nil))
	acting := secretOf(root, "form")
	root.do(comeBack(t))
	back := secretOf(root, "form")
	root.do(actAs(t, "bob", nil))
	other := secretOf(root, "form")
	if slices.Equal(own, acting) || slices.Equal(acting, other) || slices.Equal(own, other) {
		t.Error("two accounts have one secret")
	}
	if !slices.Equal(own, back) {
		t.Error("a form of the administrator's own does not verify when they are back")
	}
}

// The administrator's own session is not idle while they act, and its cookie lasts.
func TestTheOwnSessionLivesOnWhileSomebodyActs(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e, _ := newIndexedEnv(t, renewing, func(o *session.Options) {
			o.IdleTimeout, o.Cookie.Persistent = 10*time.Minute, true
		})
		root, _ := acting(e)
		if root.cookie.MaxAge < int((session.DefaultAbsoluteTimeout - time.Hour).Seconds()) {
			t.Errorf("the cookie lasts for %v", time.Duration(root.cookie.MaxAge)*time.Second)
		}
		ticket := root.ticket()
		for range 8 {
			pass(3 * time.Minute)
			wantStatus(t, root.do(count), http.StatusOK)
			root.is("ann", "root")
		}
		if root.ticket() != ticket {
			t.Error("another ticket was handed out while acting")
		}
		pass(10 * time.Minute) // now it is idle as well
		root.is("", "")
	})
}

func TestAnImpersonationCountsForNoLimit(t *testing.T) {
	t.Parallel()
	for name, refuse := range map[string]bool{"evicting": false, "refusing": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e, _ := newIndexedEnv(t, func(o *session.Options) { o.MaxSessions, o.RefuseNew = 1, refuse })
			root, ann := acting(e)
			ann.is("ann", "")
			ann.do(destroy)
			wantStatus(t, ann.do(authenticate), http.StatusOK)
			ann.is("ann", "")
			root.is("ann", "root")
		})
	}
}

// At each call of the store that can fail: nobody acts, or acts on, and the
// administrator's own session is there.
func TestAStoreThatFailsWhileSomebodyImpersonatesSignsNobodyOut(t *testing.T) {
	t.Parallel()
	for _, lost := range []bool{false, true} {
		for _, o := range []op{opLoad, opCreate, opUpdate, opDelete} {
			e, _ := newIndexedEnv(t)
			root := e.seed(signIn("root", buyHat))
			root.do(nothing)
			fail := e.store.fail
			if lost {
				fail = e.store.lose
			}
			around := func(do func(s *session.Session, r *http.Request) error) handler {
				return func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
					fail(errDown, o)
					before := s.Subject()
					if err := do(s, r); err != nil && s.Subject() != before {
						t.Errorf("%s fails: %v, but the session is %q's", o, err, s.Subject())
					}
					e.store.reset()
				}
			}
			root.do(around(func(s *session.Session, r *http.Request) error { return s.Impersonate(r.Context(), "ann", actFor) }))
			root.do(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
				if s.Actor() == "" {
					is(t, "root", "")(w, r, s)
					actAs(t, "ann", nil)(w, r, s)
				}
			})
			root.is("ann", "root")
			root.do(around(func(s *session.Session, r *http.Request) error { return s.StopImpersonating(r.Context()) }))
			root.do(comeBack(t))
			root.is("root", "")
			if _, ok := read(root, cart); !ok {
				t.Errorf("%s fails: the administrator's values are gone", o)
			}
		}
	}
}

// A form that is sent twice, and other requests at the same moment.
func TestImpersonationsAtTheSameMoment(t *testing.T) {
	t.Parallel()
	e, _ := newIndexedEnv(t)
	root := e.seed(signIn("root", buyHat))
	root.do(nothing)
	for _, f := range []handler{actAs(t, "ann", nil), comeBack(t)} {
		var requests sync.WaitGroup
		answers := make([]*visitor, 4)
		for i := range answers {
			answers[i] = root.fork()
			requests.Go(func() { answers[i].do(f) })
			requests.Go(func() { root.fork().do(count) })
		}
		requests.Wait()
		root = answers[2]
		root.do(nothing)
	}
	root.is("root", "")
}

func TestAnImpersonationIsToldAndLogged(t *testing.T) {
	t.Parallel()
	var d diary
	e, _ := newIndexedEnv(t, d.keep)
	root := e.seed(signIn("root"))
	root.do(nothing)
	d.taken()
	root.do(actAs(t, "ann", nil))
	root.do(count)
	root.do(comeBack(t))
	var told []string
	for _, event := range d.taken() {
		told = append(told, strings.TrimSpace(event.Kind.String()+" "+event.Subject+" "+event.Actor+" "+string(event.Reason)))
	}
	want := []string{
		"offered root", "impersonated ann root", "seen root", "offered root", "ended ann root impersonation over",
	}
	if !slices.Equal(told, want) {
		t.Errorf("told %q, want %q", told, want)
	}
	for _, line := range []string{"impersonation begins", "impersonation ends"} {
		if !strings.Contains(e.logs.String(), line) {
			t.Errorf("no line %q", line)
		}
	}
	if !strings.Contains(e.logs.String(), "actor=root") {
		t.Error("no actor in the log")
	}
}

// Nobody acts in a session without its administrator's, whoever writes to the store.
func TestARecordOfAnotherActorIsNotReached(t *testing.T) {
	t.Parallel()
	e, l := newIndexedEnv(t)
	root, _ := acting(e)
	var other []byte
	for _, id := range l.ids {
		if r, err := e.mem.Load(t.Context(), id); err == nil && r.Subject == "ann" && strings.Contains(string(r.Data), "root") {
			other = []byte(strings.Replace(string(r.Data), "root", "toor", 1))
			old := r.Version
			r.Data, r.Version = other, old+1
			if err := e.mem.Update(t.Context(), id, old, r); err != nil {
				t.Fatal(err)
			}
		}
	}
	if other == nil {
		t.Fatal("no record with an actor")
	}
	root.is("", "root")
}

func TestAWriteLeavesTheActorInTheSessionInWhichTheyAct(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		root, _ := acting(e)
		e.store.reset()
		root.do(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
			for range 2 {
				count(w, r, s)
				if err := s.Commit(r.Context()); err != nil {
					t.Error(err)
				}
			}
		})
		want := map[op]int{opLoad: 2, opUpdate: 2} // root's own, and the one in which they act
		if calls := e.store.taken(); !maps.Equal(calls, want) {
			t.Errorf("store calls %v, want %v", calls, want)
		}
	})
}

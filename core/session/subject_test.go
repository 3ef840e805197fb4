package session_test

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cloakroom-go/cloakroom/core/session"
	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

var device = session.NewKey[string]("device")

func on(what string) handler {
	return func(_ http.ResponseWriter, _ *http.Request, s *session.Session) { device.Set(s, what) }
}

func TestListDescribesTheSessionsOfASubject(t *testing.T) {
	t.Parallel()
	for name, configure := range map[string]func(*session.Options){
		"plain":  func(*session.Options) {},
		"sealed": sealed(t, session.GenerateKey()),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				e, _ := newIndexedEnv(t, configure)
				start := time.Now()
				phone := e.login("ann", on("phone"))
				pass(time.Minute)
				e.login("ann", on("desk"))
				e.login("bob", on("tablet"))
				e.seed(count) // nobody's
				pass(idle)
				phone.do(nothing)
				var publicID string
				phone.do(publicIDOf(&publicID))
				list := e.list("ann")
				if len(list) != 2 {
					t.Fatalf("%d sessions, want 2", len(list))
				}
				if n := len(e.list("bob")); n != 1 {
					t.Errorf("%d sessions of another subject, want 1", n)
				}
				first := list[0]
				if got, ok := device.From(first); got != "phone" || !ok {
					t.Errorf("the session that was used last is on %q", got)
				}
				if got, _ := device.From(list[1]); got != "desk" {
					t.Errorf("the other one is on %q", got)
				}
				if n, ok := counter.From(first); n != 0 || ok {
					t.Errorf("a value that isn't there: %d, %v", n, ok)
				}
				if n, ok := session.NewKey[int]("device").From(first); n != 0 || ok {
					t.Errorf("a value of another type: %d, %v", n, ok)
				}
				if first.ID != publicID || first.Subject != "ann" {
					t.Errorf("id %q of %q, want %q", first.ID, first.Subject, publicID)
				}
				now := time.Now()
				if !first.Started.Equal(start) || !first.Authenticated.Equal(start) || !first.LastSeen.Equal(now) ||
					!first.Expires.Equal(now.Add(session.DefaultIdleTimeout)) {
					t.Errorf("created %v, authenticated %v, last seen %v, expires %v",
						first.Started, first.Authenticated, first.LastSeen, first.Expires)
				}
				pass(session.DefaultIdleTimeout - 1)
				if n := len(e.list("ann")); n != 1 {
					t.Errorf("%d sessions 1 ns before the last one expires, want 1", n)
				}
				pass(1)
				if n := len(e.list("ann")); n != 0 {
					t.Errorf("%d sessions after all have expired", n)
				}
			})
		})
	}
}

func TestFromAZeroInfoIsNothing(t *testing.T) {
	t.Parallel()
	if v, ok := device.From(session.Info{}); v != "" || ok {
		t.Errorf("%q, %v", v, ok)
	}
}

func TestASessionThatIsBeingWrittenIsListedOnce(t *testing.T) {
	t.Parallel()
	for _, work := range []handler{nothing, renew, authenticate} {
		for n := 1; n <= storeCalls; n++ {
			synctest.Test(t, func(t *testing.T) {
				e, _ := newIndexedEnv(t, renewing)
				v := e.login("ann", count)
				pass(renewEvery)
				met := e.store.meet(n, func() {
					if list := e.list("ann"); len(list) != 1 {
						t.Errorf("%d sessions at call %d of the store, want 1", len(list), n)
					}
				})
				wantStatus(t, v.do(work), http.StatusOK)
				e.store.reset()
				if n <= 2 && !met() {
					t.Error("the session was not written")
				}
			})
		}
	}
}

func TestEndEndsOneSession(t *testing.T) {
	t.Parallel()
	e, l := newIndexedEnv(t)
	phone, desk := e.login("ann", on("phone")), e.login("ann", on("desk"))
	bob := e.login("bob", on("tablet"))
	var publicID, bobs string
	phone.do(publicIDOf(&publicID))
	bob.do(publicIDOf(&bobs))
	for _, c := range []struct{ subject, publicID string }{
		{"ann", bobs}, {"bob", publicID}, {"ann", ""}, {"ann", "nonsense"}, {"nobody", publicID},
	} {
		if err := e.m.End(t.Context(), c.subject, c.publicID); !errors.Is(err, session.ErrNotFound) {
			t.Errorf("End(%q, %q): %v, want ErrNotFound", c.subject, c.publicID, err)
		}
	}
	if n := l.records(t); n != 3 {
		t.Fatalf("%d records remain, want 3", n)
	}
	if err := e.m.End(t.Context(), "ann", publicID); err != nil {
		t.Error(err)
	}
	if _, ok := read(phone, device); ok {
		t.Error("the session has survived")
	}
	for _, v := range []*visitor{desk, bob} {
		if _, ok := read(v, device); !ok {
			t.Error("another session has ended")
		}
	}
	if err := e.m.End(t.Context(), "ann", publicID); !errors.Is(err, session.ErrNotFound) {
		t.Errorf("the second time: %v, want ErrNotFound", err)
	}
}

func TestEndSubjectEndsAllOfASubject(t *testing.T) {
	t.Parallel()
	key := session.GenerateKey()
	e, l := newIndexedEnv(t, sealed(t, key))
	for range 5 {
		e.login("ann", count)
	}
	bob, nobody := e.login("bob", count), e.seed(count)
	old := e.manager(e.indexed(), sealed(t, session.GenerateKey()))
	lost := &visitor{e: e, m: old} // nobody can read this one any more
	lost.do(authenticate)
	if n, err := e.m.EndSubject(t.Context(), "ann"); n != 6 || err != nil {
		t.Errorf("%d sessions ended, %v, want 6", n, err)
	}
	if n := l.records(t); n != 2 {
		t.Errorf("%d records remain, want 2", n)
	}
	if !alive(bob) || !alive(nobody) {
		t.Error("somebody else's session has ended")
	}
	if n, err := e.m.EndSubject(t.Context(), "ann"); n != 0 || err != nil {
		t.Errorf("the second time: %d, %v, want none and no error", n, err)
	}
}

func TestEndOthersLeavesExactlyTheCurrentSession(t *testing.T) {
	t.Parallel()
	for name, work := range map[string]handler{
		"as it is":          nothing,
		"after a new login": authenticate,
		"after Renew":       renew,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e, l := newIndexedEnv(t)
			v := e.login("ann", count)
			for range 3 {
				e.login("ann", count)
			}
			bob := e.login("bob", count)
			res := v.do(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
				work(w, r, s)
				if n, err := s.EndOthers(r.Context()); n != 3 || err != nil {
					t.Errorf("%d others ended, %v, want 3", n, err)
				}
			})
			wantStatus(t, res, http.StatusOK)
			if n := l.records(t); n != 2 || !alive(v) || !alive(bob) {
				t.Errorf("%d records, want the current one and somebody else's", n)
			}
		})
	}
}

func TestEndOthersOfNobodyIsInvalid(t *testing.T) {
	t.Parallel()
	e, _ := newIndexedEnv(t)
	e.seed(count).do(func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
		if n, err := s.EndOthers(r.Context()); n != 0 || !errors.Is(err, session.ErrInvalid) {
			t.Errorf("%d, %v, want ErrInvalid", n, err)
		}
	})
}

func TestAStoreWithoutIndexListsAndEndsNothing(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	e.m = e.manager(plainStore{e.mem})
	v := e.login("ann", count)
	var publicID string
	v.do(publicIDOf(&publicID))
	wantAllRefused(t, v, publicID, session.ErrUnsupported, "ann")
	if !alive(v) {
		t.Error("the session has ended")
	}
}

func TestABadSubjectIsInvalid(t *testing.T) {
	t.Parallel()
	e, _ := newIndexedEnv(t)
	v := e.login("ann", count)
	for _, subject := range []string{"", "a\x00b", "\xff", strings.Repeat("a", sessionstore.MaxSubjectLen+1)} {
		if _, err := e.m.List(t.Context(), subject); !errors.Is(err, session.ErrInvalid) {
			t.Errorf("List: %v", err)
		}
		if err := e.m.End(t.Context(), subject, "id"); !errors.Is(err, session.ErrInvalid) {
			t.Errorf("End: %v", err)
		}
		if _, err := e.m.EndSubject(t.Context(), subject); !errors.Is(err, session.ErrInvalid) {
			t.Errorf("EndSubject: %v", err)
		}
		if _, err := e.m.EndIf(t.Context(), subject, func(session.Info) bool { return true }); !errors.Is(err, session.ErrInvalid) {
			t.Errorf("EndIf: %v", err)
		}
	}
	if !alive(v) {
		t.Error("a session has ended")
	}
}

// wantAllRefused checks that all that needs an index refuses.
func wantAllRefused(t *testing.T, v *visitor, publicID string, want error, subject string) {
	t.Helper()
	m, ctx := v.m, t.Context()
	_, list := m.List(ctx, subject)
	_, endSubject := m.EndSubject(ctx, subject)
	_, endExternal := m.EndIf(ctx, "ann", func(session.Info) bool { return true })
	_, endAll := m.EndAll(ctx)
	var endOthers error
	v.do(func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
		_, endOthers = s.EndOthers(r.Context())
	})
	for name, err := range map[string]error{
		"List": list, "End": m.End(ctx, subject, publicID), "EndSubject": endSubject,
		"EndIf": endExternal, "EndOthers": endOthers, "EndAll": endAll,
	} {
		if !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", name, err, want)
		}
	}
}

func TestAListShowsNoTicket(t *testing.T) {
	t.Parallel()
	e, _ := newIndexedEnv(t)
	v := e.login("ann", count)
	for _, secret := range []string{v.cookie.Value[:43], v.cookie.Value[44:], v.id()} {
		if strings.Contains(fmt.Sprintf("%+v", e.list("ann")), secret) {
			t.Error("the list shows a ticket, or leads to it")
		}
	}
}

// The order of a list is that of the last use, whatever the order of the store.
func TestAListIsOrderedByLastUse(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e, _ := newIndexedEnv(t)
		var want []string
		for i := range 20 {
			e.login("ann", on(strconv.Itoa(i)))
			want = append([]string{strconv.Itoa(i)}, want...)
			pass(time.Minute)
		}
		var got []string
		for _, info := range e.list("ann") {
			d, _ := device.From(info)
			got = append(got, d)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%v, want %v", got, want)
		}
	})
}

func TestATicketOfAnEarlierCommitIsNotHandedOutAfterTheEnd(t *testing.T) {
	t.Parallel()
	e, _ := newIndexedEnv(t)
	res := e.login("ann").do(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		s.Renew()
		if err := s.Commit(r.Context()); err != nil {
			t.Errorf("Commit: %v", err)
		}
		if _, err := e.m.EndSubject(r.Context(), "ann"); err != nil {
			t.Errorf("EndSubject: %v", err)
		}
		count(w, r, s)
	})
	wantStatus(t, res, http.StatusOK)
	wantNoCookie(t, res)
}

package session_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/cloakroom-go/cloakroom/core/session"
	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

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
		n, err := s.EndOthers(r.Context())
		if n != 0 || !errors.Is(err, session.ErrInvalid) || !strings.Contains(err.Error(), "nobody is signed in") {
			t.Errorf("%d, %v, want ErrInvalid because nobody is signed in", n, err)
		}
	})
}

// A reset of the password signs in, and ends what a thief may have: the form that is sent
// twice, or whose login fails, must not leave them.
func TestEndOthersSignsInFirst(t *testing.T) {
	t.Parallel()
	reset := func(_ http.ResponseWriter, r *http.Request, s *session.Session) (int, error) {
		s.Authenticate("ann")
		return s.EndOthers(r.Context())
	}
	e, _ := newIndexedEnv(t)
	thief, v := e.login("ann", count), e.seed(count)
	again := v.fork()
	v.do(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		e.store.fail(errDown, opUpdate)
		if n, err := reset(w, r, s); n != 0 || !errors.Is(err, errDown) {
			t.Errorf("%d, %v, want the store's error", n, err)
		}
		e.store.reset()
		if n, err := reset(w, r, s); n != 1 || err != nil {
			t.Errorf("%d others ended, %v, want 1", n, err)
		}
	})
	res := again.do(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		if n, err := reset(w, r, s); n != 0 || err != nil {
			t.Errorf("the second time: %d others ended, %v, want none", n, err)
		}
	})
	wantStatus(t, res, http.StatusOK)
	if alive(thief) || !alive(v) || !alive(again) || len(e.list("ann")) != 1 {
		t.Errorf("%d sessions, want the one that both answers lead to", len(e.list("ann")))
	}
}

func TestEndOthersOfASessionThatHasEndedIsErrNotFound(t *testing.T) {
	t.Parallel()
	e, _ := newIndexedEnv(t)
	v, other := e.login("ann", count), e.login("ann", count)
	late := v.fork()
	v.do(destroy)
	late.do(func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
		if n, err := s.EndOthers(r.Context()); n != 0 || !errors.Is(err, session.ErrNotFound) {
			t.Errorf("%d, %v, want ErrNotFound", n, err)
		}
	})
	if !alive(other) {
		t.Error("another session has ended")
	}
}

// The request does not know yet that its session has ended: a stream, or one that is slow.
func TestEndOthersOfASessionThatHasEndedMeanwhileEndsNone(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(e *env, v *visitor){
		"Destroy": func(_ *env, v *visitor) { v.do(destroy) },
		"EndOthers": func(_ *env, v *visitor) {
			v.e.login("ann", count).do(func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
				if _, err := s.EndOthers(r.Context()); err != nil {
					v.e.tb.Error(err)
				}
			})
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e, _ := newIndexedEnv(t)
			v := e.login("ann", count)
			var other *visitor
			v.fork().do(func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
				end(e, v)
				other = e.login("ann", count) //nolint:contextcheck // likewise
				if n, err := s.EndOthers(r.Context()); n != 0 || !errors.Is(err, session.ErrNotFound) {
					t.Errorf("%d, %v, want ErrNotFound", n, err)
				}
				if s.Subject() != "" {
					t.Errorf("it is %s's still", s.Subject())
				}
			})
			if !alive(other) {
				t.Error("another session has ended")
			}
		})
	}
}

// A list that is damaged may lack the session: it is looked for by itself.
func TestEndOthersGoesByNoListThatIsDamaged(t *testing.T) {
	t.Parallel()
	e, _ := newIndexedEnv(t)
	v := e.login("ann", count)
	e.m = e.manager(damagedIndex{indexedStore{e.store, e.mem}})
	v.m = e.m
	v.do(func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
		if n, err := s.EndOthers(r.Context()); n != 0 || err != nil {
			t.Errorf("%d, %v", n, err)
		}
	})
	if !alive(v) {
		t.Error("the session itself has ended")
	}
}

// A damagedIndex has lost its lists.
type damagedIndex struct{ indexedStore }

func (damagedIndex) ListSubject(context.Context, string) ([]sessionstore.Entry, error) {
	return nil, sessionstore.ErrCorrupt
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
	_, endAll := m.EndEverybody(ctx)
	var endOthers error
	v.do(func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
		_, endOthers = s.EndOthers(r.Context())
	})
	for name, err := range map[string]error{
		"List": list, "End": m.End(ctx, subject, publicID), "EndSubject": endSubject,
		"EndIf": endExternal, "EndOthers": endOthers, "EndEverybody": endAll,
	} {
		if !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", name, err, want)
		}
	}
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

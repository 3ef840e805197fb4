package session_test

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cloakroom-go/cloakroom/core/session"
)

func TestChangesAreMadeAgainInOrderAfterAConflict(t *testing.T) {
	t.Parallel()
	appendItem := func(item string) handler {
		return func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
			cart.Update(s, func(items []string) []string { return append(items, item) })
		}
	}
	for _, c := range []struct {
		name      string
		slow      handler
		wantCart  []string
		wantCount int
		wantName  string
	}{
		{"update runs again on the other's value", appendItem("slow"), []string{"seed", "other", "slow"}, 2, "other"},
		{"set wins over the other's set", func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
			name.Set(s, "slow")
		}, []string{"seed", "other"}, 2, "slow"},
		{"clear, then set", func(w http.ResponseWriter, r *http.Request, s *session.Session) {
			s.Clear()
			appendItem("after")(w, r, s)
		}, []string{"after"}, 0, ""},
		{"set, then clear, then update", func(w http.ResponseWriter, r *http.Request, s *session.Session) {
			counter.Set(s, 100)
			s.Clear()
			count(w, r, s)
		}, nil, 1, ""},
		{"delete, then update", func(w http.ResponseWriter, r *http.Request, s *session.Session) {
			cart.Delete(s)
			appendItem("a")(w, r, s)
			appendItem("b")(w, r, s)
		}, []string{"a", "b"}, 2, "other"},
		{"pop", func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
			if items, ok := cart.Pop(s); !ok || len(items) != 1 {
				t.Errorf("Pop: %v, %v", items, ok)
			}
		}, nil, 2, "other"},
		{"renew", func(w http.ResponseWriter, r *http.Request, s *session.Session) {
			s.Renew()
			appendItem("slow")(w, r, s)
		}, []string{"seed", "other", "slow"}, 2, "other"},
		{"authenticate, then update", func(w http.ResponseWriter, r *http.Request, s *session.Session) {
			s.Authenticate("ann")
			count(w, r, s)
		}, []string{"seed", "other"}, 3, "other"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			e := newEnv(t)
			v := e.seed(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
				count(w, r, s)
				appendItem("seed")(w, r, s)
			})
			finish := v.slow(c.slow)
			v.fork().do(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
				count(w, r, s)
				appendItem("other")(w, r, s)
				name.Set(s, "other")
			})
			wantStatus(t, finish(), http.StatusOK)
			if got, _ := read(v, cart); !slices.Equal(got, c.wantCart) {
				t.Errorf("cart %q, want %q", got, c.wantCart)
			}
			if got, _ := read(v, counter); got != c.wantCount {
				t.Errorf("counter %d, want %d", got, c.wantCount)
			}
			if got, _ := read(v, name); got != c.wantName {
				t.Errorf("name %q, want %q", got, c.wantName)
			}
		})
	}
}

func TestAWriteWhoseAnswerWasLostIsNotMadeTwice(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	v := e.seed(count)
	res := v.do(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		count(w, r, s)
		e.store.lose(errDown, opUpdate)
		if err := s.Commit(r.Context()); !errors.Is(err, errDown) {
			t.Errorf("Commit: %v, want the store's error", err)
		}
		e.store.reset()
	})
	wantStatus(t, res, http.StatusOK)
	if n, _ := read(v, counter); n != 2 {
		t.Errorf("counter %d after one seed and one increment, want 2", n)
	}
}

func TestCommitSavesBeforeTheResponse(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	v := e.visitor()
	res := v.do(func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
		for range 3 {
			counter.Update(s, increment)
			if err := s.Commit(r.Context()); err != nil {
				t.Error(err)
			}
			if s.IsNew() {
				t.Error("the session is still new after Commit")
			}
		}
	})
	if calls := e.store.taken(); calls[opCreate] != 1 || calls[opUpdate] != 2 || len(calls) != 2 {
		t.Errorf("store calls %v, want one Create and two Updates", calls)
	}
	if len(res.Cookies()) != 1 {
		t.Errorf("Set-Cookie: %q, want one", res.Header["Set-Cookie"])
	}
	if n, _ := read(v, counter); n != 3 {
		t.Errorf("counter %d, want 3", n)
	}
}

// A request whose handler uses the session in several goroutines while it is
// committed, again and again.
func TestASessionIsSafeForConcurrentUseDuringCommits(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		v := e.seed(count)
		v.do(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
			done := make(chan struct{})
			const writers, writes = 4, 50
			for i := range writers {
				go func() {
					defer func() { done <- struct{}{} }()
					for range writes {
						count(w, r, s)
						name.Set(s, strconv.Itoa(i))
						<-time.After(time.Millisecond)
						if err := s.Commit(r.Context()); err != nil {
							t.Error(err)
						}
						_, _, _ = s.Names(), s.Expires(), s.ID()
					}
				}()
			}
			for range writers {
				<-done
			}
			if n := counter.Get(s); n != 1+writers*writes {
				t.Errorf("counter %d, want %d", n, 1+writers*writes)
			}
		})
		if n, _ := read(v, counter); n != 201 {
			t.Errorf("stored counter %d, want 201", n)
		}
	})
}

// A function given to Update that panics when it runs again is the handler's
// panic, whichever goroutine commits, and leaves no lock behind.
func TestAPanicInUpdateDuringACommitCanBeRecovered(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	v := e.seed(count)
	v.do(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		saving, proceed := make(chan struct{}), make(chan struct{})
		e.store.intercept(func(_ context.Context, o op) error {
			if o == opUpdate {
				close(saving)
				<-proceed
			}
			return nil
		})
		count(w, r, s)
		go func() {
			<-saving
			runs := 0
			name.Update(s, func(string) string {
				if runs++; runs > 1 {
					panic("second run")
				}
				return "once"
			})
			close(proceed)
		}()
		func() {
			defer func() {
				if recover() == nil {
					t.Error("Commit did not panic")
				}
			}()
			_ = s.Commit(r.Context()) // panics
		}()
		e.store.reset()
		s.Destroy() // doesn't wait for ever
	})
}

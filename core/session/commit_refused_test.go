package session_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/cloakroom-go/cloakroom/core/session"
	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

func TestCommitAfterTheHeader(t *testing.T) {
	t.Parallel()
	ann := signIn("ann", count)
	for _, c := range []struct {
		name string
		seed handler
		work handler
		want error
		n    int // what the counter is then
	}{
		{"saves a session that the visitor has", count, count, nil, 2},
		{"can't hand out a new one", nil, count, session.ErrHeaderSent, 0},
		{"can't authenticate, and saves nothing else", count, both(count, authenticate), session.ErrHeaderSent, 1},
		{"can't authenticate again", ann, both(authenticate, count), session.ErrHeaderSent, 1},
		{"can't authenticate as somebody else", ann, both(signIn("bob"), count), session.ErrHeaderSent, 1},
		{"can't renew, and saves the rest", ann, both(renew, count), session.ErrHeaderSent, 2},
		{"can't reauthenticate, and saves the rest", ann, both(reauthenticate, count), session.ErrHeaderSent, 2},
		{"can't step up, and saves the rest", ann, both(stepUp, count), session.ErrHeaderSent, 2},
		{"destroys", count, destroy, nil, 0},
		{"destroys even if it can't hand out what follows", count, both(destroy, count), session.ErrHeaderSent, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			e := newEnv(t)
			v := e.visitor()
			if c.seed != nil {
				v = e.seed(c.seed)
			}
			res := v.do(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
				w.WriteHeader(http.StatusOK)
				c.work(w, r, s)
				if err := s.Commit(r.Context()); !errors.Is(err, c.want) {
					t.Errorf("Commit: %v, want %v", err, c.want)
				}
			})
			wantStatus(t, res, http.StatusOK)
			wantNoCookie(t, res)
			if calls := e.store.taken(); calls[opCreate] != 0 {
				t.Errorf("a record was created that nobody can reach: %v", calls)
			}
			if n, _ := read(v, counter); n != c.n {
				t.Errorf("counter %d, want %d", n, c.n)
			}
			v.do(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
				if s.SteppedUp("2fa") || s.Subject() == "bob" {
					t.Errorf("subject %q, stepped up %v", s.Subject(), s.SteppedUp("2fa"))
				}
			})
		})
	}
}

func TestCommitOfASessionThatHasEndedIsErrNotFound(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	v := e.seed(count)
	finish := v.fork().slow(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		for range 2 {
			count(w, r, s)
			if err := s.Commit(r.Context()); !errors.Is(err, session.ErrNotFound) {
				t.Errorf("Commit: %v, want ErrNotFound", err)
			}
		}
	})
	v.fork().do(destroy)
	res := finish()
	wantStatus(t, res, http.StatusOK)
	wantNoCookie(t, res)
}

func TestAFailedCommitCanBeRepeated(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		work handler
		op   op
	}{
		{"update", count, opUpdate},
		{"authenticate", func(w http.ResponseWriter, r *http.Request, s *session.Session) {
			s.Authenticate("ann")
			count(w, r, s)
		}, opUpdate},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			e := newEnv(t)
			v := e.seed(count)
			res := v.do(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
				c.work(w, r, s)
				e.store.fail(errDown, c.op)
				if err := s.Commit(r.Context()); !errors.Is(err, errDown) {
					t.Errorf("Commit: %v, want the store's error", err)
				}
				e.store.reset()
			})
			wantStatus(t, res, http.StatusOK)
			if n, _ := read(v, counter); n != 2 {
				t.Errorf("counter %d, want 2", n)
			}
		})
	}
}

// A handler that overlooks the error, or takes it lightly, must not confirm what
// was not saved.
func TestAFailedCommitFailsTheResponse(t *testing.T) {
	t.Parallel()
	for _, status := range []int{http.StatusOK, http.StatusBadGateway} {
		e := newEnv(t)
		v := e.seed(count)
		e.store.fail(errDown, opUpdate)
		wantOutage(t, v.do(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
			count(w, r, s)
			if err := s.Commit(r.Context()); !errors.Is(err, errDown) {
				t.Errorf("Commit: %v, want the store's error", err)
			}
			w.WriteHeader(status)
		}))
	}
}

func TestWhatCanNotBeSavedIsAnErrorAndChangesNothing(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		work handler
		want error
	}{
		{"a value that can't be encoded", func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
			session.NewKey[chan int]("c").Set(s, nil)
		}, session.ErrEncode},
		{"an update that can't be encoded", func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
			session.NewKey[any]("c").Update(s, func(any) any { return func() {} })
		}, session.ErrEncode},
		{"a session over MaxSize", func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
			name.Set(s, strings.Repeat("x", session.DefaultMaxSize))
		}, session.ErrTooLarge},
		{"no subject", func(_ http.ResponseWriter, _ *http.Request, s *session.Session) { s.Authenticate("") }, session.ErrInvalid},
		{"a subject that is too long", func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
			s.Authenticate(strings.Repeat("x", sessionstore.MaxSubjectLen+1))
		}, session.ErrInvalid},
		{"a subject that is not text", func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
			s.Authenticate("\xff")
		}, session.ErrInvalid},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			e := newEnv(t)
			v := e.seed(count)
			res := v.fork().do(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
				count(w, r, s)
				c.work(w, r, s)
				count(w, r, s)
				if err := s.Commit(r.Context()); !errors.Is(err, c.want) {
					t.Errorf("Commit: %v, want %v", err, c.want)
				}
			})
			wantStatus(t, res, http.StatusInternalServerError)
			wantNoCookie(t, res)
			if n, _ := read(v, counter); n != 1 {
				t.Errorf("counter %d, want 1", n)
			}
		})
	}
}

func TestDestroyIsCarriedOutWhateverIsSetAfterwards(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		work   handler
		status int
	}{
		{"a value", func(_ http.ResponseWriter, _ *http.Request, s *session.Session) { name.Set(s, "goodbye") }, http.StatusOK},
		{"nothing", nothing, http.StatusOK},
		{"a value that can't be encoded", func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
			session.NewKey[chan int]("c").Set(s, nil)
		}, http.StatusInternalServerError},
		{"a value that is too large", func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
			name.Set(s, strings.Repeat("x", session.DefaultMaxSize))
		}, http.StatusInternalServerError},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			e := newEnv(t)
			v := e.seed(count)
			res := v.fork().do(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
				s.Destroy()
				c.work(w, r, s)
			})
			wantStatus(t, res, c.status)
			if n, ok := read(v, counter); ok {
				t.Errorf("the session is still there: counter %d", n)
			}
		})
	}
}

// What is set and taken back again after a Destroy is not worth a record.
func TestNothingIsStoredAfterADestroyThatLeavesNothing(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	v := e.seed(count)
	res := v.do(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		s.Destroy()
		count(w, r, s)
		counter.Delete(s)
	})
	if calls := e.store.taken(); calls[opCreate] != 0 || v.cookie != nil {
		t.Errorf("store calls %v, Set-Cookie %q, want no new session", calls, res.Header["Set-Cookie"])
	}
}

// What a login is refused for leaves the request with what its ticket is good for by then.
func TestAfterARefusedLoginTheTicketIsGoodForWhatItIs(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		seed, meanwhile handler
		id              bool // it has a session still
		renew           error
	}{
		"retired":             {signIn("ann", count), renew, true, session.ErrRetired},
		"ended":               {signIn("ann", count), destroy, false, nil},
		"from before a login": {count, signIn("ann", count), false, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e, _ := newIndexedEnv(t, refusing(1))
			e.login("bob")
			v := e.seed(c.seed)
			v.do(nothing)
			other := v.fork()
			res := v.do(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
				other.do(c.meanwhile) //nolint:contextcheck // another request
				if other.cookie != nil {
					other.do(nothing) //nolint:contextcheck // its ticket is seen
				}
				s.Authenticate("bob")
				if err := s.Commit(r.Context()); !errors.Is(err, session.ErrTooManySessions) {
					t.Errorf("Commit: %v, want ErrTooManySessions", err)
				}
				if n := counter.Get(s); (s.ID() != "") != c.id || s.IsNew() || n != 1 && c.id || n != 0 && !c.id {
					t.Errorf("id %q, new %t, counter %d", s.ID(), s.IsNew(), n)
				}
				if s.Renew(); c.renew != nil {
					if err := s.Commit(r.Context()); !errors.Is(err, c.renew) {
						t.Errorf("Renew: %v, want %v", err, c.renew)
					}
				}
				count(w, r, s) // the handler has been told
			})
			wantStatus(t, res, http.StatusOK)
			wantNoCookie(t, res)
		})
	}
}

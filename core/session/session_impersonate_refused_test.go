package session_test

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/cloakroom-go/cloakroom/core/session"
)

func TestWhatIsRefusedWhileActing(t *testing.T) {
	t.Parallel()
	e, _ := newIndexedEnv(t)
	for name, f := range map[string]handler{
		"StepUp":         stepUp,
		"Reauthenticate": reauthenticate,
		"Remember":       func(_ http.ResponseWriter, _ *http.Request, s *session.Session) { s.Remember(time.Hour) },
		"SetDeadline": func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
			s.SetDeadline(time.Time{})
		},
		"SetPersistent":  setPersistent(true),
		"SetIdleTimeout": func(_ http.ResponseWriter, _ *http.Request, s *session.Session) { s.SetIdleTimeout(time.Hour) },
	} {
		root, _ := acting(e)
		wantStatus(t, root.fork().do(f), http.StatusInternalServerError)
		root.do(func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
			if f(nil, r, s); !errors.Is(s.Commit(r.Context()), session.ErrInvalid) {
				t.Errorf("%s is not ErrInvalid", name)
			}
		})
		root.is("ann", "root")
	}
	root, _ := acting(e)
	wantNoCookie(t, root.do(renew))
	root.do(actAs(t, "bob", session.ErrInvalid))
	root.is("ann", "root")
}

func TestWhoMayNotImpersonate(t *testing.T) {
	t.Parallel()
	e, _ := newIndexedEnv(t, renewing)
	invalid := session.ErrInvalid
	e.visitor().do(actAs(t, "ann", invalid))
	e.seed(count).do(actAs(t, "ann", invalid))
	e.visitor().do(signIn("root", actAs(t, "ann", invalid)))
	e.visitor().do(signIn("root", func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		if err := s.Commit(r.Context()); err != nil {
			t.Error(err)
		}
		actAs(t, "ann", invalid)(w, r, s)
	}))
	root := e.seed(signIn("root"))
	root.do(nothing)
	root.do(actAs(t, "root", invalid))
	root.do(actAs(t, "", invalid))
	root.do(func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
		for _, d := range []time.Duration{-1, 0, session.MaxImpersonation + 1} {
			if err := s.Impersonate(r.Context(), "ann", d); !errors.Is(err, invalid) {
				t.Errorf("for %v: %v", d, err)
			}
		}
	})
	root.do(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		w.WriteHeader(http.StatusOK)
		actAs(t, "ann", session.ErrHeaderSent, is(t, "root", ""))(w, r, s)
	})
	quiet := root.fork()
	finish := root.fork().slow(actAs(t, "ann", session.ErrRetired, is(t, "root", "")))
	root.do(renew)
	root.do(nothing)
	finish()
	root.do(signIn("root"))
	root.do(destroy)
	quiet.do(actAs(t, "ann", session.ErrNotFound))
	if list, err := e.m.List(t.Context(), "ann"); err != nil || len(list) > 0 {
		t.Errorf("listed: %+v, error %v", list, err)
	}
}

func TestImpersonateWithoutAStoreIsErrUnsupported(t *testing.T) {
	t.Parallel()
	m, err := session.NewCookieOnly(session.Options{Keys: [][]byte{testKey}})
	if err != nil {
		t.Fatal(err)
	}
	v := newEnv(t).visitor()
	v.m = m
	v.do(signIn("root"))
	v.do(actAs(t, "ann", session.ErrUnsupported))
}

// TestARefusedLoginLeavesWhoActsActing signs in when the header has left.
func TestARefusedLoginLeavesWhoActsActing(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	b := member(e)
	b.do(func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
		if err := s.Impersonate(r.Context(), "bob", time.Hour); err != nil {
			t.Error(err)
		}
	})
	b.do(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		w.WriteHeader(http.StatusOK)
		authenticate(w, r, s)
		if err := s.Commit(r.Context()); !errors.Is(err, session.ErrHeaderSent) {
			t.Errorf("Commit: %v, want ErrHeaderSent", err)
		}
		if s.Subject() != "bob" || s.Actor() != "ann" {
			t.Errorf("%q acts as %q, want ann as bob", s.Actor(), s.Subject())
		}
	})
}

// Another goroutine of the request may sign out meanwhile.
func TestImpersonateBesideASignOutIsRefused(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	v := e.seed(signIn("root"))
	v.do(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		busy, proceed := make(chan struct{}), make(chan struct{})
		first := sync.OnceFunc(func() { close(busy) })
		e.store.intercept(func(context.Context, op) error {
			first()
			<-proceed
			return nil
		})
		count(w, r, s)
		var all sync.WaitGroup
		all.Go(func() { _ = s.Commit(r.Context()) })
		<-busy
		all.Go(s.Destroy) // waits for the commit
		<-time.After(10 * time.Millisecond)
		all.Go(func() {
			if err := s.Impersonate(r.Context(), "ann", time.Hour); err != nil && !errors.Is(err, session.ErrInvalid) {
				t.Errorf("Impersonate: %v, want ErrInvalid or none", err)
			}
		})
		<-time.After(10 * time.Millisecond)
		close(proceed)
		all.Wait()
	})
}

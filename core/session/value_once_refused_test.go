package session_test

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/cloakroom-go/cloakroom/core/session"
)

func TestOnceLeavesAValueThatDoesNotDecode(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	v := e.seed(signIn("ann", func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
		session.NewKey[string](grants.Name()).Set(s, "of another type")
	}))
	v.do(func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
		_, err := grants.Once(r.Context(), s, grant.good, (&provider{}).redeem)
		if !errors.Is(err, session.ErrDecode) {
			t.Errorf("error %v, want ErrDecode", err)
		}
	})
	if text, _ := read(v, session.NewKey[string](grants.Name())); text != "of another type" {
		t.Errorf("stored is %q", text)
	}
}

func TestAResultThatCanNotBeEncodedIsAnError(t *testing.T) {
	t.Parallel()
	v := newEnv(t).seed(count)
	v.do(func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
		_, err := name.Once(r.Context(), s, func(string) bool { return false }, func(context.Context, string) (string, error) {
			return "\xff", nil
		})
		if !errors.Is(err, session.ErrEncode) {
			t.Errorf("error %v, want ErrEncode", err)
		}
	})
	if n, _ := read(v, counter); n != 1 {
		t.Errorf("counted %d", n)
	}
}

func TestOnceInASessionWithoutAStoreIsErrUnsupported(t *testing.T) {
	t.Parallel()
	m, err := session.NewCookieOnly(session.Options{Keys: [][]byte{testKey}})
	if err != nil {
		t.Fatal(err)
	}
	e := newEnv(t)
	v := e.visitor()
	v.m = m
	v.do(func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
		_, err := grants.Once(r.Context(), s, grant.good, (&provider{}).redeem)
		if !errors.Is(err, session.ErrUnsupported) {
			t.Errorf("error %v, want ErrUnsupported", err)
		}
	})
}

// A panic of what the caller gives leaves the session as it was: an outer handler may answer.
func TestAPanicWithinOnceHoldsUpNobody(t *testing.T) {
	t.Parallel()
	v := newEnv(t).seed(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) { counter.Set(s, 1) })
	answer := make(chan int, 1)
	go func() {
		answer <- v.do(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
			defer func() {
				if recover() == nil {
					t.Error("no panic")
				}
				w.WriteHeader(http.StatusTeapot)
			}()
			looks := 0
			_, _ = counter.Once(r.Context(), s, func(int) bool {
				if looks++; looks > 1 {
					panic("the caller's own")
				}
				return false
			}, func(context.Context, int) (int, error) { return 2, nil })
		}).StatusCode
	}()
	select {
	case status := <-answer:
		if status != http.StatusTeapot {
			t.Errorf("status %d", status)
		}
	case <-time.After(time.Minute):
		t.Error("the response hangs")
	}
}

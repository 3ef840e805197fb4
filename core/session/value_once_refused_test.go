package session_test

import (
	"context"
	"errors"
	"net/http"
	"testing"

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

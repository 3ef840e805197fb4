package session_test

import (
	"bytes"
	"errors"
	"net/http"
	"testing"
	"testing/synctest"

	"github.com/cloakroom-go/cloakroom/core/session"
)

// secretOf returns what a new request of v gets for purpose, and stores nothing
// else.
func secretOf(v *visitor, purpose string) (secret []byte) {
	v.do(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) { secret = s.Secret(purpose) })
	return secret
}

func TestASecretBelongsToItsSessionAndPurpose(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	v, other := e.visitor(), e.visitor()
	form := secretOf(v, "form")
	if len(form) != 32 || v.cookie == nil {
		t.Fatalf("%d bytes, cookie %v: want 32 bytes and a session that is stored for it", len(form), v.cookie)
	}
	if !bytes.Equal(secretOf(v, "form"), form) {
		t.Error("the next request gets another secret")
	}
	if bytes.Equal(secretOf(v, "link"), form) {
		t.Error("two purposes have the same secret")
	}
	if bytes.Equal(secretOf(other, "form"), form) {
		t.Error("two sessions have the same secret")
	}
	v.do(renew)
	if !bytes.Equal(secretOf(v, "form"), form) {
		t.Error("Renew changes it")
	}
	v.do(authenticate)
	if bytes.Equal(secretOf(v, "form"), form) {
		t.Error("Authenticate leaves it")
	}
}

// A form that is sent twice, or whose page is older than the login, verifies.
func TestATicketThatIsQuietKeepsItsSecret(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name       string
		seed, work handler
	}{
		{"after a first login", count, authenticate},
		{"after a first login that was seen", count, authenticate},
		{"after a login again and its grace", signIn("ann"), authenticate},
		{"after a Renew and its grace", signIn("ann"), renew},
		{"after a logout", signIn("ann"), destroy},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				e := newEnv(t)
				v := e.seed(c.seed)
				old := v.fork()
				form := secretOf(old, "form")
				v.do(c.work)
				if c.name != "after a first login" && v.cookie != nil {
					v.do(nothing)
				}
				pass(renewGrace)
				e.store.taken()
				if !bytes.Equal(secretOf(old.fork(), "form"), form) {
					t.Error("it has another secret now")
				}
				if calls := e.store.taken(); calls[opCreate]+calls[opUpdate] != 0 {
					t.Errorf("store calls %v: something was stored for it", calls)
				}
				if c.name != "after a Renew and its grace" && bytes.Equal(secretOf(v, "form"), form) {
					t.Error("the new session, or login, has the old one's secret")
				}
			})
		})
	}
}

// A request whose session ends meanwhile keeps its secret: its page may have a form already.
func TestASessionThatEndsMeanwhileKeepsItsSecret(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	v := e.seed(signIn("ann"))
	v.do(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		form := s.Secret("form")
		v.fork().do(destroy) //nolint:contextcheck // another request
		count(w, r, s)
		if err := s.Commit(r.Context()); !errors.Is(err, session.ErrNotFound) {
			t.Errorf("Commit: %v, want ErrNotFound", err)
		}
		if !bytes.Equal(s.Secret("form"), form) {
			t.Error("it has another secret now")
		}
	})
}

// Of a ticket that its record does not list any more, nobody knows the seed: what its
// holder gets is their own, and the same each time.
func TestATicketThatIsNotListedHasASecretOfItsOwn(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	v := e.seed(signIn("ann"))
	v.do(nothing)
	old := v.fork()
	for range 10 {
		v.do(renew)
		v.do(nothing)
	}
	first := secretOf(old.fork(), "form")
	if !bytes.Equal(secretOf(old.fork(), "form"), first) {
		t.Error("it has another one each time")
	}
	if bytes.Equal(secretOf(v, "form"), first) {
		t.Error("it is the session's")
	}
}

// A form of an impersonation's page that is sent after the logout verifies as before it.
func TestASecretOfAnImpersonationOutlivesTheLogout(t *testing.T) {
	t.Parallel()
	root, _ := acting(newEnv(t))
	form, copied := secretOf(root, "form"), root.fork()
	root.do(destroy)
	if !bytes.Equal(secretOf(copied, "form"), form) {
		t.Error("the logout changes it")
	}
}

package session_test

import (
	"bytes"
	"net/http"
	"testing"

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

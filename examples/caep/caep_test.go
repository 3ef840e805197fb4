package caep_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/cloakroom-go/cloakroom/core/memstore"
	"github.com/cloakroom-go/cloakroom/core/session"
	"github.com/cloakroom-go/cloakroom/core/sessionstore"
	"github.com/cloakroom-go/cloakroom/examples/caep"
)

// down is a store that can't list.
type down struct{ *memstore.Store }

func (down) ListSubject(context.Context, string) ([]sessionstore.Entry, error) {
	return nil, errors.New("the store is down")
}

// receiver returns one that takes a token's text for its claims, unless it is forged.
func receiver(t *testing.T, store session.Store) *caep.Receiver {
	t.Helper()
	m, err := session.New(store, session.Options{Keys: [][]byte{session.GenerateKey()}, Cookie: session.Cookie{Insecure: true}})
	if err != nil {
		t.Fatal(err)
	}
	return &caep.Receiver{
		Sessions: m,
		Verify: func(_ context.Context, token []byte) ([]byte, error) {
			if strings.HasPrefix(string(token), "forged") {
				return nil, fmt.Errorf("%w: not signed by the provider", caep.ErrUntrusted)
			}
			return token, nil
		},
		Subject: func(issuer, subject string) string { return issuer + " " + subject },
		Owner: func(_ context.Context, providerSession string) (string, error) {
			return map[string]string{"s2": "idp ann"}[providerSession], nil
		},
	}
}

func signIn(t *testing.T, m *session.Manager, subject, sid string) {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", http.NoBody)
	m.HandlerFunc(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
		s.Authenticate(subject)
		caep.ProviderSession.Set(s, sid)
	})(httptest.NewRecorder(), r)
}

func push(t *testing.T, rc *caep.Receiver, token string) *http.Response {
	t.Helper()
	w := httptest.NewRecorder()
	rc.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/events", strings.NewReader(token)))
	return w.Result()
}

const (
	revoked   = `"events": {"https://schemas.openid.net/secevent/caep/event-type/session-revoked": {}}`
	ofSession = `{"sub_id": {"format": "complex", "user": {"format": "iss_sub", "iss": "idp", "sub": "ann"},
		"session": {"format": "opaque", "id": "s1"}}, ` + revoked + `}`
	ofUser   = `{"sub_id": {"format": "iss_sub", "iss": "idp", "sub": "ann"}, ` + revoked + `}`
	ofNobody = `{"sub_id": {"format": "email", "email": "ann@example.com"}, ` + revoked + `}`
	opaque   = `{"sub_id": {"format": "opaque", "id": "s2"}, ` + revoked + `}`
	unknown  = `{"sub_id": {"format": "opaque", "id": "s9"}, ` + revoked + `}`
	another  = `{"sub_id": {"format": "iss_sub", "iss": "idp", "sub": "ann"}, "events": {"https://example.com/another": {}}}`
)

func TestARevokedSessionEnds(t *testing.T) {
	t.Parallel()
	rc := receiver(t, memstore.New(memstore.Options{}))
	for _, sid := range []string{"s1", "s2", "s3"} {
		signIn(t, rc.Sessions, "idp ann", sid)
	}
	signIn(t, rc.Sessions, "idp bob", "s1")
	for _, c := range []struct {
		name, token  string
		status, left int
	}{
		{"a forged token", "forged " + ofUser, http.StatusBadRequest, 3},
		{"no JSON", "{", http.StatusBadRequest, 3},
		{"a token without an end", strings.Repeat(" ", 1<<20), http.StatusBadRequest, 3},
		{"another event", another, http.StatusAccepted, 3},
		{"an event that names nobody", ofNobody, http.StatusBadRequest, 3},
		{"one session", ofSession, http.StatusAccepted, 2},
		{"the same again", ofSession, http.StatusAccepted, 2},
		{"a session of nobody", unknown, http.StatusAccepted, 2},
		{"one session, and no user", opaque, http.StatusAccepted, 1},
		{"the user", ofUser, http.StatusAccepted, 0},
	} {
		if res := push(t, rc, c.token); res.StatusCode != c.status {
			t.Errorf("%s: status %d, want %d", c.name, res.StatusCode, c.status)
		}
		if list, err := rc.Sessions.List(t.Context(), "idp ann"); len(list) != c.left || err != nil {
			t.Errorf("%s: %d sessions are left, error %v, want %d", c.name, len(list), err, c.left)
		}
	}
	if list, err := rc.Sessions.List(t.Context(), "idp bob"); len(list) != 1 || err != nil {
		t.Errorf("%d sessions of another user, error %v", len(list), err)
	}
}

// The provider sends it again.
func TestAStoreThatFailsIsAnsweredWith503(t *testing.T) {
	t.Parallel()
	rc := receiver(t, down{memstore.New(memstore.Options{})})
	if res := push(t, rc, ofUser); res.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("status %d, want 503", res.StatusCode)
	}
}

// A token that can't be checked, because the provider's keys can't be had for instance,
// may be a good one.
func TestATokenThatCanNotBeCheckedIsAnsweredWith503(t *testing.T) {
	t.Parallel()
	rc := receiver(t, memstore.New(memstore.Options{}))
	rc.Verify = func(context.Context, []byte) ([]byte, error) { return nil, context.DeadlineExceeded }
	if res := push(t, rc, ofUser); res.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("status %d, want 503", res.StatusCode)
	}
}

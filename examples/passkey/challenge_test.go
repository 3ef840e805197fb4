package passkey_test

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cloakroom-go/cloakroom/core/memstore"
	"github.com/cloakroom-go/cloakroom/core/session"
	"github.com/cloakroom-go/cloakroom/examples/passkey"
)

// A browser sends requests with its cookie.
type browser struct {
	sessions *session.Manager
	cookie   *http.Cookie
}

func newBrowser(t *testing.T) *browser {
	t.Helper()
	m, err := session.New(memstore.New(memstore.Options{}), session.Options{
		Keys: [][]byte{session.GenerateKey()}, Cookie: session.Cookie{Insecure: true},
	})
	if err != nil {
		t.Fatal(err)
	}
	return &browser{sessions: m}
}

func (b *browser) do(t *testing.T, f func(ctx context.Context, s *session.Session)) *http.Cookie {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", http.NoBody)
	if b.cookie != nil {
		r.AddCookie(b.cookie)
	}
	w := httptest.NewRecorder()
	b.sessions.HandlerFunc(func(_ http.ResponseWriter, r *http.Request, s *session.Session) { f(r.Context(), s) })(w, r)
	for _, c := range w.Result().Cookies() {
		return c
	}
	return b.cookie
}

// begin has the browser ask for a challenge.
func (b *browser) begin(t *testing.T) (challenge []byte) {
	t.Helper()
	b.cookie = b.do(t, func(_ context.Context, s *session.Session) { challenge = passkey.New(s) })
	return challenge
}

func TestAChallengeIsUsedOnce(t *testing.T) {
	t.Parallel()
	b := newBrowser(t)
	want := b.begin(t)
	var used atomic.Int32
	var requests sync.WaitGroup
	for range 20 { // one answer, copied
		requests.Go(func() {
			b.do(t, func(ctx context.Context, s *session.Session) {
				switch got, err := passkey.Use(ctx, s); {
				case err == nil && bytes.Equal(got, want):
					used.Add(1)
				case !errors.Is(err, passkey.ErrChallenge):
					t.Errorf("got %x, error %v", got, err)
				}
			})
		})
	}
	requests.Wait()
	if n := used.Load(); n != 1 {
		t.Errorf("used %d times, want once", n)
	}
}

func TestAChallengeIsOfItsSessionAndTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBrowser(t)
		wantNone := func(b *browser, what string) {
			t.Helper()
			b.do(t, func(ctx context.Context, s *session.Session) {
				if got, err := passkey.Use(ctx, s); !errors.Is(err, passkey.ErrChallenge) {
					t.Errorf("%s: got %x, error %v", what, got, err)
				}
			})
		}
		wantNone(b, "before one was asked for")
		b.begin(t)
		wantNone(&browser{sessions: b.sessions}, "in another's session")
		<-time.After(5 * time.Minute)
		wantNone(b, "too late")
		first := b.begin(t)
		second := b.begin(t)
		b.do(t, func(ctx context.Context, s *session.Session) {
			if got, err := passkey.Use(ctx, s); err != nil || bytes.Equal(got, first) || !bytes.Equal(got, second) {
				t.Errorf("got %x, error %v, want the second", got, err)
			}
		})
	})
}

// A login's challenge is not in the session that it signs in to: right after a login whose
// answer was lost, that one stores nothing.
func TestAPasskeySignsInAgainAfterALostAnswer(t *testing.T) {
	t.Parallel()
	visitor, handshake := newBrowser(t), newBrowser(t)
	visitor.begin(t) // a session that is there before the login
	for _, answer := range []string{"lost", "received"} {
		want := handshake.begin(t)
		handshake.do(t, func(ctx context.Context, hs *session.Session) {
			if got, err := passkey.Use(ctx, hs); err != nil || !bytes.Equal(got, want) {
				t.Errorf("%s: got %x, error %v, want the challenge", answer, got, err)
			}
		})
		ticket := visitor.do(t, func(_ context.Context, s *session.Session) { s.Authenticate("ann") })
		if answer == "received" {
			visitor.cookie = ticket
		}
	}
	visitor.do(t, func(_ context.Context, s *session.Session) {
		if s.Subject() != "ann" {
			t.Errorf("signed in as %q, want ann", s.Subject())
		}
	})
}

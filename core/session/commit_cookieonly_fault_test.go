package session_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/cloakroom-go/cloakroom/core/session"
)

// A faultySealer fails to seal while it is down.
type faultySealer struct {
	session.Sealer

	down bool
}

func (s *faultySealer) Seal(purpose string, plaintext []byte) ([]byte, error) {
	if s.down {
		return nil, errDown
	}
	return s.Sealer.Seal(purpose, plaintext)
}

func TestWhileTheSealerIsDownReadingWorksAndWritingIsAnOutage(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		inner, err := session.NewSealer(testKey)
		if err != nil {
			t.Fatal(err)
		}
		sealer := &faultySealer{Sealer: inner}
		e := newCookieOnlyEnv(t, func(o *session.Options) { o.Keys, o.Sealer = nil, sealer })
		v := e.seed(count)
		pass(session.DefaultIdleTimeout / 2)
		sealer.down = true
		res := v.do(look) // a touch is due
		wantStatus(t, res, http.StatusOK)
		wantNoCookie(t, res)
		wantOutage(t, v.do(count))
		sealer.down = false
		v.do(count)
		if n, _ := read(v, counter); n != 2 {
			t.Errorf("counter %d, want 2", n)
		}
	})
}

func TestACookieThatWasCommittedIsHandedOutThoughTheResponseFails(t *testing.T) {
	t.Parallel()
	eachMode(t, func(e *env) {
		v := e.visitor()
		res := v.do(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
			count(w, r, s)
			if err := s.Commit(r.Context()); err != nil {
				e.tb.Error(err)
			}
			name.Set(s, strings.Repeat("x", 4096))
		})
		wantStatus(e.tb, res, http.StatusInternalServerError)
		if n, _ := read(v, counter); n != 1 {
			e.tb.Errorf("counter %d, want 1", n)
		}
	})
}

// The browser keeps the cookie back from another site's request: the visitor may have a session.
func TestWhatTravelsInACookieThatIsKeptBackIsNotReplaced(t *testing.T) {
	t.Parallel()
	e := newCookieOnlyEnv(t, func(o *session.Options) { o.Cookie.SameSite = http.SameSiteStrictMode })
	r := newRequest(t)
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	res := serveRequest(e.m.HandlerFunc(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		count(w, r, s)
		if err := s.Commit(r.Context()); !errors.Is(err, session.ErrNotFound) {
			t.Errorf("Commit: %v, want ErrNotFound", err)
		}
	}), r)
	wantStatus(t, res, http.StatusOK)
	wantNoCookie(t, res)
}

package session_test

import (
	"context"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cloakroom-go/cloakroom/core/session"
	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// A lateStore has a clock that is behind, or counts in whole seconds: what has expired
// is still there.
type lateStore struct{ sessionstore.Store }

func (s lateStore) Load(ctx context.Context, id string) (sessionstore.Record, error) {
	r, err := s.Store.Load(ctx, id)
	r.Expires = r.Expires.Add(-time.Second)
	return r, err
}

func TestARecordThatHasExpiredIsNoneThoughTheStoreHasIt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		v := e.seed(count)
		v.m = e.manager(lateStore{e.store})
		pass(session.DefaultIdleTimeout - time.Second - 1)
		if v.gone() {
			t.Error("dead 1 ns before it expires")
		}
		pass(1)
		if !v.gone() {
			t.Error("alive when it has expired")
		}
	})
}

// Who comes from another site, with their cookie kept back by SameSite, gets no other
// one, whatever their request changes.
func TestACookieThatWasKeptBackIsNotReplaced(t *testing.T) {
	t.Parallel()
	for name, open := range map[string]func(testing.TB, ...func(*session.Options)) *env{
		"store": newEnv, "cookie-only": newCookieOnlyEnv,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := open(t)
			post := func(f handler) *http.Response {
				r := newRequest(t)
				r.Method = http.MethodPost
				r.Header.Set("Sec-Fetch-Site", "cross-site")
				return serveRequest(e.m.HandlerFunc(f), r)
			}
			for what, work := range map[string]handler{"a value": count, "a message": leave("paid"), "a secret": func(
				_ http.ResponseWriter, _ *http.Request, s *session.Session,
			) {
				s.Secret("form")
			}} {
				res := post(work)
				if res.StatusCode != http.StatusOK || res.Header["Set-Cookie"] != nil {
					t.Errorf("%s: status %d, Set-Cookie %q", what, res.StatusCode, res.Header["Set-Cookie"])
				}
			}
			if calls := e.store.taken(); len(calls) != 0 {
				t.Errorf("store calls %v, want none", calls)
			}
			if res := post(authenticate); len(res.Cookies()) != 1 {
				t.Errorf("a login gets Set-Cookie %q, want one", res.Header["Set-Cookie"])
			}
		})
	}
}

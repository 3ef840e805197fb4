package benchmarks

import (
	"net/http"
	"strings"
	"testing"

	"github.com/boj/redistore"
	"github.com/gorilla/sessions"

	"github.com/cloakroom-go/cloakroom/core/session"
)

// gorillaApp returns the application over a store of gorilla's. A request that does not
// ask for the session costs nothing there.
func gorillaApp(store sessions.Store, extra int) (*app, string) {
	handle := func(f func(*sessions.Session) bool) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			s, err := store.Get(r, "session")
			if err == nil && f(s) {
				err = s.Save(r, w)
			}
			if err != nil {
				http.Error(w, err.Error(), http.StatusInternalServerError)
			}
		})
	}
	fill := handle(func(s *sessions.Session) bool {
		s.Values["counter"] = 1
		s.Values["name"] = name
		s.Values["cart"] = cart
		s.Values["profile"] = about
		s.Values["language"] = language
		if extra > 0 {
			s.Values["extra"] = strings.Repeat("x", extra)
		}
		return true
	})
	return &app{
		visitor: func(b *testing.B) string { return cookieOf(b, fill) },
		read: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			s, err := store.Get(r, "session")
			if err != nil || s.Values["name"] != name {
				http.Error(w, "the session is lost", http.StatusInternalServerError)
			}
		}),
		write: handle(func(s *sessions.Session) bool {
			n, _ := s.Values["counter"].(int)
			s.Values["counter"] = n + 1
			return true
		}),
	}, ""
}

func openGorillaSigned(_ *testing.B, extra int) (*app, string) {
	return gorillaApp(sessions.NewCookieStore(session.GenerateKey()), extra)
}

func openGorillaEncrypted(_ *testing.B, extra int) (*app, string) {
	return gorillaApp(sessions.NewCookieStore(session.GenerateKey(), session.GenerateKey()), extra)
}

func openGorillaFile(b *testing.B, extra int) (*app, string) {
	store := sessions.NewFilesystemStore(b.TempDir(), session.GenerateKey())
	store.MaxLength(1 << 20)
	return gorillaApp(store, extra)
}

func openGorillaRedis(b *testing.B, extra int) (*app, string) {
	client, missing := redisClient(b)
	if client == nil {
		return nil, missing
	}
	store, err := redistore.NewRediStore(16, "tcp", client.Options().Addr, "", "", session.GenerateKey())
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = store.Close() })
	store.SetMaxLength(1 << 20)
	store.SetKeyPrefix(unique() + ":")
	return gorillaApp(store, extra)
}

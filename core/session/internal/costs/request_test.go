//go:build !race

package costs_test

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/cloakroom-go/cloakroom/core/memstore"
	"github.com/cloakroom-go/cloakroom/core/session"
)

var (
	testKey  = session.GenerateKey()
	discard  = slog.New(slog.DiscardHandler)
	counter  = session.NewKey[int]("counter")
	name     = session.NewKey[string]("name")
	cart     = session.NewKey[[]string]("cart")
	profiles = session.NewKey[profile]("profile")
)

type profile struct {
	Name  string
	Roles []string
	Tags  map[string]int
}

// look gets the session and reads it.
func look(_ http.ResponseWriter, _ *http.Request, s *session.Session) { counter.Get(s) }

// A workload is one way of use on a session of five small values, about 300
// bytes, in memory.
type workload struct {
	name    string
	handler http.Handler
	cookie  string
}

func workloads(tb testing.TB) []workload {
	tb.Helper()
	m, err := session.New(memstore.New(memstore.Options{}), session.Options{Keys: [][]byte{testKey}, Logger: discard})
	if err != nil {
		tb.Fatal(err)
	}
	w := httptest.NewRecorder()
	m.HandlerFunc(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
		counter.Set(s, 1)
		name.Set(s, "Ann Example")
		cart.Set(s, []string{"a hat", "a coat", "an umbrella"})
		profiles.Set(s, profile{"Ann", []string{"cook", "waiter"}, map[string]int{"age": 30}})
		session.NewKey[string]("language").Set(s, "fr-CA,fr;q=0.8,en-US;q=0.5,en;q=0.3")
	}).ServeHTTP(w, request(tb, ""))
	set := w.Result().Cookies()[0]
	cookie := set.Name + "=" + set.Value
	empty := http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
	return []workload{
		{"recorder", empty, cookie},
		{"untouched", m.Handler(empty), cookie},
		{"read", m.HandlerFunc(look), cookie},
		{"write", m.HandlerFunc(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) { counter.Set(s, 2) }), cookie},
	}
}

func request(tb testing.TB, cookie string) *http.Request {
	tb.Helper()
	r := httptest.NewRequestWithContext(tb.Context(), http.MethodGet, "/", http.NoBody)
	if cookie != "" {
		r.Header.Set("Cookie", cookie)
	}
	return r
}

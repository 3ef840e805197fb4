package stores_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/cloakroom-go/cloakroom/core/session"
)

// wantCosts fails the test unless requests cost what the package guide says, as
// the server itself counts it. An Update that gives a record to a subject takes so many
// calls, one that takes it from its subject so many more, every other method one. Nobody else may use the server.
func wantCosts(t *testing.T, store session.Store, giving, taking int, calls func() int) {
	t.Helper()
	const interval = 3 * time.Second
	sessions, err := session.New(store, session.Options{
		Keys:          [][]byte{session.GenerateKey()},
		TouchInterval: interval,
		StoreTimeout:  patience,
	})
	if err != nil {
		t.Fatal(err)
	}
	var ticket string
	request := func(f func(*session.Session)) int {
		t.Helper()
		before := calls()
		w := httptest.NewRecorder()
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
		if ticket != "" {
			r.Header.Set("Cookie", ticket)
		}
		sessions.Handler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			if f == nil {
				return
			}
			s, err := sessions.Get(r)
			if err != nil {
				t.Error(err)
				return
			}
			f(s)
		})).ServeHTTP(w, r)
		for _, c := range w.Result().Cookies() {
			ticket = fmt.Sprintf("%s=%s", c.Name, c.Value)
		}
		return calls() - before
	}
	want := func(what string, want, got int) {
		t.Helper()
		if got != want {
			t.Errorf("%s costs %d calls, want %d", what, got, want)
		}
	}

	signIn := func(s *session.Session) { s.Authenticate("visitor") }
	read := func(s *session.Session) { counter.Get(s) }
	write := func(s *session.Session) { counter.Update(s, func(n int) int { return n + 1 }) }
	request(signIn)
	request(write) // scripts and statements are known from here on
	ticket = ""

	want("a visitor's first change", 1, request(write))
	want("a request that signs in", 1+giving, request(signIn))
	want("a request that leaves the session alone", 0, request(nil))
	extended := time.Now()
	want("a request that writes", 2, request(write))
	written := time.Now()
	for range 5 {
		if got := request(read); time.Since(extended) < interval {
			want("a request that reads", 1, got)
		}
	}
	<-time.After(time.Until(written.Add(interval + 100*time.Millisecond)))
	extended = time.Now()
	want("the first request that reads after the interval", 2, request(read))
	for range 5 {
		if got := request(read); time.Since(extended) < interval {
			want("a request that reads later in the interval", 1, got)
		}
	}
	want("a request that signs out", 2+taking, request((*session.Session).Destroy))
}

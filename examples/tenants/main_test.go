package main

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/cloakroom-go/cloakroom/core/session"
)

// ask sends a request to a host, with a cookie if there is one.
func ask(t *testing.T, h http.Handler, host string, cookie *http.Cookie) (status int, body string, set *http.Cookie) {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "https://"+host+"/", http.NoBody)
	if cookie != nil {
		r.AddCookie(cookie)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	for _, c := range w.Result().Cookies() {
		set = c
	}
	return w.Code, w.Body.String(), set
}

func TestEachTenantHasSessionsOfItsOwn(t *testing.T) {
	t.Parallel()
	h, err := site([]tenant{
		{"one.example", [][]byte{session.GenerateKey()}, time.Hour},
		{"two.example", [][]byte{session.GenerateKey()}, time.Minute},
	})
	if err != nil {
		t.Fatal(err)
	}
	_, _, ticket := ask(t, h, "one.example", nil)
	if _, body, _ := ask(t, h, "ONE.example:443", ticket); body != "one.example: 2\n" {
		t.Errorf("the second visit: %q", body)
	}
	if _, body, set := ask(t, h, "two.example", ticket); body != "two.example: 1\n" || set == nil {
		t.Errorf("with another tenant's ticket: %q, cookie %v; want a new session", body, set)
	}
	if status, _, set := ask(t, h, "three.example", nil); status != http.StatusMisdirectedRequest || set != nil {
		t.Errorf("a host that nobody has: status %d, cookie %v", status, set)
	}
}

func TestATenantThatCanNotWorkIsAnError(t *testing.T) {
	t.Parallel()
	if _, err := site([]tenant{{"one.example", nil, time.Hour}}); err == nil {
		t.Error("no error without keys")
	}
}

package main

import (
	"net/http"
	"strings"
	"testing"

	"github.com/cloakroom-go/cloakroom/core/session"
	"github.com/cloakroom-go/cloakroom/examples/internal/visit"
)

func TestAPreferenceTravelsInTheCookie(t *testing.T) {
	t.Parallel()
	keys := [][]byte{session.GenerateKey()}
	handler, err := newHandler(keys)
	if err != nil {
		t.Fatal(err)
	}
	v := visit.New(t, handler)
	v.Want("GET /", "", http.StatusOK, "light")
	v.Want("POST /theme", "name=plaid", http.StatusSeeOther, "")
	v.Want("GET /", "", http.StatusOK, "light")
	dark := v.Send("POST /theme", "name=dark")
	v.Want("GET /", "", http.StatusOK, "dark")

	// Another process needs the keys and nothing else.
	if handler, err = newHandler(keys); err != nil {
		t.Fatal(err)
	}
	elsewhere := visit.New(t, handler)
	cookie, _, _ := strings.Cut(dark.Header.Get("Set-Cookie"), ";")
	elsewhere.Header.Set("Cookie", cookie)
	elsewhere.Want("GET /", "", http.StatusOK, "dark")
}

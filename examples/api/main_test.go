package main

import (
	"net/http"
	"strings"
	"testing"

	"github.com/cloakroom-go/cloakroom/core/memstore"
	"github.com/cloakroom-go/cloakroom/core/session"
	"github.com/cloakroom-go/cloakroom/examples/internal/visit"
)

func TestATokenIsGoodUntilItIsGivenBack(t *testing.T) {
	t.Parallel()
	sessions, err := session.New(memstore.New(memstore.Options{}), session.Options{
		Keys: [][]byte{session.GenerateKey()}, Header: "Authorization",
	})
	if err != nil {
		t.Fatal(err)
	}
	v := visit.New(t, api(sessions))
	v.Want("POST /notes", "text=buy+milk", http.StatusUnauthorized, "no valid token")

	a := v.Send("POST /token", "")
	if a.Status != http.StatusOK || a.Body == "" || a.Header.Get("Set-Cookie") != "" {
		t.Fatalf("status %d, token of %d bytes, header %v; want a token and no cookie", a.Status, len(a.Body), a.Header)
	}
	v.Header.Set("Authorization", "Bearer "+a.Body)
	v.Want("POST /notes", "text=buy+milk", http.StatusOK, "[buy milk]")
	v.Want("POST /notes", "text=post+letter", http.StatusOK, "[buy milk post letter]")
	for _, text := range []string{"", "%ff", strings.Repeat("a", maxNote+1)} {
		v.Want("POST /notes", "text="+text, http.StatusBadRequest, "")
	}
	for range maxNotes {
		v.Want("POST /notes", "text="+strings.Repeat("a", maxNote), http.StatusOK, "") // the oldest are forgotten
	}
	v.Want("DELETE /token", "", http.StatusOK, "")
	v.Want("POST /notes", "text=buy+milk", http.StatusUnauthorized, "no valid token")
}

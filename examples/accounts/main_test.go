package main

import (
	"net/http"
	"strings"
	"testing"

	"github.com/cloakroom-go/cloakroom/core/memstore"
	"github.com/cloakroom-go/cloakroom/core/session"
	"github.com/cloakroom-go/cloakroom/examples/internal/visit"
)

func TestSeveralAccountsInOneBrowser(t *testing.T) {
	t.Parallel()
	handler, err := site(memstore.New(memstore.Options{}), [][]byte{session.GenerateKey()})
	if err != nil {
		t.Fatal(err)
	}
	v := visit.New(t, handler)
	v.Want("GET /u/0/", "", http.StatusOK, "Here: nobody")
	for _, name := range []string{"", "eve", "%00", "%ff", strings.Repeat("a", 300)} {
		v.Want("POST /u/0/login", "name="+name, http.StatusForbidden, "")
	}
	v.Want("POST /u/0/login", "name=alice", http.StatusSeeOther, "")
	v.Want("POST /u/2/login", "name=bob", http.StatusSeeOther, "")
	v.Want("GET /u/0/", "", http.StatusOK, "Here: alice")
	v.Want("GET /u/2/", "", http.StatusOK, "Here: bob")
	v.Want("GET /u/1/", "", http.StatusOK, `<a href="/u/0/">alice</a>`)
	v.Want("POST /u/0/logout", "", http.StatusSeeOther, "")
	v.Want("GET /u/0/", "", http.StatusOK, "Here: nobody")
	v.Want("GET /u/2/", "", http.StatusOK, "Here: bob")
	for _, place := range []string{"3", "-1", "x"} {
		v.Want("GET /u/"+place+"/", "", http.StatusNotFound, "")
	}
	v.Header.Set("Sec-Fetch-Site", "cross-site")
	v.Want("POST /u/2/logout", "", http.StatusForbidden, "")
}

// A ticket is signed for its place.
func TestATicketIsWorthNothingInAnotherPlace(t *testing.T) {
	t.Parallel()
	handler, err := site(memstore.New(memstore.Options{}), [][]byte{session.GenerateKey()})
	if err != nil {
		t.Fatal(err)
	}
	v := visit.New(t, handler)
	cookies := (&http.Response{Header: v.Send("POST /u/0/login", "name=alice").Header}).Cookies()
	if len(cookies) != 1 || cookies[0].Name != "__Host-account-0" {
		t.Fatalf("cookies %v, want one of the first place", cookies)
	}
	v.Header.Set("Cookie", "__Host-account-1="+cookies[0].Value)
	v.Want("GET /u/1/", "", http.StatusOK, "Here: nobody")
}

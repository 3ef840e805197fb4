package main

import (
	"net/http"
	"testing"

	"golang.org/x/crypto/bcrypt"

	"github.com/cloakroom-go/cloakroom/core/memstore"
	"github.com/cloakroom-go/cloakroom/core/session"
	"github.com/cloakroom-go/cloakroom/examples/internal/visit"
)

func newVisitor(t *testing.T) *visit.Visitor {
	t.Helper()
	hash, err := bcrypt.GenerateFromPassword([]byte("correct horse"), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	sessions, err := session.New(memstore.New(memstore.Options{}), session.Options{Keys: [][]byte{session.GenerateKey()}})
	if err != nil {
		t.Fatal(err)
	}
	return visit.New(t, site(sessions, hash))
}

func TestAVisitorSignsInAndOut(t *testing.T) {
	t.Parallel()
	v := newVisitor(t)
	v.Want("GET /", "", http.StatusOK, "Sign in")
	v.Want("POST /login", "name=alice&password=wrong", http.StatusForbidden, "don't match")
	v.Want("POST /login", "name=bob&password=correct+horse", http.StatusForbidden, "don't match")
	v.Want("GET /", "", http.StatusOK, "Sign in")
	v.Want("POST /login", "name=alice&password=correct+horse", http.StatusSeeOther, "")
	v.Want("GET /", "", http.StatusOK, "Signed in as alice")
	v.Want("POST /logout", "", http.StatusSeeOther, "")
	v.Want("GET /", "", http.StatusOK, "Sign in")
}

func TestNoOtherSiteSignsIn(t *testing.T) {
	t.Parallel()
	v := newVisitor(t)
	v.Header.Set("Sec-Fetch-Site", "cross-site")
	v.Want("POST /login", "name=alice&password=correct+horse", http.StatusForbidden, "cross-origin")
}

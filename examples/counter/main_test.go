package main

import (
	"net/http"
	"testing"

	"github.com/cloakroom-go/cloakroom/core/memstore"
	"github.com/cloakroom-go/cloakroom/examples/internal/visit"
)

func TestEachVisitCounts(t *testing.T) {
	t.Parallel()
	handler, err := newHandler(memstore.New(memstore.Options{}))
	if err != nil {
		t.Fatal(err)
	}
	v := visit.New(t, handler)
	v.Want("GET /", "", http.StatusOK, "visit 1")
	v.Want("GET /", "", http.StatusOK, "visit 2")
	visit.New(t, handler).Want("GET /", "", http.StatusOK, "visit 1") // somebody else
}

package main

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/cloakroom-go/cloakroom/core/session"
	"github.com/cloakroom-go/cloakroom/examples/internal/visit"
)

func TestVisitsAreCountedInTheStoreOfTheFlag(t *testing.T) {
	t.Parallel()
	nobody := unusedAddress(t)
	dir := filepath.Join(t.TempDir(), "sessions")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name, store string
		status      int
		text        string
	}{
		{"memory:", "*memstore.Store", http.StatusOK, "visit 1"},
		{"file:" + dir, "*filestore.Store", http.StatusOK, "visit 1"},
		// A server that can't be reached is no empty session.
		{"redis://" + nobody, "*redisstore.Store", http.StatusServiceUnavailable, "Temporarily unavailable"},
		{"memcache://" + nobody, "*memcachestore.Store", http.StatusServiceUnavailable, "Temporarily unavailable"},
	} {
		t.Run(tc.store, func(t *testing.T) {
			t.Parallel()
			store, err := open(tc.name)
			if err != nil {
				t.Fatal(err)
			}
			if got := fmt.Sprintf("%T", store); got != tc.store {
				t.Errorf("-store %s opens %s, want %s", tc.name, got, tc.store)
			}
			sessions, err := session.New(store, session.Options{Keys: [][]byte{session.GenerateKey()}})
			if err != nil {
				t.Fatal(err)
			}
			visit.New(t, sessions.HandlerFunc(count)).Want("GET /", "", tc.status, tc.text)
		})
	}
}

// unusedAddress returns an address on which nobody listens.
func unusedAddress(t *testing.T) string {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }() // it is not used any more
	return l.Addr().String()
}

func TestAnUnknownStoreIsRefused(t *testing.T) {
	t.Parallel()
	if _, err := open("cupboard:"); err == nil {
		t.Error("-store cupboard: is taken")
	}
}

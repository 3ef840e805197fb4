package main

import (
	"context"
	"io"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/cloakroom-go/cloakroom/core/memstore"
	"github.com/cloakroom-go/cloakroom/core/session"
	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// A slowStore tells what it is asked, and creates nothing before it may.
type slowStore struct {
	*memstore.Store

	creating, pruned func()
	may              chan struct{}
}

func (s *slowStore) Create(ctx context.Context, id string, r sessionstore.Record) error {
	s.creating()
	<-s.may
	return s.Store.Create(ctx, id, r)
}

func (s *slowStore) Prune(ctx context.Context) (int, error) {
	defer s.pruned()
	return s.Store.Prune(ctx)
}

func TestARequestUnderWayIsAnsweredAndSaved(t *testing.T) {
	t.Parallel()
	pruned := make(chan struct{})
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	store := &slowStore{
		Store:    memstore.New(memstore.Options{}),
		creating: stop, // the signal to shut down comes while the session is being saved
		pruned:   sync.OnceFunc(func() { close(pruned) }),
		may:      make(chan struct{}),
	}
	sessions, err := session.New(store, session.Options{Keys: [][]byte{session.GenerateKey()}})
	if err != nil {
		t.Fatal(err)
	}
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed := make(chan struct{})
	served := make(chan error, 1)
	go func() {
		served <- serve(ctx, closeListener{l, sync.OnceFunc(func() { close(closed) })}, sessions, time.Millisecond)
	}()
	<-pruned
	go func() {
		<-closed // nobody new is let in
		close(store.may)
	}()

	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+l.Addr().String(), http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(resp.Body)
	_ = resp.Body.Close() // it has been read
	if err != nil || string(body) != "visit 1\n" || len(resp.Cookies()) != 1 {
		t.Errorf("the request under way: %q, %d cookies, %v; want visit 1 and its cookie", body, len(resp.Cookies()), err)
	}
	if err := <-served; err != nil {
		t.Errorf("serve: %v", err)
	}
}

// A closeListener tells when it is closed.
type closeListener struct {
	net.Listener

	closed func()
}

func (l closeListener) Close() error {
	l.closed()
	return l.Listener.Close()
}

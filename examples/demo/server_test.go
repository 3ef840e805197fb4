package main

import (
	"bufio"
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cloakroom-go/cloakroom/core/memstore"
	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// A slowStore takes its time to load.
type slowStore struct {
	*memstore.Store

	takes time.Duration
}

func (s *slowStore) Load(ctx context.Context, id string) (sessionstore.Record, error) {
	select {
	case <-time.After(s.takes):
		return s.Store.Load(ctx, id)
	case <-ctx.Done():
		return sessionstore.Record{}, ctx.Err()
	}
}

// A pipes is a listener without a network, for fake time.
type pipes struct{ conns chan net.Conn }

func (p pipes) Addr() net.Addr { return &net.TCPAddr{} }
func (p pipes) Close() error   { close(p.conns); return nil }

func (p pipes) Accept() (net.Conn, error) {
	if c, ok := <-p.conns; ok {
		return c, nil
	}
	return nil, net.ErrClosed
}

// Who is told to wait for the store is waited for: a request takes up to its patience,
// and is then answered.
func TestAShutdownWaitsAsLongAsARequestMayTake(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		takes time.Duration
		want  int
	}{
		{14 * time.Second, http.StatusOK},
		{time.Hour, http.StatusServiceUnavailable},
	} {
		t.Run(c.takes.String(), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				const patience = 15 * time.Second
				store := &slowStore{Store: memstore.New(memstore.Options{})}
				sh := makeShop(t, settings{store: store, patience: patience})
				w := httptest.NewRecorder()
				sh.handler().ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/visits", http.NoBody))
				r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/cart", http.NoBody)
				r.AddCookie(w.Result().Cookies()[0])

				store.takes = c.takes
				ctx, stop := context.WithCancel(t.Context())
				listener, served := pipes{make(chan net.Conn, 1)}, make(chan error, 1)
				go func() { served <- serve(ctx, listener, sh, patience) }()
				visitor, server := net.Pipe()
				listener.conns <- server
				if err := r.Write(visitor); err != nil {
					t.Fatal(err)
				}
				synctest.Wait()
				stop()
				resp, err := http.ReadResponse(bufio.NewReader(visitor), r)
				if err != nil {
					t.Fatalf("no answer: %v; the server: %v", err, <-served)
				}
				_ = resp.Body.Close() // its status says all
				if err := <-served; err != nil || resp.StatusCode != c.want {
					t.Errorf("status %d, error %v, want %d and none", resp.StatusCode, err, c.want)
				}
			})
		})
	}
}

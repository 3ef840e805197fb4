package stores_test

import (
	"context"
	"net"
	"sync/atomic"
	"testing"
	"time"
)

// TestPostgresACancelledCallLeavesItsConnectionGood has a request leave in the moment when its
// answer has come. pgx reads in the background while a statement is slow to be sent, as on a
// machine that is busy, and the deadline by which it ends a call that nobody waits for ended
// that read, too: before pgx 5.12 the next caller got its error, and its visitor a 503.
func TestPostgresACancelledCallLeavesItsConnectionGood(t *testing.T) {
	t.Parallel()
	config := postgres(t)
	config.MaxConns = 1
	var slow atomic.Pointer[slowWrite]
	dial := config.ConnConfig.DialFunc
	config.ConnConfig.DialFunc = func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := dial(ctx, network, addr)
		return &slowConn{Conn: conn, slow: &slow}, err
	}
	pool := postgresPool(t, config)
	store := postgresStore(t, pool, postgresTable(t, pool))
	id, want := created(t, store)
	load := func(ctx context.Context, when string) {
		t.Helper()
		if r, err := store.Load(ctx, id); err != nil || r.Version != want.Version {
			t.Errorf("Load %s: version %d, error %v, want version %d", when, r.Version, err, want.Version)
		}
	}
	load(t.Context(), "that prepares the statement")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	w := &slowWrite{cancel: cancel, over: make(chan struct{})}
	slow.Store(w)
	load(ctx, "that was answered before it was cancelled")
	if ctx.Err() == nil || w.reads.Load() < 2 {
		t.Fatal("the call was not cancelled beside a read in the background")
	}
	load(t.Context(), "of another request")
}

// A slowConn makes one Write wait until a second Read, which has cancelled the call, is over.
type slowConn struct {
	net.Conn

	slow *atomic.Pointer[slowWrite]
}

type slowWrite struct {
	cancel context.CancelFunc
	reads  atomic.Int32
	over   chan struct{}
}

func (c *slowConn) Write(b []byte) (int, error) {
	n, err := c.Conn.Write(b)
	if w := c.slow.Load(); w != nil {
		select {
		case <-w.over:
		case <-time.After(patience): // nobody reads meanwhile
		}
		c.slow.Store(nil)
	}
	return n, err
}

func (c *slowConn) Read(b []byte) (int, error) {
	w := c.slow.Load()
	if w == nil || w.reads.Add(1) < 2 {
		return c.Conn.Read(b)
	}
	w.cancel()
	defer close(w.over)
	return c.Conn.Read(b) // until the deadline of a call that was cancelled
}

package stores_test

import (
	"crypto/rand"
	"errors"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/cloakroom-go/cloakroom/conformance/stores/internal/backends"
	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// A cable is a TCP connection to a server that a test can stall and cut.
type cable struct {
	listener net.Listener
	server   string

	mu      sync.Mutex
	stalled chan struct{} // closed when answers flow
	conns   map[net.Conn]struct{}
	removed bool // no connection is let through any more
}

// newCable lays a cable to the server at addr until the test ends.
func newCable(tb testing.TB, addr string) *cable {
	tb.Helper()
	var lc net.ListenConfig
	listener, err := lc.Listen(tb.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	c := &cable{listener: listener, server: addr, stalled: make(chan struct{}), conns: map[net.Conn]struct{}{}}
	close(c.stalled)
	var done sync.WaitGroup
	done.Go(func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			done.Go(func() { c.serve(client) })
		}
	})
	tb.Cleanup(func() {
		_ = listener.Close() // no more clients
		c.mu.Lock()
		c.removed = true // not even one that was accepted a moment ago
		c.mu.Unlock()
		c.cut()
		done.Wait()
	})
	return c
}

func (c *cable) addr() string { return c.listener.Addr().String() }

// stall keeps back what the server says, from now on; requests still arrive.
func (c *cable) stall() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stalled = make(chan struct{})
}

// cut resets every connection and lets new ones through.
func (c *cable) cut() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for conn := range c.conns {
		_ = conn.Close() // the purpose
		delete(c.conns, conn)
	}
	c.flow()
}

// resume lets through what was kept back.
func (c *cable) resume() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.flow()
}

func (c *cable) flow() {
	select {
	case <-c.stalled:
	default:
		close(c.stalled)
	}
}

func (c *cable) flowing() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.stalled
}

func (c *cable) serve(client net.Conn) {
	server, err := net.Dial("tcp", c.server) //nolint:noctx // ends with the cable
	if err != nil {
		_ = client.Close() // as the server would
		return
	}
	c.mu.Lock()
	if c.removed {
		c.mu.Unlock()
		_, _ = client.Close(), server.Close() // as cut would
		return
	}
	for _, conn := range []net.Conn{client, server} {
		c.conns[conn] = struct{}{}
		if tcp, ok := conn.(*net.TCPConn); ok {
			_ = tcp.SetLinger(0) // Close is a reset
		}
	}
	c.mu.Unlock()
	var both sync.WaitGroup
	both.Go(func() {
		_, _ = io.Copy(server, client) // ends when either side does
		_ = server.Close()
	})
	both.Go(func() {
		_, _ = io.Copy(client, &patient{c, server}) // the same
		_ = client.Close()
	})
	both.Wait()
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.conns, client)
	delete(c.conns, server)
}

// patient reads from the server and hands it on when the cable is not stalled.
type patient struct {
	cable  *cable
	server net.Conn
}

func (p *patient) Read(b []byte) (int, error) {
	n, err := p.server.Read(b)
	<-p.cable.flowing()
	return n, err
}

const patience = backends.Patience

// eventually waits until the condition holds, which is what the test is about
// to rely on.
func eventually(tb testing.TB, what string, holds func() bool) {
	tb.Helper()
	deadline := time.After(patience)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-tick.C:
		case <-deadline:
			tb.Fatalf("waited in vain until %s", what)
		}
	}
}

func randomID() string { return (rand.Text() + rand.Text())[:sessionstore.IDLen] }

// wantNoSentinel fails the test unless err leaves the outcome open.
func wantNoSentinel(t *testing.T, err error) {
	t.Helper()
	for _, sentinel := range []error{
		sessionstore.ErrNotFound, sessionstore.ErrExists, sessionstore.ErrConflict, sessionstore.ErrTooLarge,
		sessionstore.ErrCorrupt, sessionstore.ErrUnsupported, sessionstore.ErrInvalid,
	} {
		if errors.Is(err, sentinel) {
			t.Errorf("%v is %v, which is not certain", err, sentinel)
		}
	}
}

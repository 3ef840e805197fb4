package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/cloakroom-go/cloakroom/core/session"
)

const (
	pruneEvery = 10 * time.Minute
	answerTime = 5 * time.Second // what a request takes beside the store, to send its answer for instance
)

// serve answers requests on ln until ctx is done, and lets those that are under
// way come to their end.
func serve(ctx context.Context, ln net.Listener, sh *shop, patience time.Duration) error {
	ctx, cancel := context.WithCancel(ctx)
	var background sync.WaitGroup
	defer background.Wait()
	defer cancel()
	background.Go(func() { sh.prune(ctx) })

	server := &http.Server{
		Handler:           sh.handler(), //nolint:contextcheck // each request has its own
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       15 * time.Second,
		WriteTimeout:      15*time.Second + patience, // time enough to say that the store does not answer
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    32 << 10,
	}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(ln) }()
	select {
	case err := <-failed:
		return fmt.Errorf("serve: %w", err)
	case <-ctx.Done():
	}
	grace, cancelGrace := context.WithTimeout(context.WithoutCancel(ctx), patience+answerTime)
	defer cancelGrace()
	if err := server.Shutdown(grace); err != nil {
		return fmt.Errorf("shut down: %w", errors.Join(err, server.Close()))
	}
	return nil
}

// prune removes expired sessions until ctx is done.
func (sh *shop) prune(ctx context.Context) {
	err := sh.sessions.RunPruner(ctx, pruneEvery)
	if ctx.Err() == nil && !errors.Is(err, session.ErrUnsupported) { // unsupported: the store tidies up by itself
		sh.log.ErrorContext(ctx, "demo: pruner ended", "error", err)
	}
}

// greet tells where the shop is open and where its secrets are.
func greet(out io.Writer, addr net.Addr, storage []string, c config) {
	cookie := "without Secure: this is plain http, fit for this machine only (-secure for https through a proxy)"
	scheme := "http"
	switch {
	case c.secure:
		cookie = "with Secure: it comes back over https only, so open the shop through your proxy"
	case c.https:
		scheme, cookie = "https", "with Secure"
	}
	_, _ = fmt.Fprintf(out, "Cloakroom demo shop   %s://%s\n", scheme, visible(addr)) // a closed terminal stops no shop
	for _, line := range storage {
		_, _ = fmt.Fprintln(out, line)
	}
	_, _ = fmt.Fprintf(out, "Cookie                %s\nStop with Ctrl-C.\n", cookie)
}

// visible returns the address as a browser on this machine can open it.
func visible(addr net.Addr) string {
	tcp, ok := addr.(*net.TCPAddr)
	if !ok || !tcp.IP.IsUnspecified() {
		return addr.String()
	}
	return fmt.Sprintf("localhost:%d", tcp.Port)
}

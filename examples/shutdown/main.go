// Shutdown prunes while it runs; Ctrl-C or SIGTERM ends it, and no request that is under way.
//
//	go run ./examples/shutdown
package main

import (
	"context"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"github.com/cloakroom-go/cloakroom/core/memstore"
	"github.com/cloakroom-go/cloakroom/core/session"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second one ends the process at once
	sessions, err := session.New(memstore.New(memstore.Options{}), session.Options{Keys: [][]byte{session.GenerateKey()}})
	if err != nil {
		log.Fatal(err)
	}
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:8080")
	if err != nil {
		log.Fatal(err)
	}
	if err := serve(ctx, l, sessions, 10*time.Minute); err != nil {
		log.Fatal(err)
	}
}

// serve answers requests until ctx is done, and returns when the last one is answered.
func serve(ctx context.Context, l net.Listener, sessions *session.Manager, pruneEvery time.Duration) error {
	ctx, cancel := context.WithCancel(ctx)
	var background sync.WaitGroup
	defer background.Wait() // the caller may close what the store uses
	defer cancel()
	background.Go(func() { _ = sessions.RunPruner(ctx, pruneEvery) }) // it logs what fails

	visits, failed := session.NewKey[int]("visits"), make(chan error, 1)
	server := &http.Server{ReadHeaderTimeout: 5 * time.Second}
	server.Handler = sessions.HandlerFunc(func(w http.ResponseWriter, _ *http.Request, s *session.Session) {
		visits.Update(s, func(n int) int { return n + 1 })
		fmt.Fprintln(w, "visit", visits.Get(s))
	})
	go func() { failed <- server.Serve(l) }()
	select {
	case err := <-failed:
		return fmt.Errorf("serve: %w", err)
	case <-ctx.Done():
	}
	grace, cancelGrace := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second) // over StoreTimeout
	defer cancelGrace()
	return server.Shutdown(grace) //nolint:wrapcheck // it says all
}

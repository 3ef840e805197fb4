package servers

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"sync"
	"syscall"
)

// running is done when the run is cut short. No server is started then.
var running, cutShort = context.WithCancel(context.Background())

// ending holds what is to be undone when the tests end, or are cut short.
var ending struct {
	mu    sync.Mutex
	funcs []func(ctx context.Context) error
}

// AtEnd has f called after the tests of a package, also if they are cut short. It may undo
// what a test has undone before.
func AtEnd(f func(ctx context.Context) error) {
	ending.mu.Lock()
	defer ending.mu.Unlock()
	ending.funcs = append(ending.funcs, f)
}

// Begin prepares the tests of a package. What it returns ends all servers and removes all
// files: those of the tests are in a folder of its own. A signal does the same, and if
// the tests are killed, another process.
func Begin() (stop func()) {
	if folder := os.Getenv(guarded); folder != "" {
		guard(folder)
		os.Exit(0) //nolint:revive // it is main here
	}
	folder, err := os.MkdirTemp("", "cloakroom-tests")
	if err == nil {
		err = os.Chmod(folder, 0o711) //nolint:gosec // servers of other users have their folders in it
	}
	if err == nil {
		err = os.Setenv("TMPDIR", folder)
	}
	var lifeline io.Closer
	if err == nil {
		lifeline, err = startGuard(folder)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "servers: folder for the tests:", err)
		os.Exit(1) //nolint:revive // it is main here
	}
	undo := sync.OnceFunc(func() {
		end()
		if err := os.RemoveAll(folder); err != nil {
			fmt.Fprintln(os.Stderr, "servers:", err)
		}
	})
	signals, over := make(chan os.Signal, 1), make(chan struct{})
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		select {
		case s := <-signals:
			fmt.Fprintf(os.Stderr, "cut short (%v): ending the servers\n", s)
			cutShort()
			undo()
			os.Exit(1) //nolint:revive // it is main here
		case <-over:
		}
	}()
	return func() {
		undo()
		_ = lifeline.Close() // the guard ends by itself, at the latest with this process
		signal.Stop(signals)
		close(over)
	}
}

// end undoes what there is, the last first.
func end() {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	ending.mu.Lock()
	defer ending.mu.Unlock()
	for _, f := range slices.Backward(ending.funcs) {
		if err := f(ctx); err != nil {
			fmt.Fprintln(os.Stderr, "servers:", err)
		}
	}
}

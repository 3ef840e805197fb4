package session_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/http"
	"sync"
	"time"

	"github.com/cloakroom-go/cloakroom/core/memstore"
	"github.com/cloakroom-go/cloakroom/core/session"
)

// New needs a store and keys. What can't work is an error that says what to do.
func ExampleNew() {
	store := memstore.New(memstore.Options{})
	_, err := session.New(store, session.Options{Keys: [][]byte{session.GenerateKey()}})
	fmt.Println(err)

	_, err = session.New(store, session.Options{Keys: [][]byte{[]byte("secret")}})
	fmt.Println(err)
	// Output:
	// <nil>
	// session: Options.Keys: session: key 1 has 6 bytes, at least 32 are needed; make one with GenerateKey
}

// Check answers a load balancer's probe, outside of any session.
func ExampleManager_Check() {
	sessions, err := session.New(memstore.New(memstore.Options{}), session.Options{Keys: [][]byte{session.GenerateKey()}})
	if err != nil {
		log.Fatal(err)
	}
	ready := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := sessions.Check(r.Context()); err != nil {
			http.Error(w, "sessions: store", http.StatusServiceUnavailable)
		}
	})

	browse(ready, "GET /readyz")
	// Output:
	// GET /readyz: 200
}

// FromContext is for code that gets a context and no request.
func ExampleManager_FromContext() {
	language := session.NewKey[string]("language")

	sessions, err := session.New(memstore.New(memstore.Options{}), session.Options{Keys: [][]byte{session.GenerateKey()}})
	if err != nil {
		log.Fatal(err)
	}
	greeting := func(ctx context.Context) (string, error) {
		s, err := sessions.FromContext(ctx)
		if err != nil {
			return "", err
		}
		if language.Get(s) == "es" {
			return "Hola", nil
		}
		return "Hello", nil
	}
	mux := http.NewServeMux()
	mux.Handle("POST /language/{language}", sessions.HandlerFunc(func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
		language.Set(s, r.PathValue("language"))
	}))
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		text, err := greeting(r.Context())
		if err != nil {
			sessions.Fail(w, r, err)
			return
		}
		fmt.Fprint(w, text)
	})

	browse(sessions.Handler(mux), "GET /", "POST /language/es", "GET /")
	// Output:
	// GET /: 200 Hello
	// POST /language/es: 200
	// GET /: 200 Hola
}

// The pruner runs beside the server and ends with its context.
func ExampleManager_RunPruner() {
	sessions, err := session.New(memstore.New(memstore.Options{}), session.Options{Keys: [][]byte{session.GenerateKey()}})
	if err != nil {
		log.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background()) // signal.NotifyContext in a server
	var background sync.WaitGroup
	background.Go(func() {
		err := sessions.RunPruner(ctx, 10*time.Minute)
		switch {
		case errors.Is(err, session.ErrUnsupported):
			fmt.Println("the backend removes expired sessions by itself")
		case ctx.Err() != nil:
			fmt.Println("pruner stopped")
		}
	})

	// The server runs here.
	stop()
	background.Wait()
	// Output:
	// pruner stopped
}

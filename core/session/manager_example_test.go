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

// HandlerFunc hands the session over, or answers that the store has failed.
func ExampleManager_HandlerFunc() {
	name := session.NewKey[string]("name")

	sessions, err := session.New(memstore.New(memstore.Options{}), session.Options{Keys: [][]byte{session.GenerateKey()}})
	if err != nil {
		log.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("POST /name/{name}", sessions.HandlerFunc(func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
		name.Set(s, r.PathValue("name"))
	}))
	mux.Handle("GET /{$}", sessions.HandlerFunc(func(w http.ResponseWriter, _ *http.Request, s *session.Session) {
		fmt.Fprintf(w, "Hello, %s!", name.Get(s))
	}))

	browse(mux, "POST /name/Ada", "GET /")
	// Output:
	// POST /name/Ada: 200
	// GET /: 200 Hello, Ada!
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

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
	"github.com/cloakroom-go/cloakroom/core/sessionstore"
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
	// session: Options.Keys: session: key 1 has 6 bytes, at least 32 are needed; GenerateKey makes one, or head -c 32 /dev/urandom | base64
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

// An operator's program looks for a session by its public id, without the keys of the
// application.
func ExampleNewAdmin() {
	store := memstore.New(memstore.Options{}) // the application's
	admin, err := session.NewAdmin(store, session.Options{})
	if err != nil {
		log.Fatal(err)
	}
	find := func(ctx context.Context, id string) (session.Info, error) {
		for e, err := range sessionstore.Scan(ctx, store) {
			if err != nil && !errors.Is(err, sessionstore.ErrCorrupt) { // one that is damaged ends nothing
				return session.Info{}, err
			}
			if i, err := admin.Describe(e); err == nil && i.ID == id {
				return i, nil
			}
		}
		return session.Info{}, session.ErrNotFound
	}
	_, err = find(context.Background(), "ZmluZCBtZSBub3c_")
	fmt.Println(err)
	n, err := admin.EndSubject(context.Background(), "account-1001")
	fmt.Println(n, err)
	// Output:
	// session: not found
	// 0 <nil>
}

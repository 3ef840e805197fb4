package otelsession_test

import (
	"context"
	"fmt"
	"log"
	"log/slog"
	"net/http"
	"net/http/httptest"

	"go.opentelemetry.io/otel/attribute"

	"github.com/cloakroom-go/cloakroom/core/memstore"
	"github.com/cloakroom-go/cloakroom/core/session"
	"github.com/cloakroom-go/cloakroom/core/sessionstore"
	"github.com/cloakroom-go/cloakroom/otelsession"
)

// Spans and metrics go to the global providers, wherever the application has
// pointed them with otel.SetTracerProvider and otel.SetMeterProvider.
func Example() {
	store, err := otelsession.Wrap(memstore.New(memstore.Options{}), otelsession.Options{})
	if err != nil {
		log.Fatal(err)
	}
	hook, err := otelsession.Hook(otelsession.Options{})
	if err != nil {
		log.Fatal(err)
	}
	sessions, err := session.New(store, session.Options{Keys: [][]byte{session.GenerateKey()}, OnEvent: hook})
	if err != nil {
		log.Fatal(err)
	}
	visits := session.NewKey[int]("visits")
	home := sessions.HandlerFunc(func(w http.ResponseWriter, _ *http.Request, s *session.Session) {
		visits.Update(s, func(n int) int { return n + 1 })
		fmt.Fprintln(w, "visits:", visits.Get(s))
	})

	w := httptest.NewRecorder()
	home.ServeHTTP(w, httptest.NewRequestWithContext(context.Background(), http.MethodGet, "/", http.NoBody))
	fmt.Print(w.Body)
	// Output: visits: 1
}

// Several stores in one program are told apart by an attribute.
func ExampleWrap() {
	customers, err := otelsession.Wrap(memstore.New(memstore.Options{}), otelsession.Options{
		Attributes: []attribute.KeyValue{attribute.String("app.area", "customers")},
	})
	if err != nil {
		log.Fatal(err)
	}
	_, canPrune := customers.(sessionstore.Pruner)
	fmt.Println("a Pruner, as the store that is wrapped:", canPrune)
	// Output: a Pruner, as the store that is wrapped: true
}

// A hook of the application's own is called beside this one.
func ExampleHook() {
	count, err := otelsession.Hook(otelsession.Options{})
	if err != nil {
		log.Fatal(err)
	}
	o := session.Options{
		OnEvent: func(ctx context.Context, e session.Event) {
			count(ctx, e)
			if e.Kind == session.EventAuthenticated {
				slog.InfoContext(ctx, "signed in", "subject", e.Subject, "session", e.ID)
			}
		},
	}
	_ = o
	// Output:
}

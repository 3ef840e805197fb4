package memstore_test

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"

	"github.com/cloakroom-go/cloakroom/core/memstore"
	"github.com/cloakroom-go/cloakroom/core/session"
	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

func Example() {
	store := memstore.New(memstore.Options{})
	sessions, err := session.New(store, session.Options{Keys: [][]byte{session.GenerateKey()}})
	if err != nil {
		log.Fatal(err)
	}
	visits := session.NewKey[int]("visits")
	site := sessions.HandlerFunc(func(w http.ResponseWriter, _ *http.Request, s *session.Session) {
		visits.Update(s, func(n int) int { return n + 1 })
		fmt.Fprint(w, "visit ", visits.Get(s))
	})

	w := httptest.NewRecorder()
	site.ServeHTTP(w, httptest.NewRequestWithContext(context.Background(), http.MethodGet, "/", http.NoBody))
	fmt.Println(w.Body)
	// Output:
	// visit 1
}

// Writes remove expired sessions as they go. Prune removes all of them at once;
// an application has it called by session.Manager.RunPruner.
func ExampleStore_Prune() {
	store := memstore.New(memstore.Options{})
	n, err := store.Prune(context.Background())
	fmt.Println(n, err)
	// Output:
	// 0 <nil>
}

// An administrator ends everybody's sessions, whatever the store.
func ExampleStore_DeleteAll() {
	var store sessionstore.Store = memstore.New(memstore.Options{})
	n, err := sessionstore.DeleteAll(context.Background(), store)
	fmt.Println(n, err)
	// Output:
	// 0 <nil>
}

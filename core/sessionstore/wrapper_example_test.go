package sessionstore_test

import (
	"context"
	"fmt"

	"github.com/cloakroom-go/cloakroom/core/memstore"
	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// A countingStore counts what is read. It passes Prune on, and has no other capability.
type countingStore struct {
	sessionstore.Store

	loads *int
}

func (s countingStore) Unwrap() sessionstore.Store { return s.Store }

func (s countingStore) Load(ctx context.Context, id string) (sessionstore.Record, error) {
	*s.loads++
	return s.Store.Load(ctx, id)
}

func (s countingStore) Prune(ctx context.Context) (int, error) {
	return sessionstore.Prune(ctx, s.Store)
}

func ExampleWrapper() {
	store := countingStore{memstore.New(memstore.Options{}), new(int)}
	_, prunes := sessionstore.As[sessionstore.Pruner](store)
	_, lists := sessionstore.As[sessionstore.SubjectIndex](store)
	fmt.Println(prunes, lists)
	// Output: true false
}

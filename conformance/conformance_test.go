package conformance_test

import (
	"testing"

	"github.com/cloakroom-go/cloakroom/core/memstore"
	"github.com/cloakroom-go/cloakroom/core/sessionstore"

	"github.com/cloakroom-go/cloakroom/conformance"
)

// TestMemstore runs the suite on the reference implementation, in real time.
func TestMemstore(t *testing.T) {
	t.Parallel()
	t.Attr("cloakroom.store", "memory") // for the report
	const maxData = 1 << 20
	store := memstore.New(memstore.Options{MaxData: maxData})
	same := func(*testing.T) sessionstore.Store { return store }
	conformance.Run(t, conformance.Harness{
		Open: same,
		Peer: same,
		Require: []conformance.Capability{
			conformance.Toucher, conformance.Pruner, conformance.SubjectIndex,
			conformance.AllDeleter, conformance.Scanner, conformance.Watcher,
		},
		MaxData:  maxData,
		Isolated: func(testing.TB) sessionstore.Store { return memstore.New(memstore.Options{}) },
		Pair: func(testing.TB) (one, peer sessionstore.Store) {
			store := memstore.New(memstore.Options{})
			return store, store
		},
	})
}

// TestBareStore runs the suite on a store without capabilities, so that the
// fallbacks of the core module are in use.
func TestBareStore(t *testing.T) {
	t.Parallel()
	t.Attr("cloakroom.store", "memory, no capability") // for the report
	conformance.Run(t, conformance.Harness{
		Open: func(*testing.T) sessionstore.Store {
			return struct{ sessionstore.Store }{memstore.New(memstore.Options{})}
		},
	})
}

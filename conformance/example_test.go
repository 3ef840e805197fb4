package conformance_test

import (
	"testing"

	"github.com/cloakroom-go/cloakroom/conformance"
	"github.com/cloakroom-go/cloakroom/core/memstore"
	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// A test like this one, beside a store, is all that the suite needs.
func ExampleRun() {
	TestConformance := func(t *testing.T) { //nolint:thelper // a test, shown in an example
		conformance.Run(t, conformance.Harness{
			Open: func(*testing.T) sessionstore.Store {
				return memstore.New(memstore.Options{MaxData: 1 << 20})
			},
			Require: []conformance.Capability{conformance.Toucher, conformance.Pruner, conformance.SubjectIndex},
			MaxData: 1 << 20,
		})
	}
	_ = TestConformance
	// Output:
}

package stores_test

import (
	"testing"

	"github.com/cloakroom-go/cloakroom/conformance"
	session "github.com/cloakroom-go/cloakroom/core"
	"github.com/cloakroom-go/cloakroom/core/memstore"
)

func TestMemory(t *testing.T) {
	t.Parallel()
	describe(t, "memory", "", "")
	conformance.Run(t, conformance.Harness{
		Open: func(*testing.T) session.Store {
			return memstore.New(memstore.Options{})
		},
		Require: []conformance.Capability{conformance.Touch, conformance.Prune, conformance.Subjects},
	})
}

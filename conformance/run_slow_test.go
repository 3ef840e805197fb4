package conformance

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// TestASlowStorePasses has a store that takes so long to create what is about to expire
// that no case gets it done in the lifetime that it would like to wait for.
func TestASlowStorePasses(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newSuite(Harness{
			Isolated: func(testing.TB) sessionstore.Store { return slow() },
			Deadline: 5 * time.Minute,
			MaxData:  referenceMaxData,
		}, slow(), nil)
		for name, r := range runAll(t, s, func(string) bool { return true }) {
			if r.Failed() {
				t.Errorf("%s: %s", name, r.output())
			}
		}
	})
}

func slow() *broken {
	b := newBroken(newReference())
	create := b.create
	b.create = func(ctx context.Context, id string, r sessionstore.Record) error {
		if time.Until(r.Expires) < time.Minute {
			pause(80 * time.Millisecond)
		}
		return create(ctx, id, r)
	}
	return b
}

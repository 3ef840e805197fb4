package conformance_test

import (
	"context"
	"testing"
	"time"

	"github.com/cloakroom-go/cloakroom/conformance"
	"github.com/cloakroom-go/cloakroom/core/memstore"
	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// TestASlowStorePasses has a store that takes so long to create what is about to expire
// that no case gets it done in the lifetime that it would like to wait for.
func TestASlowStorePasses(t *testing.T) {
	t.Parallel()
	conformance.Run(t, conformance.Harness{
		Open:     func(*testing.T) sessionstore.Store { return slow{memstore.New(memstore.Options{})} },
		Isolated: func(testing.TB) sessionstore.Store { return slow{memstore.New(memstore.Options{})} },
		Deadline: 5 * time.Minute,
	})
}

type slow struct{ *memstore.Store }

func (s slow) Create(ctx context.Context, id string, r sessionstore.Record) error {
	if time.Until(r.Expires) < time.Minute {
		timer := time.NewTimer(80 * time.Millisecond)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return s.Store.Create(ctx, id, r)
}

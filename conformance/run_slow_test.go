package conformance

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
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

// TestALossyWatchPasses has a Watch that says now and then that reports may be lost, as the
// contract allows.
func TestALossyWatchPasses(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var calls atomic.Int32
		lossy := func() *broken {
			b := newBroken(newReference())
			b.watch = func(ctx context.Context, changed func(string)) error {
				n := 0
				own, cancel := context.WithCancel(ctx)
				defer cancel()
				full := calls.Add(1) < 20
				err := b.next.Watch(own, func(id string) {
					if changed(id); id != "" {
						n++
					}
					if n == 2 && full {
						cancel()
					}
				})
				if ctx.Err() == nil {
					return errors.New("memstore: reports may be lost")
				}
				return err
			}
			return b
		}
		s := newSuite(Harness{
			Isolated: func(testing.TB) sessionstore.Store { return lossy() },
			MaxData:  referenceMaxData,
		}, lossy(), nil)
		for name, r := range runAll(t, s, func(name string) bool { return strings.HasPrefix(name, "watch/") }) {
			if r.Failed() {
				t.Errorf("%s: %s", name, r.output())
			}
		}
	})
}

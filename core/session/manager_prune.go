package session

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"time"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// RunPruner removes expired records from the store until ctx is done, and returns ctx's
// error then. It calls [sessionstore.Prune] about once in every period, the first time
// within a fifth of it. Pauses vary at random, so that the processes of one deployment
// spread out. Failures are logged, and tried again the next time. A call may take longer
// than [Options].StoreTimeout.
//
// If the store is no [sessionstore.Pruner], RunPruner returns [ErrUnsupported] at once:
// the backend removes what has expired by itself, and there is nothing to do. If every
// is not positive, it returns [ErrInvalid].
func (m *Manager) RunPruner(ctx context.Context, every time.Duration) error {
	if every <= 0 {
		return fmt.Errorf("%w: RunPruner every %v: the time has to be positive", ErrInvalid, every)
	}
	if m.store == nil {
		return fmt.Errorf("%w: sessions that travel in their cookies leave nothing to prune", ErrUnsupported)
	}
	p, ok := sessionstore.As[sessionstore.Pruner](m.store)
	if !ok {
		return fmt.Errorf("%w: %T is no Pruner", ErrUnsupported, m.store)
	}
	for pause := jitter(every / 5); ; pause = every - every/10 + jitter(every/5) {
		if err := sleep(ctx, pause); err != nil {
			return err
		}
		n, err := p.Prune(ctx)
		if err != nil && ctx.Err() == nil {
			m.log().ErrorContext(ctx, "session: pruning failed", "pruned", n, "error", err)
			continue
		}
		m.log().DebugContext(ctx, "session: pruned", "pruned", n)
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// jitter returns a random duration from 0 up to limit.
func jitter(limit time.Duration) time.Duration {
	var b [8]byte
	_, _ = rand.Read(b[:])
	return time.Duration(binary.BigEndian.Uint64(b[:]) % uint64(limit+1)) //nolint:gosec // limit is positive
}

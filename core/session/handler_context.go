package session

import (
	"context"
	"time"

	"github.com/cloakroom-go/cloakroom/core/internal/deadline"
)

// storeContext bounds the time that a load or a commit may take. Whoever asks it for the
// session, a logger or a store that is given it, finds none, for it would wait for itself.
// Call Release afterwards.
func (m *Manager) storeContext(ctx context.Context) *deadline.Context {
	return deadline.NewCancellable(ctx, time.Now().Add(m.opts.StoreTimeout), exchangeKey{m})
}

// loadContext is storeContext for the load of a request's session. A client that goes away
// does not interrupt it: drivers close the connection of a call that is interrupted, and
// whoever opens requests and drops them would empty the pool. A cancellation that the
// application has added within the Handler is heeded.
func (x *exchange) loadContext(ctx context.Context) *deadline.Context {
	if ctx.Done() != x.r.Context().Done() || ctx.Err() != nil {
		return x.m.storeContext(ctx)
	}
	return deadline.New(ctx, time.Now().Add(x.m.opts.StoreTimeout), exchangeKey{x.m})
}

// over reports whether a context's time is over, though its timer may not have noticed yet.
func over(ctx context.Context) bool {
	at, ok := ctx.Deadline()
	return ctx.Err() != nil || ok && !time.Now().Before(at)
}

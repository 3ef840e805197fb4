package session

import (
	"context"
	"fmt"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// Check returns nil if the store can be read and written now. It is for a health probe:
// it makes, changes and deletes a record of nobody. The error says which step has
// failed. Check waits no longer than [Options].StoreTimeout. A Manager without a store
// is always well.
func (m *Manager) Check(ctx context.Context) error {
	if m.store == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, m.opts.StoreTimeout)
	defer cancel()
	if err := sessionstore.Probe(ctx, m.store); err != nil {
		return fmt.Errorf("session: %w", err)
	}
	return nil
}

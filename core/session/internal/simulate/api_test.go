package simulate_test

import (
	"context"
	"time"

	"github.com/cloakroom-go/cloakroom/core/session"
	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// What the simulation uses of the package under other names than its own stands
// here.

type (
	record  = sessionstore.Record
	version = sessionstore.Version
	entry   = sessionstore.Entry
)

func sessionID(s *session.Session) string { return s.ID() }

func infoID(i session.Info) string { return i.ID }

// Touch implements sessionstore.Toucher.
func (s *store) Touch(ctx context.Context, id string, version version, expires time.Time) error {
	return s.do(ctx, "Touch", id, func(ctx context.Context) error { return s.inner.Touch(ctx, id, version, expires) })
}

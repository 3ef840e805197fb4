package otelsession_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/cloakroom-go/cloakroom/core/memstore"
	"github.com/cloakroom-go/cloakroom/core/session"
	"github.com/cloakroom-go/cloakroom/otelsession"
)

func TestAGaugeNeedsAStoreThatCanBeScanned(t *testing.T) {
	t.Parallel()
	mem := memstore.New(memstore.Options{})
	if _, err := otelsession.NewGauge(bare{mem}, otelsession.Options{}); !errors.Is(err, session.ErrUnsupported) {
		t.Errorf("no Scanner: %v", err)
	}
	if _, err := otelsession.NewGauge(wrap(t, bare{mem}), otelsession.Options{}); !errors.Is(err, session.ErrUnsupported) {
		t.Errorf("no Scanner within: %v", err)
	}
	var none *memstore.Store
	if g, err := otelsession.NewGauge(none, otelsession.Options{}); err == nil {
		t.Errorf("a nil pointer: %v, want an error", g)
	}
	g, err := otelsession.NewGauge(wrap(t, mem), otelsession.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, every := range []time.Duration{0, -1} {
		if err := g.Run(t.Context(), every); !errors.Is(err, session.ErrInvalid) {
			t.Errorf("every %v: %v", every, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := g.Run(ctx, time.Minute); !errors.Is(err, context.Canceled) {
		t.Errorf("Run returned %v", err)
	}
}

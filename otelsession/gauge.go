package otelsession

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/cloakroom-go/cloakroom/core/session"
	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

const signedInKey = attribute.Key("cloakroom.session.signed_in")

// A Gauge shows how many sessions are live. It counts them only while [Gauge.Run] runs. It
// does not look into the records. So it counts a session that was signed out of as one in
// which nobody is signed in, for the ten minutes until its tombstone goes.
type Gauge struct {
	store      sessionstore.Store
	meter      metric.Meter
	live       metric.Int64ObservableGauge
	attributes []attribute.KeyValue

	mu     sync.Mutex
	counts map[bool]int64
}

// NewGauge returns a Gauge of the sessions in s. It returns session.ErrUnsupported if s
// is no [sessionstore.Scanner], and an error if s is nil or the meter refuses an instrument.
// Options.TracerProvider is not used.
func NewGauge(s sessionstore.Store, o Options) (*Gauge, error) {
	if none(s) {
		return nil, errors.New("otelsession: NewGauge: store is nil")
	}
	if _, ok := sessionstore.As[sessionstore.Scanner](s); !ok {
		return nil, fmt.Errorf("otelsession: NewGauge: %w: %T is no Scanner", session.ErrUnsupported, s)
	}
	g := &Gauge{store: s, meter: o.meter(), attributes: o.attributes()}
	var err error
	g.live, err = g.meter.Int64ObservableGauge("cloakroom.session.live",
		metric.WithUnit("{session}"),
		metric.WithDescription("Number of live sessions in the store, when they were last counted."))
	if err != nil {
		return nil, fmt.Errorf("otelsession: %w", err)
	}
	return g, nil
}

// Run counts all sessions, pauses for every, and so on until ctx is done. It returns
// ctx's error then. The application calls it in a goroutine of its own: in one process,
// because each that does reports the sessions of all.
//
// Counting reads every record, so choose every in minutes. After a count that failed,
// nothing is reported until one succeeds; the error goes to OpenTelemetry's error
// handler. When Run has returned, nothing is reported. If every is not positive, Run
// returns session.ErrInvalid.
func (g *Gauge) Run(ctx context.Context, every time.Duration) error {
	if every <= 0 {
		return fmt.Errorf("otelsession: %w: Run every %v", session.ErrInvalid, every)
	}
	registration, err := g.meter.RegisterCallback(g.observe, g.live)
	if err != nil {
		return fmt.Errorf("otelsession: %w", err)
	}
	defer func() {
		g.set(nil)
		if err := registration.Unregister(); err != nil {
			otel.Handle(err)
		}
	}()
	for {
		counts, err := g.count(ctx)
		if err != nil && ctx.Err() == nil {
			otel.Handle(fmt.Errorf("otelsession: counting sessions: %w", err))
		}
		g.set(counts)
		pause := time.NewTimer(every)
		select {
		case <-pause.C:
		case <-ctx.Done():
			pause.Stop()
			return ctx.Err()
		}
	}
}

// count returns how many sessions are live, by whether somebody is signed in, or nil
// along with an error. Damaged records are none.
func (g *Gauge) count(ctx context.Context) (map[bool]int64, error) {
	counts := map[bool]int64{false: 0, true: 0}
	for e, err := range sessionstore.Scan(ctx, g.store) {
		switch {
		case err == nil:
			counts[e.Record.Subject != ""]++
		case !errors.Is(err, sessionstore.ErrCorrupt):
			return nil, err
		}
	}
	return counts, nil
}

func (g *Gauge) set(counts map[bool]int64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.counts = counts
}

// observe reports the last count.
func (g *Gauge) observe(_ context.Context, o metric.Observer) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	for signedIn, n := range g.counts {
		attributes := append(g.attributes, signedInKey.Bool(signedIn)) //nolint:gocritic // a copy, see Options.attributes
		o.ObserveInt64(g.live, n, metric.WithAttributes(attributes...))
	}
	return nil
}

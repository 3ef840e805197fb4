package stores_test

import (
	"context"
	"errors"
	"iter"
	"maps"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/cloakroom-go/cloakroom/core/memstore"
	"github.com/cloakroom-go/cloakroom/core/session"
	"github.com/cloakroom-go/cloakroom/core/sessionstore"
	"github.com/cloakroom-go/cloakroom/otelsession"
)

// live returns what the gauge reports, by whether somebody is signed in.
func (x *telemetry) live(t *testing.T) map[bool]int64 {
	t.Helper()
	var all metricdata.ResourceMetrics
	if err := x.reader.Collect(t.Context(), &all); err != nil {
		t.Fatal(err)
	}
	found := make(map[bool]int64)
	for _, scope := range all.ScopeMetrics {
		for _, m := range scope.Metrics {
			gauge, ok := m.Data.(metricdata.Gauge[int64])
			if m.Name != "cloakroom.session.live" || !ok || m.Unit != "{session}" {
				t.Errorf("%s in %s is a %T", m.Name, m.Unit, m.Data)
				continue
			}
			for _, p := range gauge.DataPoints {
				signedIn, _ := p.Attributes.Value("cloakroom.session.signed_in")
				if area, _ := p.Attributes.Value("app.area"); area.AsString() != "customers" {
					t.Errorf("the attributes are %v", p.Attributes)
				}
				found[signedIn.AsBool()] = p.Value
			}
		}
	}
	return found
}

// An unsteady store can't be scanned while it is down.
type unsteady struct {
	*memstore.Store

	down atomic.Bool
}

func (s *unsteady) Scan(ctx context.Context) iter.Seq2[sessionstore.Entry, error] {
	if !s.down.Load() {
		return s.Store.Scan(ctx)
	}
	return func(yield func(sessionstore.Entry, error) bool) {
		if yield(sessionstore.Entry{}, sessionstore.ErrCorrupt) { // it goes on after a damaged record
			yield(sessionstore.Entry{}, errors.New("the server is down"))
		}
	}
}

func TestOTelShowsHowManySessionsAreLive(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		x, store := newTelemetry(), &unsteady{Store: memstore.New(memstore.Options{})}
		x.options.Attributes = []attribute.KeyValue{attribute.String("app.area", "customers")}
		m := manager(t, store, session.Options{Keys: [][]byte{session.GenerateKey()}})
		signIn := func() {
			send(t, m, nil, func(_ context.Context, s *session.Session) { s.Authenticate("ann") })
		}
		signIn()
		send(t, m, nil, count)
		g, err := otelsession.NewGauge(store, x.options)
		if err != nil {
			t.Fatal(err)
		}
		want := func(when string, want map[bool]int64) {
			t.Helper()
			synctest.Wait()
			if got := x.live(t); !maps.Equal(got, want) {
				t.Errorf("%s: %v, want %v", when, got, want)
			}
		}
		want("before it runs", map[bool]int64{})
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- g.Run(ctx, time.Minute) }()
		want("at once", map[bool]int64{true: 1, false: 1})
		signIn()
		want("before the next count", map[bool]int64{true: 1, false: 1})
		<-time.After(time.Minute)
		want("after it", map[bool]int64{true: 2, false: 1})
		store.down.Store(true)
		<-time.After(time.Minute)
		want("while the store is down", map[bool]int64{})
		store.down.Store(false)
		<-time.After(time.Minute)
		want("afterwards", map[bool]int64{true: 2, false: 1})
		<-time.After(2 * session.DefaultIdleTimeout)
		want("when all have expired", map[bool]int64{true: 0, false: 0})
		stop()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("Run returned %v", err)
		}
		want("when it has returned", map[bool]int64{})
	})
}

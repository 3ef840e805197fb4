package otelsession_test

import (
	"context"
	"errors"
	"iter"
	"testing"
	"time"

	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/metric/noop"

	"github.com/cloakroom-go/cloakroom/core/memstore"
	"github.com/cloakroom-go/cloakroom/core/sessionstore"
	"github.com/cloakroom-go/cloakroom/otelsession"
)

var errCalled = errors.New("called")

// Stores with one capability each, which says that it was called.
type (
	bare     struct{ sessionstore.Store }
	touching struct{ sessionstore.Store }
	pruning  struct{ sessionstore.Store }
	indexing struct{ sessionstore.Store }
	clearing struct{ sessionstore.Store }
	scanning struct{ sessionstore.Store }
	watching struct{ sessionstore.Store }
)

func (touching) Touch(context.Context, string, sessionstore.Version, time.Time) error {
	return errCalled
}
func (pruning) Prune(context.Context) (int, error) { return 1, errCalled }
func (indexing) ListSubject(context.Context, string) ([]sessionstore.Entry, error) {
	return []sessionstore.Entry{{}, {}}, errCalled
}
func (indexing) DeleteSubject(context.Context, string) (int, error) { return 3, errCalled }
func (clearing) DeleteAll(context.Context) (int, error)             { return 4, errCalled }
func (scanning) Scan(context.Context) iter.Seq2[sessionstore.Entry, error] {
	return func(yield func(sessionstore.Entry, error) bool) { yield(sessionstore.Entry{ID: "id"}, errCalled) }
}

func (watching) Watch(_ context.Context, changed func(string)) error {
	changed("id")
	return errCalled
}

// capabilities says which ones s has.
func capabilities(s sessionstore.Store) (has [6]bool) {
	_, has[0] = sessionstore.As[sessionstore.Toucher](s)
	_, has[1] = sessionstore.As[sessionstore.Pruner](s)
	_, has[2] = sessionstore.As[sessionstore.SubjectIndex](s)
	_, has[3] = sessionstore.As[sessionstore.AllDeleter](s)
	_, has[4] = sessionstore.As[sessionstore.Scanner](s)
	_, has[5] = sessionstore.As[sessionstore.Watcher](s)
	return has
}

func TestAWrappedStoreHasExactlyTheCapabilitiesOfTheStore(t *testing.T) {
	t.Parallel()
	mem := memstore.New(memstore.Options{})
	for _, s := range []sessionstore.Store{
		mem, bare{mem}, touching{mem}, pruning{mem}, indexing{mem}, clearing{mem}, scanning{mem}, watching{mem},
	} {
		want := capabilities(s)
		if got := capabilities(wrap(t, wrap(t, s))); got != want {
			t.Errorf("%T: Toucher, Pruner, SubjectIndex, AllDeleter, Scanner, Watcher: %v, want %v", s, got, want)
		}
	}
}

func TestCallsOfACapabilityReachTheStore(t *testing.T) {
	t.Parallel()
	check := func(method string, n, want int, err error) {
		if n != want || !errors.Is(err, errCalled) {
			t.Errorf("%s: %d, %v; want %d and the store's error", method, n, err, want)
		}
	}
	mem := memstore.New(memstore.Options{})
	check("Touch", 0, 0, sessionstore.Touch(t.Context(), wrap(t, touching{mem}), "", 1, time.Time{}))
	n, err := sessionstore.Prune(t.Context(), wrap(t, pruning{mem}))
	check("Prune", n, 1, err)
	entries, err := sessionstore.ListSubject(t.Context(), wrap(t, indexing{mem}), "ann")
	check("ListSubject", len(entries), 2, err)
	n, err = sessionstore.DeleteSubject(t.Context(), wrap(t, indexing{mem}), "ann")
	check("DeleteSubject", n, 3, err)
	n, err = sessionstore.DeleteAll(t.Context(), wrap(t, clearing{mem}))
	check("DeleteAll", n, 4, err)
	for e, err := range sessionstore.Scan(t.Context(), wrap(t, scanning{mem})) {
		check("Scan", len(e.ID), 2, err)
	}
	told := 0
	err = sessionstore.Watch(t.Context(), wrap(t, watching{mem}), func(id string) { told += len(id) })
	check("Watch", told, 2, err)
}

func TestNoStoreIsRefused(t *testing.T) {
	t.Parallel()
	var none *memstore.Store
	for name, s := range map[string]sessionstore.Store{"nil": nil, "a nil pointer": none} {
		if wrapped, err := otelsession.Wrap(s, otelsession.Options{}); err == nil {
			t.Errorf("Wrap of %s: %v, want an error", name, wrapped)
		}
	}
}

// A refusing meter makes no instrument.
type (
	refusingProvider struct{ noop.MeterProvider }
	refusingMeter    struct{ noop.Meter }
)

var errRefused = errors.New("no such instrument")

func (refusingProvider) Meter(string, ...metric.MeterOption) metric.Meter { return refusingMeter{} }

func (refusingMeter) Float64Histogram(string, ...metric.Float64HistogramOption) (metric.Float64Histogram, error) {
	return nil, errRefused
}

func (refusingMeter) Int64Counter(string, ...metric.Int64CounterOption) (metric.Int64Counter, error) {
	return nil, errRefused
}

func TestAnInstrumentThatTheMeterRefusesIsAnError(t *testing.T) {
	t.Parallel()
	o := otelsession.Options{MeterProvider: refusingProvider{}}
	if _, err := otelsession.Wrap(memstore.New(memstore.Options{}), o); !errors.Is(err, errRefused) {
		t.Errorf("Wrap: got error %v, want the meter's", err)
	}
	if _, err := otelsession.Hook(o); !errors.Is(err, errRefused) {
		t.Errorf("Hook: got error %v, want the meter's", err)
	}
}

func wrap(t *testing.T, s sessionstore.Store) sessionstore.Store {
	t.Helper()
	wrapped, err := otelsession.Wrap(s, otelsession.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return wrapped
}

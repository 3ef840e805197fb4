package otelsession_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/metric/noop"

	"github.com/cloakroom-go/cloakroom/core/memstore"
	"github.com/cloakroom-go/cloakroom/core/sessionstore"
	"github.com/cloakroom-go/cloakroom/otelsession"
)

var errCalled = errors.New("called")

// The capabilities of a store that does nothing else: each says that it was called.
type (
	touching struct{}
	pruning  struct{}
	indexing struct{}
	clearing struct{}
)

func (touching) Touch(context.Context, string, time.Time) error { return errCalled }
func (pruning) Prune(context.Context) (int, error)              { return 1, errCalled }
func (indexing) ListSubject(context.Context, string) ([]sessionstore.Entry, error) {
	return []sessionstore.Entry{{}, {}}, errCalled
}
func (indexing) DeleteSubject(context.Context, string) (int, error) { return 3, errCalled }
func (clearing) DeleteAll(context.Context) (int, error)             { return 4, errCalled }

// combinations returns a store for each set of capabilities.
func combinations() []sessionstore.Store {
	type store = sessionstore.Store
	s := store(memory{memstore.New(memstore.Options{})})
	return []sessionstore.Store{
		s,
		struct {
			store
			touching
		}{s, touching{}},
		struct {
			store
			pruning
		}{s, pruning{}},
		struct {
			store
			indexing
		}{s, indexing{}},
		struct {
			store
			clearing
		}{s, clearing{}},
		struct {
			store
			touching
			pruning
		}{s, touching{}, pruning{}},
		struct {
			store
			touching
			indexing
		}{s, touching{}, indexing{}},
		struct {
			store
			touching
			clearing
		}{s, touching{}, clearing{}},
		struct {
			store
			pruning
			indexing
		}{s, pruning{}, indexing{}},
		struct {
			store
			pruning
			clearing
		}{s, pruning{}, clearing{}},
		struct {
			store
			indexing
			clearing
		}{s, indexing{}, clearing{}},
		struct {
			store
			touching
			pruning
			indexing
		}{s, touching{}, pruning{}, indexing{}},
		struct {
			store
			touching
			pruning
			clearing
		}{s, touching{}, pruning{}, clearing{}},
		struct {
			store
			touching
			indexing
			clearing
		}{s, touching{}, indexing{}, clearing{}},
		struct {
			store
			pruning
			indexing
			clearing
		}{s, pruning{}, indexing{}, clearing{}},
		struct {
			store
			touching
			pruning
			indexing
			clearing
		}{s, touching{}, pruning{}, indexing{}, clearing{}},
	}
}

// memory has the methods of the Store contract only.
type memory struct{ sessionstore.Store }

// capabilities says which ones s has.
func capabilities(s sessionstore.Store) (has [4]bool) {
	_, has[0] = s.(sessionstore.Toucher)
	_, has[1] = s.(sessionstore.Pruner)
	_, has[2] = s.(sessionstore.SubjectIndex)
	_, has[3] = s.(sessionstore.AllDeleter)
	return has
}

func TestAWrappedStoreHasExactlyTheCapabilitiesOfTheStore(t *testing.T) {
	t.Parallel()
	seen := make(map[[4]bool]bool)
	for _, s := range combinations() {
		want := capabilities(s)
		seen[want] = true
		wrapped := wrap(t, s)
		if got := capabilities(wrapped); got != want {
			t.Errorf("Toucher, Pruner, SubjectIndex, DeleteAll: %v, want %v", got, want)
			continue
		}
		callCapabilities(t, wrapped)
	}
	if len(seen) != 1<<4 {
		t.Errorf("%d combinations of capabilities were tried, want %d", len(seen), 1<<4)
	}
}

// callCapabilities checks that each call reaches the store, and its answer the
// caller.
func callCapabilities(t *testing.T, s sessionstore.Store) {
	t.Helper()
	check := func(method string, n, want int, err error) {
		if n != want || !errors.Is(err, errCalled) {
			t.Errorf("%s: %d, %v; want %d and the store's error", method, n, err, want)
		}
	}
	if s, ok := s.(sessionstore.Toucher); ok {
		check("Touch", 0, 0, s.Touch(t.Context(), "", 1, time.Time{}))
	}
	if s, ok := s.(sessionstore.Pruner); ok {
		n, err := s.Prune(t.Context())
		check("Prune", n, 1, err)
	}
	if s, ok := s.(sessionstore.SubjectIndex); ok {
		entries, err := s.ListSubject(t.Context(), "ann")
		check("ListSubject", len(entries), 2, err)
		n, err := s.DeleteSubject(t.Context(), "ann")
		check("DeleteSubject", n, 3, err)
	}
	if s, ok := s.(sessionstore.AllDeleter); ok {
		n, err := s.DeleteAll(t.Context())
		check("DeleteAll", n, 4, err)
	}
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

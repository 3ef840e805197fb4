package stores_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"github.com/cloakroom-go/cloakroom/conformance"
	"github.com/cloakroom-go/cloakroom/core/memstore"
	"github.com/cloakroom-go/cloakroom/core/session"
	"github.com/cloakroom-go/cloakroom/core/sessionstore"
	"github.com/cloakroom-go/cloakroom/otelsession"
)

// A telemetry is what an application would send to its collector.
type telemetry struct {
	spans   *tracetest.SpanRecorder
	reader  *metric.ManualReader
	options otelsession.Options
}

func newTelemetry() *telemetry {
	x := &telemetry{spans: tracetest.NewSpanRecorder(), reader: metric.NewManualReader()}
	x.options = otelsession.Options{
		TracerProvider: sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(x.spans)),
		MeterProvider:  metric.NewMeterProvider(metric.WithReader(x.reader)),
	}
	return x
}

func (x *telemetry) wrap(tb testing.TB, s sessionstore.Store) sessionstore.Store {
	tb.Helper()
	wrapped, err := otelsession.Wrap(s, x.options)
	if err != nil {
		tb.Fatal(err)
	}
	return wrapped
}

func (x *telemetry) hook(t *testing.T) func(context.Context, session.Event) {
	t.Helper()
	hook, err := otelsession.Hook(x.options)
	if err != nil {
		t.Fatal(err)
	}
	return hook
}

// span returns the only span that has ended.
func (x *telemetry) span(t *testing.T) sdktrace.ReadOnlySpan {
	t.Helper()
	spans := x.spans.Ended()
	if len(spans) != 1 {
		t.Fatalf("%d spans, want 1", len(spans))
	}
	return spans[0]
}

// metric returns the instrument of that name, or fails the test.
func (x *telemetry) metric(t *testing.T, name string) metricdata.Metrics {
	t.Helper()
	var all metricdata.ResourceMetrics
	if err := x.reader.Collect(t.Context(), &all); err != nil {
		t.Fatal(err)
	}
	for _, scope := range all.ScopeMetrics {
		for _, m := range scope.Metrics {
			if m.Name == name && scope.Scope.Name == "github.com/cloakroom-go/cloakroom/otelsession" {
				return m
			}
		}
	}
	t.Fatalf("no metric %s in %+v", name, all.ScopeMetrics)
	return metricdata.Metrics{}
}

// durations returns how many calls were measured, by their attributes.
func (x *telemetry) durations(t *testing.T) map[string]uint64 {
	t.Helper()
	m := x.metric(t, "cloakroom.store.operation.duration")
	histogram, ok := m.Data.(metricdata.Histogram[float64])
	if !ok || m.Unit != "s" {
		t.Fatalf("got %T in %q, want a histogram in seconds", m.Data, m.Unit)
	}
	counts := make(map[string]uint64)
	for _, p := range histogram.DataPoints {
		if want := []float64{0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10}; !slices.Equal(p.Bounds, want) {
			t.Errorf("buckets %v, want %v", p.Bounds, want)
		}
		counts[text(p.Attributes.ToSlice())] = p.Count
	}
	return counts
}

// events returns how many events were counted, by their attributes.
func (x *telemetry) events(t *testing.T) map[string]int64 {
	t.Helper()
	m := x.metric(t, "cloakroom.session.events")
	sum, ok := m.Data.(metricdata.Sum[int64])
	if !ok || !sum.IsMonotonic || m.Unit != "{event}" {
		t.Fatalf("got %T in %q, want a counter of events", m.Data, m.Unit)
	}
	counts := make(map[string]int64)
	for _, p := range sum.DataPoints {
		counts[text(p.Attributes.ToSlice())] = p.Value
	}
	return counts
}

// text returns attributes in the order of their names.
func text(attributes []attribute.KeyValue) string {
	words := make([]string, len(attributes))
	for i, a := range attributes {
		words[i] = strings.TrimPrefix(string(a.Key), "cloakroom.") + "=" + a.Value.String()
	}
	return sorted(words...)
}

func sorted(words ...string) string {
	return strings.Join(slices.Sorted(slices.Values(words)), " ")
}

func TestOTelWrappedStoreConforms(t *testing.T) {
	t.Parallel()
	describe(t, "memory, otelsession", "", "")
	wrapped := func(tb testing.TB) sessionstore.Store {
		tb.Helper()
		return newTelemetry().wrap(tb, memstore.New(memstore.Options{MaxData: 1 << 20}))
	}
	conformance.Run(t, conformance.Harness{
		Deadline: patience, // a busy machine is no store that hangs
		Open:     func(t *testing.T) sessionstore.Store { t.Helper(); return wrapped(t) },
		Isolated: wrapped,
		Require:  append([]conformance.Capability{conformance.Watcher}, every...),
		MaxData:  1 << 20,
	})
}

// A told store answers what it is told to, and has all capabilities.
type told struct{ err error }

func (s told) Load(context.Context, string) (sessionstore.Record, error) {
	return sessionstore.Record{}, s.err
}
func (s told) Create(context.Context, string, sessionstore.Record) error            { return s.err }
func (s told) Delete(context.Context, string) error                                 { return s.err }
func (s told) Touch(context.Context, string, sessionstore.Version, time.Time) error { return s.err }
func (s told) Prune(context.Context) (int, error)                                   { return 2, s.err }

func (s told) DeleteSubject(context.Context, string) (int, error) { return 3, s.err }

func (s told) DeleteAll(context.Context) (int, error) { return 4, s.err }

func (s told) Scan(context.Context) iter.Seq2[sessionstore.Entry, error] {
	return func(yield func(sessionstore.Entry, error) bool) {
		for n := range 7 {
			if n < 6 && !yield(sessionstore.Entry{}, nil) || n == 6 && s.err != nil && !yield(sessionstore.Entry{}, s.err) {
				return
			}
		}
	}
}

func (s told) ListSubject(context.Context, string) ([]sessionstore.Entry, error) {
	return make([]sessionstore.Entry, 5), s.err
}

func (s told) Update(context.Context, string, sessionstore.Version, sessionstore.Record) error {
	return s.err
}

// calls has a call for each operation.
var calls = map[string]func(ctx context.Context, s sessionstore.Store) error{
	"load": func(ctx context.Context, s sessionstore.Store) error {
		_, err := s.Load(ctx, secretID)
		return err
	},
	"create": func(ctx context.Context, s sessionstore.Store) error {
		return s.Create(ctx, secretID, sessionstore.Record{})
	},
	"update": func(ctx context.Context, s sessionstore.Store) error {
		return s.Update(ctx, secretID, 1, sessionstore.Record{Subject: secretSubject})
	},
	"delete": func(ctx context.Context, s sessionstore.Store) error { return s.Delete(ctx, secretID) },
	"touch": func(ctx context.Context, s sessionstore.Store) error {
		return sessionstore.Touch(ctx, s, secretID, 1, time.Time{})
	},
	"prune": func(ctx context.Context, s sessionstore.Store) error {
		_, err := sessionstore.Prune(ctx, s)
		return err
	},
	"list_subject": func(ctx context.Context, s sessionstore.Store) error {
		_, err := sessionstore.ListSubject(ctx, s, secretSubject)
		return err
	},
	"delete_subject": func(ctx context.Context, s sessionstore.Store) error {
		_, err := sessionstore.DeleteSubject(ctx, s, secretSubject)
		return err
	},
	"delete_all": func(ctx context.Context, s sessionstore.Store) error {
		_, err := sessionstore.DeleteAll(ctx, s)
		return err
	},
	"scan": func(ctx context.Context, s sessionstore.Store) (failed error) {
		for _, err := range sessionstore.Scan(ctx, s) {
			failed = err
		}
		return failed
	},
}

// What must not be recorded.
const (
	secretID      = "iiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiii"
	secretSubject = "ann@example.com"
)

var errSecret = fmt.Errorf("store: %w: key %s of %s", context.DeadlineExceeded, secretID, secretSubject)

func TestOTelRecordsEachCallAsASpanAndADuration(t *testing.T) {
	t.Parallel()
	records := map[string]string{"prune": "2", "delete_subject": "3", "delete_all": "4", "list_subject": "5", "scan": "6"}
	for operation, call := range calls {
		for _, end := range []struct {
			err    error
			want   []string
			status codes.Code
		}{
			{nil, []string{"store.outcome=ok"}, codes.Unset},
			{sessionstore.ErrNotFound, []string{"store.outcome=not_found"}, codes.Unset},
			{sessionstore.ErrConflict, []string{"store.outcome=conflict"}, codes.Unset},
			{sessionstore.ErrExists, []string{"store.outcome=exists"}, codes.Unset},
			{sessionstore.ErrCorrupt, []string{"store.outcome=corrupt", "error.type=corrupt"}, codes.Error},
			{errSecret, []string{"store.outcome=error", "error.type=timeout"}, codes.Error},
		} {
			x := newTelemetry()
			if err := call(t.Context(), x.wrap(t, told{end.err})); !errors.Is(err, end.err) {
				t.Errorf("%s: got error %v, want the store's, %v", operation, err, end.err)
			}
			want := append([]string{"store.operation=" + operation}, end.want...)
			if got := x.durations(t); len(got) != 1 || got[sorted(want...)] != 1 {
				t.Errorf("measured %v, want once %s", got, want)
			}
			if n, ok := records[operation]; ok {
				want = append(want, "store.records="+n)
			}
			span := x.span(t)
			if got := text(span.Attributes()); got != sorted(want...) {
				t.Errorf("%s: span with %s, want %s", operation, got, want)
			}
			if span.Name() != operation+" sessions" || span.SpanKind() != trace.SpanKindClient {
				t.Errorf("%s: span %q of kind %v", operation, span.Name(), span.SpanKind())
			}
			if span.Status().Code != end.status {
				t.Errorf("%s with %v: status %v, want %v", operation, end.err, span.Status().Code, end.status)
			}
			x.wantNoSecret(t)
		}
	}
}

// A panicking store panics in each call.
type panicking struct{ told }

func (s panicking) Load(context.Context, string) (sessionstore.Record, error) { panic("told to") }

func (s panicking) Scan(context.Context) iter.Seq2[sessionstore.Entry, error] { panic("told to") }

func TestOTelRecordsACallThatPanics(t *testing.T) {
	t.Parallel()
	for _, operation := range []string{"load", "scan"} {
		x := newTelemetry()
		s := x.wrap(t, panicking{})
		func() {
			defer func() {
				if p := recover(); p != "told to" {
					t.Errorf("%s: recovered %v, want what the store panics with", operation, p)
				}
			}()
			_ = calls[operation](t.Context(), s)
		}()
		want := sorted("store.operation="+operation, "store.outcome=error", "error.type=panic")
		if got := x.durations(t); got[want] != 1 {
			t.Errorf("measured %v, want once %s", got, want)
		}
		if span := x.span(t); span.Status().Code != codes.Error {
			t.Errorf("%s: status %v", operation, span.Status().Code)
		}
	}
}

// wantNoSecret fails the test if what was recorded names a record or a subject.
func (x *telemetry) wantNoSecret(t *testing.T) {
	t.Helper()
	var metrics metricdata.ResourceMetrics
	if err := x.reader.Collect(t.Context(), &metrics); err != nil {
		t.Fatal(err)
	}
	recorded := fmt.Sprintf("%+v %+v", tracetest.SpanStubsFromReadOnlySpans(x.spans.Ended()), metrics)
	for _, secret := range []string{secretID, secretSubject} {
		if strings.Contains(recorded, secret) {
			t.Errorf("%s was recorded: %s", secret, recorded)
		}
	}
}

package stores_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/trace"

	"github.com/cloakroom-go/cloakroom/core/memstore"
	"github.com/cloakroom-go/cloakroom/core/session"
	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

func TestOTelCountsEachEventAndNotesItOnTheSpan(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		event session.Event
		name  string
		want  []string
	}{
		{session.Event{Kind: session.EventCreated}, "created", nil},
		{session.Event{Kind: session.EventOffered}, "offered", nil},
		{session.Event{Kind: session.EventAuthenticated}, "authenticated", nil},
		{session.Event{Kind: session.EventConflict}, "conflict", nil},
		{
			session.Event{Kind: session.EventEnded, Reason: session.EndDestroyed},
			"ended",
			[]string{"session.end.reason=destroyed"},
		},
		{
			session.Event{Kind: session.EventEnded, Reason: session.EndBinding},
			"ended",
			[]string{"session.end.reason=binding_mismatch"},
		},
		{session.Event{Kind: session.EventStoreError, Err: errSecret}, "store_error", []string{"error.type=timeout"}},
	} {
		x := newTelemetry()
		hook := x.hook(t)
		ctx, span := x.options.TracerProvider.Tracer("test").Start(t.Context(), "request")
		c.event.ID, c.event.Subject = "an id", secretSubject
		hook(ctx, c.event)
		hook(t.Context(), c.event) // no span, as in a job
		span.End()

		want := append([]string{"session.event=" + c.name}, c.want...)
		if got := x.events(t); len(got) != 1 || got[sorted(want...)] != 2 {
			t.Errorf("counted %v, want twice %s", got, want)
		}
		noted := x.span(t).Events()
		if len(noted) != 1 || noted[0].Name != "cloakroom.session."+c.name {
			t.Fatalf("%s: noted %v on the span", c.name, noted)
		}
		want = append(want, "session.id=an id")
		if got := text(noted[0].Attributes); got != sorted(want...) {
			t.Errorf("noted %s, want %s", got, want)
		}
		x.wantNoSecret(t)
	}
}

func TestOTelNamesNoSessionThatIsNotKnown(t *testing.T) {
	t.Parallel()
	x := newTelemetry()
	ctx, span := x.options.TracerProvider.Tracer("test").Start(t.Context(), "request")
	repeated := fmt.Errorf("store: %w: %w", sessionstore.ErrConflict, sessionstore.ErrRepeated)
	x.hook(t)(ctx, session.Event{Kind: session.EventStoreError, Err: repeated})
	span.End()
	const want = "error.type=repeated session.event=store_error"
	if noted := x.span(t).Events(); len(noted) != 1 || text(noted[0].Attributes) != want {
		t.Errorf("noted %v, want %s", noted, want)
	}
	if got := x.events(t); got[want] != 1 {
		t.Errorf("counted %v, want %s", got, want)
	}
}

// A slow store takes three seconds to delete.
type slow struct{ session.Store }

func (s slow) Delete(ctx context.Context, id string) error {
	<-time.After(3 * time.Second)
	return s.Store.Delete(ctx, id)
}

func TestOTelMeasuresSeconds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		x := newTelemetry()
		if err := x.wrap(t, slow{memstore.New(memstore.Options{})}).Delete(t.Context(), secretID); err != nil {
			t.Fatal(err)
		}
		histogram, ok := x.metric(t, "cloakroom.store.operation.duration").Data.(metricdata.Histogram[float64])
		if !ok || len(histogram.DataPoints) != 1 || histogram.DataPoints[0].Sum != 3 {
			t.Errorf("a call of 3 s was measured as %+v", histogram)
		}
		if span := x.span(t); span.EndTime().Sub(span.StartTime()) != 3*time.Second {
			t.Errorf("a call of 3 s has a span from %v to %v", span.StartTime(), span.EndTime())
		}
	})
}

// A driver is a store whose driver has spans of its own.
type driver struct {
	session.Store

	tracer trace.Tracer
}

func (s driver) Delete(ctx context.Context, id string) error {
	ctx, span := s.tracer.Start(ctx, "DEL")
	defer span.End()
	return s.Store.Delete(ctx, id)
}

func TestOTelDriversSpansAreChildren(t *testing.T) {
	t.Parallel()
	x := newTelemetry()
	s := x.wrap(t, driver{memstore.New(memstore.Options{}), x.options.TracerProvider.Tracer("driver")})
	if err := s.Delete(t.Context(), secretID); err != nil {
		t.Fatal(err)
	}
	spans := x.spans.Ended()
	if len(spans) != 2 {
		t.Fatalf("%d spans, want 2", len(spans))
	}
	child, parent := spans[0], spans[1]
	if child.Name() != "DEL" || child.Parent().SpanID() != parent.SpanContext().SpanID() {
		t.Errorf("%q within span %v, want DEL within %q, %v",
			child.Name(), child.Parent().SpanID(), parent.Name(), parent.SpanContext().SpanID())
	}
}

func TestOTelAddsTheAttributesOfOptions(t *testing.T) {
	t.Parallel()
	x := newTelemetry()
	x.options.Attributes = []attribute.KeyValue{
		attribute.String("area", "shop"),
		attribute.String("cloakroom.store.operation", "none of the caller's business"),
	}
	s, hook := x.wrap(t, memstore.New(memstore.Options{})), x.hook(t)
	x.options.Attributes[0] = attribute.String("area", "changed later")
	if err := s.Delete(t.Context(), secretID); err != nil {
		t.Fatal(err)
	}
	hook(t.Context(), session.Event{Kind: session.EventCreated})

	const want = "area=shop store.operation=delete store.outcome=ok"
	if got := text(x.span(t).Attributes()); got != want {
		t.Errorf("span with %s, want %s", got, want)
	}
	if got := x.durations(t); got[want] != 1 {
		t.Errorf("measured %v, want %s", got, want)
	}
	for got := range x.events(t) {
		if !strings.Contains(got, "area=shop") {
			t.Errorf("counted %s, want area=shop in it", got)
		}
	}
}

// TestOTelProvidersMayBeSetLater is the only test that sets the global ones.
func TestOTelProvidersMayBeSetLater(t *testing.T) {
	t.Parallel()
	var unset, x telemetry
	s, hook := unset.wrap(t, memstore.New(memstore.Options{})), unset.hook(t)
	x = *newTelemetry()
	otel.SetTracerProvider(x.options.TracerProvider)
	otel.SetMeterProvider(x.options.MeterProvider)
	if err := s.Delete(t.Context(), secretID); err != nil {
		t.Fatal(err)
	}
	hook(t.Context(), session.Event{Kind: session.EventCreated})
	if got := x.durations(t); len(got) != 1 {
		t.Errorf("measured %v, want one call", got)
	}
	if got := x.events(t); len(got) != 1 {
		t.Errorf("counted %v, want one event", got)
	}
	for _, span := range x.spans.Ended() { // others may be of those who start containers
		if span.Name() == "delete sessions" {
			return
		}
	}
	t.Error("no span was recorded")
}

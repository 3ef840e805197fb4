package otelsession

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

const (
	operationKey = attribute.Key("cloakroom.store.operation")
	outcomeKey   = attribute.Key("cloakroom.store.outcome")
	recordsKey   = attribute.Key("cloakroom.store.records")
)

// Wrap returns a store that does what s does, and records each call; the package
// documentation says what. Results and errors are those of s, unchanged.
//
// The store is a [sessionstore.Wrapper]: it has the capabilities that s has, and
// Unwrap returns s.
//
// Wrap returns an error if s is nil or the meter refuses an instrument.
func Wrap(s sessionstore.Store, o Options) (sessionstore.Store, error) {
	if none(s) { // which would be hidden from session.New
		return nil, errors.New("otelsession: Wrap: store is nil")
	}
	duration, err := o.meter().Float64Histogram("cloakroom.store.operation.duration",
		metric.WithUnit("s"),
		metric.WithDescription("Duration of calls to the session store."),
		metric.WithExplicitBucketBoundaries(0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10))
	if err != nil {
		return nil, fmt.Errorf("otelsession: %w", err)
	}
	return &store{next: s, rec: &recorder{o.tracer(), duration, o.attributes()}}, nil
}

// none reports whether s is nil, or a nil pointer.
func none(s sessionstore.Store) bool {
	v := reflect.ValueOf(s)
	return s == nil || v.Kind() == reflect.Pointer && v.IsNil()
}

// A recorder records calls. It is safe for concurrent use.
type recorder struct {
	tracer     trace.Tracer
	duration   metric.Float64Histogram
	attributes []attribute.KeyValue
}

// start begins a span, which is in the context that it returns. end ends it and
// measures the call, also if the store panics: its error is errPanicked until there is
// another. more is for the span only.
//
//nolint:spancheck // end ends the span
func (rec *recorder) start(ctx context.Context, operation string) (
	_ context.Context, end func(err error, more ...attribute.KeyValue),
) {
	attributes := append(rec.attributes, operationKey.String(operation)) //nolint:gocritic // a copy, see Options.attributes
	begin := time.Now()
	ctx, span := rec.tracer.Start(ctx, operation+" sessions",
		trace.WithSpanKind(trace.SpanKindClient), trace.WithAttributes(attributes...))
	return ctx, func(err error, more ...attribute.KeyValue) {
		seconds := time.Since(begin).Seconds()
		result := outcomeOf(err)
		ending := []attribute.KeyValue{outcomeKey.String(result.name)}
		if result.errorType != "" {
			ending = append(ending, errorTypeKey.String(result.errorType))
			span.SetStatus(codes.Error, "") // the text may hold a key
		}
		rec.duration.Record(ctx, seconds, metric.WithAttributes(append(attributes, ending...)...))
		span.SetAttributes(append(ending, more...)...)
		span.End()
	}
}

// A store passes calls on to another one, and records them.
type store struct {
	next sessionstore.Store
	rec  *recorder
}

var (
	_ sessionstore.Wrapper      = (*store)(nil)
	_ sessionstore.Toucher      = (*store)(nil)
	_ sessionstore.Pruner       = (*store)(nil)
	_ sessionstore.SubjectIndex = (*store)(nil)
	_ sessionstore.AllDeleter   = (*store)(nil)
	_ sessionstore.Scanner      = (*store)(nil)
	_ sessionstore.Watcher      = (*store)(nil)
)

// Unwrap implements [sessionstore.Wrapper].
func (s *store) Unwrap() sessionstore.Store { return s.next }

// Load implements [sessionstore.Store].
func (s *store) Load(ctx context.Context, id string) (sessionstore.Record, error) {
	ctx, end := s.rec.start(ctx, "load")
	err := errPanicked
	defer func() { end(err) }()
	var r sessionstore.Record
	r, err = s.next.Load(ctx, id)
	return r, err
}

// Create implements [sessionstore.Store].
func (s *store) Create(ctx context.Context, id string, r sessionstore.Record) error {
	ctx, end := s.rec.start(ctx, "create")
	err := errPanicked
	defer func() { end(err) }()
	err = s.next.Create(ctx, id, r)
	return err
}

// Update implements [sessionstore.Store].
func (s *store) Update(ctx context.Context, id string, old sessionstore.Version, r sessionstore.Record) error {
	ctx, end := s.rec.start(ctx, "update")
	err := errPanicked
	defer func() { end(err) }()
	err = s.next.Update(ctx, id, old, r)
	return err
}

// Delete implements [sessionstore.Store].
func (s *store) Delete(ctx context.Context, id string) error {
	ctx, end := s.rec.start(ctx, "delete")
	err := errPanicked
	defer func() { end(err) }()
	err = s.next.Delete(ctx, id)
	return err
}

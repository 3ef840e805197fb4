package otelsession

import (
	"context"
	"fmt"
	"strings"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"

	"github.com/cloakroom-go/cloakroom/core/session"
)

const (
	eventKey     = attribute.Key("cloakroom.session.event")
	endReasonKey = attribute.Key("cloakroom.session.end.reason")
	idKey        = attribute.Key("cloakroom.session.id")
)

// Hook returns a function for session.Options.OnEvent that counts what happens to
// sessions, and notes it on the span of the request; the package documentation says
// how. It is safe for concurrent use. An application with a hook of its own calls
// both.
//
// It returns an error if the meter refuses an instrument. Options.TracerProvider
// is not used: the span is the one in the context.
func Hook(o Options) (func(context.Context, session.Event), error) {
	events, err := o.meter().Int64Counter("cloakroom.session.events",
		metric.WithUnit("{event}"),
		metric.WithDescription("Number of things that have happened to sessions."))
	if err != nil {
		return nil, fmt.Errorf("otelsession: %w", err)
	}
	common := o.attributes()
	return func(ctx context.Context, e session.Event) {
		kind := snake(e.Kind.String())
		attributes := append(common, eventKey.String(kind)) //nolint:gocritic // a copy, see Options.attributes
		if e.Reason != "" {
			attributes = append(attributes, endReasonKey.String(snake(string(e.Reason))))
		}
		if t := outcomeOf(e.Err).errorType; t != "" {
			attributes = append(attributes, errorTypeKey.String(t))
		}
		events.Add(ctx, 1, metric.WithAttributes(attributes...))

		if span := trace.SpanFromContext(ctx); span.IsRecording() {
			if e.ID != "" {
				attributes = append(attributes, idKey.String(e.ID))
			}
			span.AddEvent("cloakroom.session."+kind, trace.WithAttributes(attributes...))
		}
	}, nil
}

// snake returns words as values of attributes are written.
func snake(words string) string { return strings.ReplaceAll(words, " ", "_") }

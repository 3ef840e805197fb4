package otelsession

import (
	"slices"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"
)

// Options say where telemetry goes. The zero value is right for almost everybody.
type Options struct {
	// TracerProvider makes the tracer for the spans. nil means the global one,
	// which may be set later.
	TracerProvider trace.TracerProvider

	// MeterProvider makes the meter for the metrics. nil means the global one,
	// which may be set later.
	MeterProvider metric.MeterProvider

	// Attributes are added to every span, every event and every measurement, to
	// tell several stores or Managers apart, for instance. They are part of the
	// identity of each metric, so they must not differ from request to request.
	// Where a name is one of this package's own, this package's value counts.
	Attributes []attribute.KeyValue
}

// scope is the instrumentation scope: what records.
const scope = "github.com/cloakroom-go/cloakroom/otelsession"

func (o Options) tracer() trace.Tracer {
	if o.TracerProvider == nil {
		o.TracerProvider = otel.GetTracerProvider()
	}
	return o.TracerProvider.Tracer(scope)
}

func (o Options) meter() metric.Meter {
	if o.MeterProvider == nil {
		o.MeterProvider = otel.GetMeterProvider()
	}
	return o.MeterProvider.Meter(scope)
}

// attributes returns what is common to all that is recorded. Appending to it
// copies it.
func (o Options) attributes() []attribute.KeyValue {
	return slices.Clip(slices.Clone(o.Attributes))
}

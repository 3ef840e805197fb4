package otelsession

import (
	"testing"

	"go.opentelemetry.io/otel/attribute"
)

func TestCallsAtTheSameTimeDoNotShareAttributes(t *testing.T) {
	t.Parallel()
	for n := range 32 { // copies of some lengths have room for more
		common := Options{Attributes: make([]attribute.KeyValue, n)}.attributes()
		one := append(common, operationKey.String("load")) //nolint:gocritic // what is tested
		_ = append(common, operationKey.String("delete"))
		if got := one[n].Value.AsString(); got != "load" {
			t.Errorf("beside %d attributes, the operation of one call became %q by another call", n, got)
		}
	}
}

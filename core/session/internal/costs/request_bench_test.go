//go:build !race

package costs_test

import (
	"net/http/httptest"
	"testing"
)

// BenchmarkRequest measures a whole request, beside the recorder that all of
// them use. For benchstat, run it with -count 10.
func BenchmarkRequest(b *testing.B) {
	for _, w := range workloads(b) {
		b.Run(w.name, func(b *testing.B) {
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					w.handler.ServeHTTP(httptest.NewRecorder(), request(b, w.cookie))
				}
			})
		})
	}
}

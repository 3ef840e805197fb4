//go:build !race

package costs_test

import (
	"net/http"
	"runtime"
	"testing"
)

//nolint:paralleltest // MemStats counts the allocations of all goroutines
func TestAMegabyteInPlaceOfATicketCostsAtMost64KBOfAllocations(t *testing.T) {
	const limit, rounds = 64 << 10, 20
	for _, f := range floods(t) {
		r := f.request(t)
		serve := func() { f.handler.ServeHTTP(&headerWriter{make(http.Header)}, r) }
		serve() // pools fill up
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		for range rounds {
			serve()
		}
		runtime.ReadMemStats(&after)
		if got := (after.TotalAlloc - before.TotalAlloc) / rounds; got > limit {
			t.Errorf("%s: %d bytes, at most %d", f.name, got, limit)
		}
	}
}

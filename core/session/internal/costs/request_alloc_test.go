//go:build !race

package costs_test

import (
	"net/http/httptest"
	"testing"
)

//nolint:paralleltest // AllocsPerRun counts the allocations of all goroutines
func TestAllocationsOfARequest(t *testing.T) {
	most := map[string]float64{"recorder": 0, "untouched": 1, "read": 9, "write": 18}
	var bare float64
	for _, w := range workloads(t) {
		limit, ok := most[w.name]
		if !ok {
			continue
		}
		got := testing.AllocsPerRun(1000, func() { w.handler.ServeHTTP(httptest.NewRecorder(), request(t, w.cookie)) })
		if w.name == "recorder" {
			bare = got
		}
		if got-bare > limit {
			t.Errorf("%s: %v allocations above the recorder's %v, at most %v", w.name, got-bare, bare, limit)
		}
	}
}

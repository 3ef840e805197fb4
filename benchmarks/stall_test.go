package benchmarks

import (
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cloakroom-go/cloakroom/core/memstore"
	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// BenchmarkStall measures how long a Load from memstore has to wait where sessions expire,
// are taken away by others that are created, and by Prune: of 100,000 the longest but one.
// In turn it loads from another store, in which nothing happens. So it shows what the
// machine, and the collector of garbage, take from both.
func BenchmarkStall(b *testing.B) {
	if !slices.Contains(strings.Split(*capacityBackends, ","), "memory") {
		b.Skip("-backends says nothing of memory")
	}
	for _, n := range sizes(b) {
		b.Run("memory/"+strconv.Itoa(n), func(b *testing.B) {
			for b.Loop() {
				busy, quiet := memstore.New(memstore.Options{}), memstore.New(memstore.Options{})
				record := func(life time.Duration) sessionstore.Record {
					return sessionstore.Record{Data: make([]byte, 300), Expires: time.Now().Add(life), Version: 1}
				}
				lasting := func(int) sessionstore.Record { return record(lifetime) }
				ids, others := fill(b, busy, n, lasting), fill(b, quiet, n, lasting)
				done := make(chan struct{})
				go func() {
					defer close(done)
					for range 10 {
						for range n / 2 {
							if err := busy.Create(b.Context(), randomID(), record(100*time.Millisecond)); err != nil {
								b.Error(err)
							}
						}
						<-time.After(100 * time.Millisecond)
						if _, err := busy.Prune(b.Context()); err != nil {
							b.Error(err)
						}
					}
				}()
				var waits, otherWaits []time.Duration
				for i, over := 0, false; !over; i++ {
					waits = append(waits, loadTakes(b, busy, ids[i%len(ids)]))
					otherWaits = append(otherWaits, loadTakes(b, quiet, others[i%len(others)]))
					select {
					case <-done:
						over = true
					default:
					}
				}
				b.ReportMetric(percentile99999(waits), "p99.999-ns")
				b.ReportMetric(percentile99999(otherWaits), "quiet-p99.999-ns")
				b.ReportMetric(float64(len(waits)), "loads")
				b.ReportMetric(0, "ns/op") // of filling it
			}
		})
	}
}

func loadTakes(b *testing.B, store sessionstore.Store, id string) time.Duration {
	b.Helper()
	start := time.Now()
	_, err := store.Load(b.Context(), id)
	took := time.Since(start)
	if err != nil {
		b.Fatal(err)
	}
	return took
}

func percentile99999(d []time.Duration) float64 {
	slices.Sort(d)
	return float64(d[len(d)-1-len(d)/100_000])
}

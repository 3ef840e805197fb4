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

// BenchmarkStall measures how long a Load from memstore has to wait while another
// goroutine does one of these without a pause: it has sessions created, expire and be
// pruned, or it does as many updates, so that nothing expires. The second shows what of
// the first is the writing, and no matter of expiry. The figure is the longest but one of
// 100,000 Loads.
//
// In turn it loads from another store, in which nothing happens. So it shows what the
// machine, and the collector of garbage, take from both.
func BenchmarkStall(b *testing.B) {
	if !slices.Contains(strings.Split(*capacityBackends, ","), "memory") {
		b.Skip("-backends says nothing of memory")
	}
	for _, n := range sizes(b) {
		b.Run("memory/expiry/"+strconv.Itoa(n), func(b *testing.B) { benchmarkStall(b, n, expiry) })
		b.Run("memory/updates/"+strconv.Itoa(n), func(b *testing.B) { benchmarkStall(b, n, updates) })
	}
}

func benchmarkStall(b *testing.B, n int, write func(*testing.B, *memstore.Store, []string, int)) {
	b.Helper()
	for b.Loop() {
		busy, quiet := memstore.New(memstore.Options{}), memstore.New(memstore.Options{})
		lasting := func(int) sessionstore.Record { return stallRecord(lifetime) }
		ids, others := fill(b, busy, n, lasting), fill(b, quiet, n, lasting)
		done := make(chan struct{})
		go func() {
			defer close(done)
			for range 10 {
				write(b, busy, ids, n/2)
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
}

func stallRecord(life time.Duration) sessionstore.Record {
	return sessionstore.Record{Data: make([]byte, 300), Expires: time.Now().Add(life), Version: 1}
}

// expiry has so many sessions created, expire and be pruned.
func expiry(b *testing.B, s *memstore.Store, _ []string, writes int) {
	b.Helper()
	for range writes {
		if err := s.Create(b.Context(), randomID(), stallRecord(time.Second)); err != nil {
			b.Error(err)
		}
	}
	<-time.After(time.Second)
	if _, err := s.Prune(b.Context()); err != nil {
		b.Error(err)
	}
}

// updates makes so many updates.
func updates(b *testing.B, s *memstore.Store, ids []string, writes int) {
	b.Helper()
	for i := range writes {
		id := ids[i%len(ids)]
		r, err := s.Load(b.Context(), id)
		if err != nil {
			b.Error(err)
			return
		}
		was := r.Version
		r.Version++
		if err := s.Update(b.Context(), id, was, r); err != nil {
			b.Error(err)
			return
		}
	}
	<-time.After(time.Second)
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

package benchmarks

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cloakroom-go/cloakroom/core/memstore"
	"github.com/cloakroom-go/cloakroom/core/sessionstore"
	filestore "github.com/cloakroom-go/cloakroom/store-file"
	memcachestore "github.com/cloakroom-go/cloakroom/store-memcache"
	postgresstore "github.com/cloakroom-go/cloakroom/store-postgres"
	redisstore "github.com/cloakroom-go/cloakroom/store-redis"
)

var (
	capacitySizes    = flag.String("sizes", "", "measure stores that hold so many sessions, such as 10000,100000")
	capacityBackends = flag.String("backends", "memory,file,redis,postgres,memcached", "which stores to measure")
)

// A vault is a store whose room can be measured.
type vault struct {
	store sessionstore.Store
	room  func() int64 // in bytes, of all that the backend holds
}

// BenchmarkCapacity measures what a session of 300 bytes takes in a store that holds so
// many, and what a Load and an Update of one of them take (medians).
func BenchmarkCapacity(b *testing.B) {
	for backend := range strings.SplitSeq(*capacityBackends, ",") {
		for _, of := range []string{"nobody", "accounts"} {
			for _, size := range strings.FieldsFunc(*capacitySizes, func(r rune) bool { return r == ',' }) {
				n, err := strconv.Atoi(size)
				if err != nil {
					b.Fatal(err)
				}
				b.Run(fmt.Sprintf("%s/%s/%d", backend, of, n), func(b *testing.B) {
					for b.Loop() {
						measure(b, openVault(b, backend), n, of == "accounts")
					}
				})
			}
		}
	}
}

func openVault(b *testing.B, backend string) vault {
	b.Helper()
	need := func(missing string, err error) {
		if missing != "" {
			b.Skip(missing)
		}
		if err != nil {
			b.Fatal(err)
		}
	}
	ctx := b.Context()
	switch backend {
	case "memory":
		return vault{memstore.New(memstore.Options{}), heapBytes}
	case "file":
		dir := filepath.Join(b.TempDir(), "sessions")
		need("", os.Mkdir(dir, 0o700))
		store, err := filestore.New(dir, filestore.Options{})
		need("", err)
		b.Cleanup(func() { _ = store.Close() })
		return vault{store, func() int64 { return diskBytes(b, dir) }}
	case "redis":
		client, missing := redisClient(b)
		need(missing, nil)
		need("", client.FlushAll(ctx).Err())
		store, err := redisstore.New(client, redisstore.Options{})
		need("", err)
		return vault{store, func() int64 { return numberAfter(b, client.Info(ctx, "memory").Val(), "used_memory:") }}
	case "postgres":
		pool, missing := postgresPool(b)
		need(missing, nil)
		table := unique()
		store, err := postgresstore.New(pool, postgresstore.Options{Table: table})
		need("", err)
		need("", store.Migrate(ctx))
		b.Cleanup(func() { _, _ = pool.Exec(context.Background(), "DROP TABLE "+table) })
		return vault{store, func() (n int64) {
			need("", pool.QueryRow(ctx, "SELECT pg_total_relation_size($1::regclass)", table).Scan(&n))
			return n
		}}
	case "memcached":
		client, missing := memcachedClient()
		need(missing, nil)
		need("", client.FlushAll())
		store, err := memcachestore.New(client, memcachestore.Options{KeyPrefix: unique() + ":"})
		need("", err)
		return vault{store, nil} // its client does not ask for the server's figures
	}
	b.Fatalf("no backend is called %q", backend)
	return vault{}
}

func measure(b *testing.B, v vault, n int, subject bool) {
	b.Helper()
	record := func(version int) sessionstore.Record {
		return sessionstore.Record{
			Data: make([]byte, 300), Expires: time.Now().Add(lifetime), Version: sessionstore.Version(version),
		}
	}
	var before int64
	if v.room != nil {
		before = v.room()
	}
	const workers = 16
	sample := make([][]string, workers)
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			for i := w; i < n; i += workers {
				id, r := randomID(), record(1)
				if subject {
					r.Subject = fmt.Sprint("account-", i)
				}
				if err := v.store.Create(b.Context(), id, r); err != nil {
					b.Error(err)
					return
				}
				if len(sample[w]) < 100 || i%997 == 0 {
					sample[w] = append(sample[w], id)
				}
			}
		})
	}
	wg.Wait()
	if v.room != nil {
		b.ReportMetric(float64(v.room()-before)/float64(n), "bytes/session")
	}
	ids := slices.Concat(sample...)
	var reads, writes []time.Duration
	for _, id := range ids {
		start := time.Now()
		r, err := v.store.Load(b.Context(), id)
		reads = append(reads, time.Since(start))
		if err != nil {
			b.Fatal(err)
		}
		next := record(2)
		next.Subject = r.Subject
		start = time.Now()
		err = v.store.Update(b.Context(), id, r.Version, next)
		writes = append(writes, time.Since(start))
		if err != nil {
			b.Fatal(err)
		}
	}
	slices.Sort(reads)
	slices.Sort(writes)
	b.ReportMetric(float64(reads[len(reads)/2]), "load-ns")
	b.ReportMetric(float64(writes[len(writes)/2]), "update-ns")
	b.ReportMetric(0, "ns/op") // of filling it
	runtime.KeepAlive(v)
}

func randomID() string {
	b := make([]byte, 32)
	_, _ = rand.Read(b)
	return base64.RawURLEncoding.EncodeToString(b)
}

func heapBytes() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// diskBytes adds up what files take on a disk of blocks of 4 KiB.
func diskBytes(b *testing.B, dir string) (sum int64) {
	b.Helper()
	const block = 4096
	err := filepath.WalkDir(dir, func(_ string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := e.Info()
		if err == nil {
			sum += (info.Size() + block - 1) / block * block
		}
		return err
	})
	if err != nil {
		b.Fatal(err)
	}
	return sum
}

func numberAfter(b *testing.B, text, name string) (n int64) {
	b.Helper()
	_, rest, _ := strings.Cut(text, name)
	if _, err := fmt.Sscan(rest, &n); err != nil {
		b.Fatal(err)
	}
	return n
}

package benchmarks

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/base64"
	"errors"
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
	mongostore "github.com/cloakroom-go/cloakroom/store-mongo"
	postgresstore "github.com/cloakroom-go/cloakroom/store-postgres"
	redisstore "github.com/cloakroom-go/cloakroom/store-redis"
	sqlstore "github.com/cloakroom-go/cloakroom/store-sql"
)

var (
	capacitySizes    = flag.String("sizes", "", "measure stores that hold so many sessions, such as 10000,100000")
	capacityBackends = flag.String("backends", "memory,file,redis,postgres,sqlite,mysql,mongo,memcached", "which stores to measure")
)

// A vault is a store whose room can be measured.
type vault struct {
	store sessionstore.Store
	room  func() int64 // in bytes, of all that the backend holds; nil where that is not known
}

// owners are whose the sessions are.
var owners = map[string]func(i int) string{
	"nobody":   func(int) string { return "" },
	"accounts": func(i int) string { return fmt.Sprint("account-", i) },
	"one":      func(int) string { return account },
}

const account = "account-1"

// BenchmarkCapacity measures what a session of 300 bytes takes in a store that holds so
// many, and what a Load and an Update of one of them take (medians). If all are one
// account's, it also measures what it takes to list and to end them.
func BenchmarkCapacity(b *testing.B) {
	for backend := range strings.SplitSeq(*capacityBackends, ",") {
		for _, of := range []string{"nobody", "accounts", "one"} {
			for _, size := range strings.FieldsFunc(*capacitySizes, func(r rune) bool { return r == ',' }) {
				n, err := strconv.Atoi(size)
				if err != nil {
					b.Fatal(err)
				}
				b.Run(fmt.Sprintf("%s/%s/%d", backend, of, n), func(b *testing.B) {
					for b.Loop() {
						v := openVault(b, backend)
						measure(b, v, n, owners[of])
						if of == "one" {
							measureSubject(b, v.store, n)
						}
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
	case "sqlite":
		return vault{openSQLStore(b, sqliteFile(b), sqlstore.SQLite), nil}
	case "mysql":
		db, missing := mysqlPool(b)
		need(missing, nil)
		return vault{openSQLStore(b, db, sqlstore.MySQL), nil}
	case "mongo":
		db, missing := mongoDatabase(b)
		need(missing, nil)
		collection := db.Collection(unique())
		store, err := mongostore.New(collection, mongostore.Options{})
		need("", err)
		need("", store.EnsureIndexes(ctx))
		b.Cleanup(func() { _ = collection.Drop(context.Background()) })
		return vault{store, nil}
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

func openSQLStore(b *testing.B, db *sql.DB, d sqlstore.Dialect) sessionstore.Store {
	b.Helper()
	table := unique()
	store, err := sqlstore.New(db, d, sqlstore.Options{Table: table})
	if err == nil {
		err = store.Migrate(b.Context())
	}
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _, _ = db.ExecContext(context.Background(), "DROP TABLE "+table) })
	return store
}

func measure(b *testing.B, v vault, n int, owner func(i int) string) {
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
				r.Subject = owner(i)
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

// measureSubject lists and ends n sessions of one account.
func measureSubject(b *testing.B, store sessionstore.Store, n int) {
	b.Helper()
	start := time.Now()
	list, err := sessionstore.ListSubject(b.Context(), store, account)
	if errors.Is(err, sessionstore.ErrUnsupported) {
		return
	}
	if err != nil || len(list) != n {
		b.Fatalf("%d of %d sessions are listed, %v", len(list), n, err)
	}
	b.ReportMetric(float64(time.Since(start).Milliseconds()), "list-ms")
	start = time.Now()
	if ended, err := sessionstore.DeleteSubject(b.Context(), store, account); err != nil || ended != n {
		b.Fatalf("%d of %d sessions are ended, %v", ended, n, err)
	}
	b.ReportMetric(float64(time.Since(start).Milliseconds()), "end-ms")
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

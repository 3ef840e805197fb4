package benchmarks

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/base64"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bradfitz/gomemcache/memcache"
	"go.mongodb.org/mongo-driver/v2/bson"

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
	capacityPrune    = flag.Bool("prune", true, "also measure what Prune takes, which a tenth as many sessions again are created for")
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
// many, and what a Load and an Update of one of them take (medians); also what a Load takes
// that finds nothing, which is the same with any number of sessions, so that sizes can be
// compared on a machine that does other work meanwhile. If all are one
// account's, it also measures what it takes to list and to end them, else what Prune takes
// for each that has expired, of one in eleven.
func BenchmarkCapacity(b *testing.B) {
	for backend := range strings.SplitSeq(*capacityBackends, ",") {
		for _, of := range []string{"nobody", "accounts", "one"} {
			for _, n := range sizes(b) {
				b.Run(fmt.Sprintf("%s/%s/%d", backend, of, n), func(b *testing.B) {
					for b.Loop() {
						v := openVault(b, backend)
						measure(b, v, n, owners[of])
						if of == "one" {
							measureSubject(b, v.store, n)
						} else if *capacityPrune {
							measurePrune(b, v.store, n/10)
						}
					}
				})
			}
		}
	}
}

func sizes(b *testing.B) (sizes []int) {
	b.Helper()
	for size := range strings.FieldsFuncSeq(*capacitySizes, func(r rune) bool { return r == ',' }) {
		n, err := strconv.Atoi(size)
		if err != nil {
			b.Fatal(err)
		}
		sizes = append(sizes, n)
	}
	return sizes
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
		db := sqliteFile(b, "sqlite")
		return vault{openSQLStore(b, db, sqlstore.SQLite, unique()), func() int64 {
			return sqlNumber(ctx, b, db, "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size")
		}}
	case "mysql":
		db, missing := mysqlPool(b)
		need(missing, nil)
		table := unique()
		return vault{openSQLStore(b, db, sqlstore.MySQL, table), func() int64 {
			var of, operation, kind, text string
			need("", db.QueryRowContext(ctx, "ANALYZE TABLE "+table).Scan(&of, &operation, &kind, &text))
			return sqlNumber(ctx, b, db, "SELECT data_length + index_length FROM information_schema.tables WHERE table_name = ?", table)
		}}
	case "mongo":
		db, missing := mongoDatabase(b)
		need(missing, nil)
		collection := db.Collection(unique())
		store, err := mongostore.New(collection, mongostore.Options{})
		need("", err)
		need("", store.EnsureIndexes(ctx))
		b.Cleanup(func() { _ = collection.Drop(context.Background()) })
		return vault{store, func() int64 {
			var stats struct {
				Size  int64 `bson:"size"`
				Index int64 `bson:"totalIndexSize"`
			}
			need("", db.RunCommand(ctx, bson.D{{Key: "collStats", Value: collection.Name()}}).Decode(&stats))
			return stats.Size + stats.Index
		}}
	case "memcached":
		client, missing := memcachedClient()
		need(missing, nil)
		emptyMemcached(b, client)
		store, err := memcachestore.New(client, memcachestore.Options{KeyPrefix: unique() + ":"})
		need("", err)
		return vault{store, func() int64 { return numberAfter(b, memcachedSays(b, "stats"), "STAT bytes ") }}
	}
	b.Fatalf("no backend is called %q", backend)
	return vault{}
}

func openSQLStore(b *testing.B, db *sql.DB, d sqlstore.Dialect, table string) sessionstore.Store {
	b.Helper()
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
	ids := fill(b, v.store, n, func(i int) sessionstore.Record {
		r := record(1)
		r.Subject = owner(i)
		return r
	})
	if v.room != nil {
		b.ReportMetric(float64(v.room()-before)/float64(n), "bytes/session")
	}
	var misses, reads, writes []time.Duration
	absent := randomID()
	for _, id := range ids {
		start := time.Now()
		_, err := v.store.Load(b.Context(), absent)
		misses = append(misses, time.Since(start))
		if !errors.Is(err, sessionstore.ErrNotFound) {
			b.Fatalf("a Load of nothing: %v", err)
		}
		start = time.Now()
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
	slices.Sort(misses)
	slices.Sort(reads)
	slices.Sort(writes)
	b.ReportMetric(float64(misses[len(misses)/2]), "miss-ns")
	b.ReportMetric(float64(reads[len(reads)/2]), "load-ns")
	b.ReportMetric(float64(writes[len(writes)/2]), "update-ns")
	b.ReportMetric(0, "ns/op") // of filling it
	runtime.KeepAlive(v)
}

// fill creates n records and returns the ids of some.
func fill(b *testing.B, store sessionstore.Store, n int, record func(i int) sessionstore.Record) []string {
	b.Helper()
	const workers = 16
	sample := make([][]string, workers)
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			for i := w; i < n; i += workers {
				id := randomID()
				if err := store.Create(b.Context(), id, record(i)); err != nil {
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
	if b.Failed() {
		b.FailNow()
	}
	return slices.Concat(sample...)
}

// measurePrune adds n sessions, and prunes them when they have expired.
func measurePrune(b *testing.B, store sessionstore.Store, n int) {
	b.Helper()
	if _, err := sessionstore.Prune(b.Context(), store); errors.Is(err, sessionstore.ErrUnsupported) {
		return
	} else if err != nil {
		b.Fatal(err)
	}
	fill(b, store, n, func(int) sessionstore.Record {
		return sessionstore.Record{Data: make([]byte, 300), Expires: time.Now().Add(time.Second), Version: 1}
	})
	<-time.After(2 * time.Second)
	start := time.Now()
	removed, err := sessionstore.Prune(b.Context(), store)
	if err != nil || removed > n {
		b.Fatalf("Prune: %d removed of %d, %v", removed, n, err)
	}
	if removed > 0 { // or the backend does it by itself
		b.ReportMetric(float64(time.Since(start))/float64(removed), "prune-ns")
	}
}

func sqlNumber(ctx context.Context, b *testing.B, db *sql.DB, query string, args ...any) (n int64) {
	b.Helper()
	if err := db.QueryRowContext(ctx, query, args...).Scan(&n); err != nil {
		b.Fatal(err)
	}
	return n
}

// emptyMemcached also has the server take away what was flushed: it does so by and by.
func emptyMemcached(b *testing.B, client *memcache.Client) {
	b.Helper()
	if err := client.FlushAll(); err != nil {
		b.Fatal(err)
	}
	for range 300 {
		memcachedSays(b, "lru_crawler crawl all")
		if numberAfter(b, memcachedSays(b, "stats"), "STAT curr_items ") == 0 {
			return
		}
		<-time.After(100 * time.Millisecond)
	}
	b.Fatal("memcached is not empty half a minute after flush_all")
}

// memcachedSays sends what its client does not.
func memcachedSays(b *testing.B, command string) string {
	b.Helper()
	var d net.Dialer
	conn, err := d.DialContext(b.Context(), "tcp", os.Getenv("CLOAKROOM_MEMCACHE_ADDR"))
	if err == nil {
		_, err = fmt.Fprintf(conn, "%s\r\nquit\r\n", command)
	}
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = conn.Close() }() // it has said all
	said, err := io.ReadAll(conn)
	if err != nil {
		b.Fatal(err)
	}
	return string(said)
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

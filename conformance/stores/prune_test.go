package stores_test

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cloakroom-go/cloakroom/conformance/stores/internal/servers"
	"github.com/cloakroom-go/cloakroom/core/sessionstore"
	sqlstore "github.com/cloakroom-go/cloakroom/store-sql"
)

// pruned says how many rows tests prune while others read. CLOAKROOM_PRUNE_ROWS
// replaces it, by 1000000 to measure; only then does the time that reads take decide.
func pruned(t *testing.T) (rows int, measured bool) {
	t.Helper()
	s := os.Getenv("CLOAKROOM_PRUNE_ROWS")
	if s == "" {
		return 5_000, false
	}
	rows, err := strconv.Atoi(s)
	if err != nil {
		t.Fatal(err)
	}
	return rows, true
}

// pruneUnderReads has two processes' worth of Prune remove the expired rows while two
// others read live records.
func pruneUnderReads(t *testing.T, open func() sessionstore.Store, live []string) {
	t.Helper()
	const idleReads, limit = 2000, 100 * time.Millisecond
	rows, measured := pruned(t)
	reader := open()
	idle := readInTurn(t, reader, live, func(n int) bool { return n < idleReads })

	var removed atomic.Int64
	var pruners sync.WaitGroup
	var done atomic.Bool
	start := time.Now()
	for range 2 {
		store := open()
		pruners.Go(func() {
			n, err := sessionstore.Prune(t.Context(), store)
			if err != nil {
				t.Errorf("Prune: %v", err)
			}
			removed.Add(int64(n))
		})
	}
	go func() { pruners.Wait(); done.Store(true) }()
	busy := readInTurn(t, reader, live, func(int) bool { return !done.Load() })

	t.Logf("%d rows pruned in %v; %v; idle: %v", removed.Load(), time.Since(start).Round(time.Millisecond), busy, idle)
	if removed.Load() != int64(rows) {
		t.Errorf("two pruners count %d rows, want %d", removed.Load(), rows)
	}
	if p99 := busy.at(99); measured && p99 > limit {
		t.Errorf("the 99th percentile of a read is %v, want %v at most", p99, limit)
	}
	readInTurn(t, reader, live, func(n int) bool { return n < len(live) })
}

// durations of reads, sorted.
type durations []time.Duration

func (d durations) at(percent int) time.Duration {
	return d[(len(d)-1)*percent/100].Round(time.Microsecond)
}

func (d durations) String() string {
	return fmt.Sprintf("%d reads, median %v, p99 %v, longest %v", len(d), d.at(50), d.at(99), d.at(100))
}

// readInTurn loads the records in turn, in two goroutines, while more says so of how
// many each has read.
func readInTurn(t *testing.T, store sessionstore.Store, ids []string, more func(n int) bool) durations {
	t.Helper()
	var mu sync.Mutex
	var took durations
	var readers sync.WaitGroup
	for offset := range 2 {
		readers.Go(func() {
			for n := 0; n == 0 || more(n); n++ {
				start := time.Now()
				r, err := store.Load(context.WithoutCancel(t.Context()), ids[(n+offset*len(ids)/2)%len(ids)])
				if err != nil || r.Version == 0 {
					t.Errorf("Load: version %d, %v", r.Version, err)
					return
				}
				mu.Lock()
				took = append(took, time.Since(start))
				mu.Unlock()
			}
		})
	}
	readers.Wait()
	slices.Sort(took)
	return took
}

func TestSqlitePruneUnderReads(t *testing.T) { //nolint:paralleltest // it measures time
	for driver := range sqliteDrivers { //nolint:paralleltest // the same
		t.Run(driver, func(t *testing.T) {
			file := sqliteFile(t, driver)
			live := sqlFill(t, sqliteDB(t, file), sqliteStore(t, file), sqlExpired{
				table: "cloakroom_sessions", second: int64(time.Second),
				id: "substr(hex(randomblob(22)), 1, 43)", number: "abs(random())",
			})
			pruneUnderReads(t, func() sessionstore.Store { return sqliteStore(t, file) }, live)
		})
	}
}

func TestMysqlPruneUnderReads(t *testing.T) { //nolint:paralleltest // it measures time
	servers.Each(t, servers.MySQL, func(t *testing.T, s *servers.Server) { //nolint:thelper // it is the test
		config := mysqlConfig(t, s.URL)
		db := mysqlDB(t, config)
		table := mysqlTable(t, db)
		live := sqlFill(t, db, mysqlStore(t, db, table), sqlExpired{
			table: "`" + table + "`", second: int64(time.Second / time.Microsecond),
			id: "LEFT(SHA2(CONCAT(RAND(), RAND(), id), 256), 43)", number: "FLOOR(RAND() * 1000000)",
		})
		pruneUnderReads(t, func() sessionstore.Store { return mysqlStore(t, mysqlDB(t, config), table) }, live)
	})
}

// sqlExpired says how a database makes rows.
type sqlExpired struct {
	table      string
	second     int64  // in units of the column expires
	id, number string // random, in SQL
}

// sqlFill writes expired rows, each from one that is there, and live ones, of which it
// returns the ids.
func sqlFill(t *testing.T, db *sql.DB, store *sqlstore.Store, e sqlExpired) []string {
	t.Helper()
	expired, measured := pruned(t)
	past := time.Now().Unix() * e.second
	sqlExec(t, db, "INSERT INTO "+e.table+" (id, data, subject, expires, version) VALUES (?, ?, '', ?, 1)",
		randomID(), make([]byte, 300), past)
	for rows := 1; rows < expired; rows = min(2*rows, expired) {
		sqlExec(t, db, fmt.Sprintf(`INSERT INTO %[1]s (id, data, subject, expires, version)
			SELECT %[2]s, data, %[3]s %% 1000, %[4]d - %[3]s %% (3600 * %[5]d), 1 FROM %[1]s LIMIT %[6]d`,
			e.table, e.id, e.number, past, e.second, min(rows, expired-rows)))
	}
	live := make([]string, 200)
	if measured {
		live = make([]string, 1000)
	}
	for i := range live {
		live[i], _ = created(t, store)
	}
	return live
}

package stores_test

import (
	"context"
	"os"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
	postgresstore "github.com/cloakroom-go/cloakroom/store-postgres"
)

// TestPostgresPruneUnderReads has two processes' worth of Prune remove many rows
// while others read. CLOAKROOM_PRUNE_ROWS says how many, 1000000 for the figure
// in the store's README; only then does the time that reads take decide.
func TestPostgresPruneUnderReads(t *testing.T) { //nolint:paralleltest // it measures time
	const live, limit = 1000, 100 * time.Millisecond
	rows := 20_000
	if s := os.Getenv("CLOAKROOM_PRUNE_ROWS"); s != "" {
		var err error
		if rows, err = strconv.Atoi(s); err != nil {
			t.Fatal(err)
		}
	}
	server := postgres(t)
	pool := postgresPool(t, server)
	table := postgresTable(t, pool)
	ids := postgresFill(t, pool, table, rows, live)

	var removed atomic.Int64
	var pruners sync.WaitGroup
	start := time.Now()
	for range 2 {
		store := postgresStore(t, postgresPool(t, server), table)
		pruners.Go(func() {
			n, err := store.Prune(t.Context())
			if err != nil {
				t.Errorf("Prune: %v", err)
			}
			removed.Add(int64(n))
		})
	}
	pruned, stop := context.WithCancel(t.Context())
	go func() { pruners.Wait(); stop() }()
	took := postgresReads(t, pruned, postgresStore(t, pool, table), ids)

	slices.Sort(took)
	p99 := took[len(took)*99/100]
	t.Logf("%d rows pruned in %v; %d reads meanwhile: median %v, p99 %v, longest %v",
		removed.Load(), time.Since(start).Round(time.Millisecond), len(took), took[len(took)/2], p99, took[len(took)-1])
	if removed.Load() != int64(rows) {
		t.Errorf("two pruners count %d rows, want %d", removed.Load(), rows)
	}
	if measured := os.Getenv("CLOAKROOM_PRUNE_ROWS") != ""; measured && p99 > limit {
		t.Errorf("the 99th percentile of a read is %v, want %v at most", p99, limit)
	}
	for _, id := range ids {
		if _, err := postgresStore(t, pool, table).Load(t.Context(), id); err != nil {
			t.Fatalf("Load of a live record after Prune: %v", err)
		}
	}
}

// postgresFill writes expired rows and live ones, as they would be an hour later,
// and returns the ids of those that live.
func postgresFill(t *testing.T, pool *pgxpool.Pool, table string, expired, live int) []string {
	t.Helper()
	postgresExec(t, pool, `INSERT INTO `+table+`
		SELECT translate(rpad(encode(sha256(n::text::bytea), 'base64'), 43), '+/', '-_'), sha256(n::text::bytea), 'user-' || n % 1000,
			now() + CASE WHEN n > $1::int THEN interval '1 hour' ELSE interval '-1 second' * (n % 3600 + 1) END, n
		FROM generate_series(1, $1::int + $2::int) AS n`, expired, live)
	postgresExec(t, pool, `ANALYZE `+table)
	var ids []string
	if err := pool.QueryRow(t.Context(), `SELECT array_agg(id) FROM `+table+` WHERE expires > now()`).Scan(&ids); err != nil {
		t.Fatal(err)
	}
	if len(ids) != live {
		t.Fatalf("%d rows are live, want %d", len(ids), live)
	}
	return ids
}

// postgresReads loads the records in turn, in two goroutines, until ctx is done,
// and returns how long each read took.
func postgresReads(t *testing.T, ctx context.Context, store *postgresstore.Store, ids []string) []time.Duration { //nolint:revive // t comes first
	t.Helper()
	var mu sync.Mutex
	var took []time.Duration
	var readers sync.WaitGroup
	for offset := range 2 {
		readers.Go(func() {
			for n := offset; n == offset || ctx.Err() == nil; n++ {
				start := time.Now()
				var r sessionstore.Record
				r, err := store.Load(context.WithoutCancel(ctx), ids[n%len(ids)])
				if err != nil || r.Version == 0 {
					t.Errorf("Load: %v", err)
					return
				}
				mu.Lock()
				took = append(took, time.Since(start))
				mu.Unlock()
			}
		})
	}
	readers.Wait()
	return took
}

package benchmarks

import (
	"context"
	"database/sql"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"

	"github.com/cloakroom-go/cloakroom/core/session"
	"github.com/cloakroom-go/cloakroom/core/sessionstore"
	sqlstore "github.com/cloakroom-go/cloakroom/store-sql"
)

// A caller makes the n-th call, on a record of 300 bytes.
type caller func(ctx context.Context, n int) error

// callers do the same in one place: the store, and the bare driver in one way or two.
type callers struct {
	store caller
	bare  map[string]caller
}

// BenchmarkCall compares a call of a store with the bare driver's that does the same; for
// store-sql, that is its statement, sent as text and prepared once. They take turns, a few
// calls each, so that a busy machine slows all of them. It reports what the store's call
// takes as a multiple of each of the others: the median of the turns, and the quarters
// that the middle half lies between.
func BenchmarkCall(b *testing.B) {
	for backend, open := range map[string]callOpener{
		"redis": redisCalls, "memcached": memcachedCalls, "postgres": postgresCalls, "file": fileCalls,
	} {
		b.Run(backend, func(b *testing.B) {
			load, update, missing := open(b)
			if missing != "" {
				b.Skip(missing)
			}
			b.Run("load", func(b *testing.B) { inTurn(b, load) })
			b.Run("update", func(b *testing.B) { inTurn(b, update) })
		})
	}
	for driver := range sqlitePragmas {
		b.Run(driver, func(b *testing.B) { call(b, sqliteFile(b, driver), sqlstore.SQLite) })
	}
	for name, interpolate := range map[string]bool{"mysql-interpolated": true, "mysql": false} {
		b.Run(name, func(b *testing.B) {
			db, missing := mysqlPool(b)
			if db == nil {
				b.Skip(missing)
			}
			config, err := mysql.ParseDSN(mysqlDSN())
			if err != nil {
				b.Fatal(err)
			}
			config.InterpolateParams = interpolate
			connector, err := mysql.NewConnector(config)
			if err != nil {
				b.Fatal(err)
			}
			db = sql.OpenDB(connector)
			defer func() { _ = db.Close() }() // only measured
			call(b, db, sqlstore.MySQL)
		})
	}
}

func call(b *testing.B, db *sql.DB, d sqlstore.Dialect) {
	b.Helper()
	load, update := sqlCalls(b, db, d)
	b.Run("load", func(b *testing.B) { inTurn(b, load) })
	b.Run("update", func(b *testing.B) { inTurn(b, update) })
}

func inTurn(b *testing.B, c callers) {
	b.Helper()
	const calls = 20
	names := append([]string{"store"}, slices.Sorted(maps.Keys(c.bare))...)
	ways := []caller{c.store}
	for _, name := range names[1:] {
		ways = append(ways, c.bare[name])
	}
	took := make([][]float64, len(ways))
	n := 0
	for turn := 0; b.Loop(); turn++ {
		for i := range ways {
			way := (turn + i) % len(ways)
			start := time.Now()
			for range calls {
				n++
				ctx, cancel := sessionstore.WithDeadlineOnly(b.Context(), start.Add(session.DefaultStoreTimeout)) // as in a request
				if err := ways[way](ctx, n); err != nil {
					b.Fatal(err)
				}
				cancel()
			}
			took[way] = append(took[way], float64(time.Since(start))/calls)
		}
	}
	for way, name := range names[1:] {
		ratios := make([]float64, len(took[0]))
		for i := range ratios {
			ratios[i] = took[0][i] / took[way+1][i]
		}
		slices.Sort(ratios)
		for quarter, at := range []string{1: "-from", 2: "", 3: "-to"} {
			if quarter > 0 {
				b.ReportMetric(ratios[quarter*(len(ratios)-1)/4], "x-"+name+at)
			}
		}
	}
	slices.Sort(took[0])
	b.ReportMetric(took[0][len(took[0])/2], "ns/call")
	b.ReportMetric(0, "ns/op") // of a turn
}

// sqlCalls returns what the store sends, from the store and from us.
func sqlCalls(b *testing.B, db *sql.DB, d sqlstore.Dialect) (load, update callers) {
	b.Helper()
	table := unique()
	store := openSQLStore(b, db, d, table)
	data, expires := make([]byte, 300), time.Now().Add(lifetime)
	ids, versions := make([]string, 1000), make([]int64, 1000)
	for i := range ids {
		ids[i], versions[i] = randomID(), 1
		if err := store.Create(b.Context(), ids[i], sessionstore.Record{Data: data, Expires: expires, Version: 1}); err != nil {
			b.Fatal(err)
		}
	}
	now, unit := "?", int64(time.Nanosecond)
	if d == sqlstore.MySQL {
		now, unit = "TIMESTAMPDIFF(MICROSECOND, TIMESTAMP'1970-01-01 00:00:00', UTC_TIMESTAMP(6))", int64(time.Microsecond)
	}
	timed := func(args ...any) []any {
		if now == "?" {
			args = append(args, time.Now().UnixNano())
		}
		return args
	}
	selects := "SELECT id, data, subject, expires, version FROM " + table + " WHERE id = ? AND (version = 0 OR expires > " + now + ")"
	updates := "UPDATE " + table + " SET data = ?, subject = ?, expires = ?, version = ? " +
		"WHERE id = ? AND version <> 0 AND version = ? AND expires > " + now
	prepare := func(statement string) *sql.Stmt {
		s, err := db.PrepareContext(b.Context(), statement)
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { _ = s.Close() }) // only measured
		return s
	}
	selected, updated := prepare(selects), prepare(updates)

	load.bare, update.bare = make(map[string]caller), make(map[string]caller)
	load.store = func(ctx context.Context, n int) error {
		_, err := store.Load(ctx, ids[n%len(ids)])
		return err
	}
	read := func(row *sql.Row) error {
		var id, subject string
		var data []byte
		var expires, version int64
		return row.Scan(&id, &data, &subject, &expires, &version)
	}
	load.bare["text"] = func(ctx context.Context, n int) error {
		return read(db.QueryRowContext(ctx, selects, timed(ids[n%len(ids)])...))
	}
	load.bare["prepared"] = func(ctx context.Context, n int) error {
		return read(selected.QueryRowContext(ctx, timed(ids[n%len(ids)])...))
	}

	next := func(n int) (id string, old, version int64) {
		i := n % len(ids)
		versions[i]++
		return ids[i], versions[i] - 1, versions[i]
	}
	update.store = func(ctx context.Context, n int) error {
		id, old, version := next(n)
		r := sessionstore.Record{Data: data, Expires: expires, Version: sessionstore.Version(version)}
		return store.Update(ctx, id, sessionstore.Version(old), r)
	}
	args := func(n int) []any {
		id, old, version := next(n)
		return timed(data, "", expires.UnixNano()/unit, version, id, old)
	}
	written := func(r sql.Result, err error) error {
		if err != nil {
			return err
		}
		if n, err := r.RowsAffected(); n != 1 || err != nil {
			return fmt.Errorf("%d rows are written, %w", n, err)
		}
		return nil
	}
	update.bare["text"] = func(ctx context.Context, n int) error { return written(db.ExecContext(ctx, updates, args(n)...)) }
	update.bare["prepared"] = func(ctx context.Context, n int) error { return written(updated.ExecContext(ctx, args(n)...)) }
	return load, update
}

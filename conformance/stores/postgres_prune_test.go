package stores_test

import (
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

func TestPostgresPruneUnderReads(t *testing.T) { //nolint:paralleltest // it measures time
	server := postgres(t)
	pool := postgresPool(t, server)
	table := postgresTable(t, pool)
	rows, _ := pruned(t)
	live := postgresFill(t, pool, table, rows, 1000)
	pruneUnderReads(t, func() sessionstore.Store { return postgresStore(t, postgresPool(t, server), table) }, live)
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

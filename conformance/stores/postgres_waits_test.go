package stores_test

import (
	"errors"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
	postgresstore "github.com/cloakroom-go/cloakroom/store-postgres"
)

// TestPostgresWaits has each write wait for another transaction and shows that it
// judges what that one has left, not what was there when it began.
func TestPostgresWaits(t *testing.T) {
	t.Parallel()
	pool := postgresPool(t, postgres(t))
	table := postgresTable(t, pool)
	store := postgresStore(t, pool, table)
	changes := map[string]string{
		"touched": `UPDATE ` + table + ` SET expires = expires + interval '1 hour' WHERE id = $1`,
		"updated": `UPDATE ` + table + ` SET version = 99 WHERE id = $1`,
		"expired": `UPDATE ` + table + ` SET expires = clock_timestamp() WHERE id = $1`,
		"deleted": `DELETE FROM ` + table + ` WHERE id = $1`,
	}
	for _, c := range []struct {
		method string
		call   func(*postgresstore.Store, string, sessionstore.Record) error
		want   map[string]error // by change; success if missing
	}{
		{
			"Create", func(s *postgresstore.Store, id string, r sessionstore.Record) error {
				r.Version = 8
				return s.Create(t.Context(), id, r)
			},
			map[string]error{"touched": sessionstore.ErrExists, "updated": sessionstore.ErrExists},
		},
		{
			"Update", func(s *postgresstore.Store, id string, r sessionstore.Record) error {
				old := r.Version
				r.Version = 8
				return s.Update(t.Context(), id, old, r)
			},
			map[string]error{
				"updated": sessionstore.ErrConflict, "expired": sessionstore.ErrNotFound, "deleted": sessionstore.ErrNotFound,
			},
		},
		{
			"Touch", func(s *postgresstore.Store, id string, r sessionstore.Record) error {
				return s.Touch(t.Context(), id, r.Version, r.Expires.Add(time.Minute))
			},
			map[string]error{
				"updated": sessionstore.ErrConflict, "expired": sessionstore.ErrNotFound, "deleted": sessionstore.ErrNotFound,
			},
		},
		{
			"Delete", func(s *postgresstore.Store, id string, _ sessionstore.Record) error {
				return s.Delete(t.Context(), id)
			},
			nil,
		},
	} {
		for change, sql := range changes {
			id, r := created(t, store)
			err := postgresBlocked(t, pool, table, id,
				func() error { return c.call(store, id, r) },
				func(tx pgx.Tx) { postgresExec(t, tx, sql, id) })
			if !errors.Is(err, c.want[change]) {
				t.Errorf("%s of a record that is %s meanwhile: %v, want %v", c.method, change, err, c.want[change])
			}
			if _, err := store.Load(t.Context(), id); c.method == "Delete" && !errors.Is(err, sessionstore.ErrNotFound) {
				t.Errorf("Load after Delete of a record that was %s meanwhile: %v", change, err)
			}
		}
	}
}

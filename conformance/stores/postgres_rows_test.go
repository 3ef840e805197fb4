package stores_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
	postgresstore "github.com/cloakroom-go/cloakroom/store-postgres"
)

// A postgresRow is one that no store writes, in SQL. What it leaves out is a record's.
type postgresRow struct{ id, data, subject, expires, version string }

// postgresForeign are rows for which nothing else says that they have ended.
var postgresForeign = map[string]postgresRow{ //nolint:gochecknoglobals // a table
	"no id":                     {id: `''`},
	"a short id":                {id: `'short'`},
	"an id of other signs":      {id: `repeat('!', 43)`},
	"an id of another alphabet": {id: `repeat('é', 43)`},
	"an id behind all others":   {id: `repeat('~', 44)`},
	"an id that looks like SQL": {id: `E'\\''; --'`},
	"an id too long to be told": {id: `repeat('x', 8000)`},
	"a huge id":                 {id: `repeat('x', 100000)`},
	"a subject too long":        {subject: `repeat('s', 256)`},
	"a huge subject":            {subject: `repeat('s', 100000)`},
	"version zero":              {version: `0`},
	"version zero, always over": {version: `0`, expires: `'-infinity'`},
	"version zero, before":      {version: `0`, expires: `'4714-11-24 00:00:00+00 BC'`},
	"no end":                    {expires: `'infinity'`},
	"the last year":             {expires: `'294276-12-31 23:59:59.999999+00'`},
	"a year of five digits":     {expires: `'10000-01-01 00:00:00+00'`},
	"a moment after any record": {expires: `'2262-04-11 23:47:15.000001+00'`},
}

func (r postgresRow) insert(t *testing.T, db postgresstore.DB, table, id string) {
	t.Helper()
	or := func(expression, record string) string {
		if expression == "" {
			return record
		}
		return expression
	}
	postgresExec(t, db, `INSERT INTO `+table+` VALUES (`+strings.Join([]string{
		or(r.id, `'`+id+`'`), or(r.data, `''`), or(r.subject, `'somebody'`), or(r.expires, `now() + interval '1 hour'`), or(r.version, `5`),
	}, `, `)+`)`)
}

// postgresEachMode has each way in which pgx sends statements. With two of them rows come
// as text.
func postgresEachMode(t *testing.T, f func(t *testing.T, server *pgxpool.Config)) {
	t.Helper()
	for _, mode := range []pgx.QueryExecMode{
		pgx.QueryExecModeCacheStatement, pgx.QueryExecModeCacheDescribe, pgx.QueryExecModeDescribeExec,
		pgx.QueryExecModeExec, pgx.QueryExecModeSimpleProtocol,
	} {
		t.Run(mode.String(), func(t *testing.T) {
			t.Parallel()
			server := postgres(t)
			server.ConnConfig.DefaultQueryExecMode = mode
			server.ConnConfig.RuntimeParams["client_encoding"] = "UTF8" // as the simple protocol wants it
			f(t, server)
		})
	}
}

// TestPostgresForeignRows has rows that somebody else has written: a session is neither made
// of one, nor hidden by it, nor kept from its end.
func TestPostgresForeignRows(t *testing.T) {
	t.Parallel()
	postgresEachMode(t, func(t *testing.T, server *pgxpool.Config) {
		t.Helper()
		pool := postgresPool(t, server)
		table := postgresTable(t, pool)
		for _, notify := range []bool{false, true} {
			store := postgresStoreOf(t, pool, postgresstore.Options{Table: table, Notify: notify})
			for what, row := range postgresForeign {
				t.Run(what, func(t *testing.T) { // one after the other: each has the table to itself
					row.wantNone(t, pool, store, table)
				})
			}
		}
	})
}

func (r postgresRow) wantNone(t *testing.T, db postgresstore.DB, store *postgresstore.Store, table string) {
	t.Helper()
	postgresExec(t, db, `DELETE FROM `+table)
	mine, record := createdFor(t, store, "somebody")
	id := randomID()
	r.insert(t, db, table, id)
	if r.id == "" {
		r.wantLeft(t, db, store, table, id)
	}
	if n, err := store.Prune(t.Context()); n != 0 || err != nil {
		t.Errorf("Prune: %d, %v, want 0", n, err)
	}

	r.wantListed(t, store, id, mine)
	wantVersion(t, "Load", store, mine, record.Version)

	if n, err := store.DeleteSubject(t.Context(), "somebody"); n < 1 || err != nil {
		t.Errorf("DeleteSubject: %d, %v", n, err)
	}
	if n := postgresRows(t, db, table); r.subject == "" && n != 0 {
		t.Errorf("DeleteSubject leaves %d rows", n)
	}
	if r.subject == "" {
		r.insert(t, db, table, id)
	}
	created(t, store)
	if n, err := store.DeleteAll(t.Context()); n < 1 || err != nil {
		t.Errorf("DeleteAll: %d, %v", n, err)
	}
	if n := postgresRows(t, db, table); n != 0 {
		t.Errorf("DeleteAll leaves %d rows", n)
	}
}

// wantListed has the row beside one that is a record.
func (r postgresRow) wantListed(t *testing.T, store *postgresstore.Store, id, mine string) {
	t.Helper()
	var good, corrupt int
	for e, err := range store.Scan(t.Context()) {
		switch {
		case err == nil && e.ID == mine:
			good++
		case errors.Is(err, sessionstore.ErrCorrupt) && e.ID != mine && (e.ID == id || r.id != ""):
			corrupt++
		default:
			t.Errorf("Scan: %.100q, %v", e.ID, err)
		}
	}
	if good != 1 || corrupt != 1 {
		t.Errorf("Scan: %d good and %d corrupt, want one of each", good, corrupt)
	}
	list, err := store.ListSubject(t.Context(), "somebody")
	if len(list) != 1 || list[0].ID != mine || errors.Is(err, sessionstore.ErrCorrupt) != (r.subject == "") {
		t.Errorf("ListSubject: %d, %v, want the other one, and ErrCorrupt", len(list), err)
	}
}

// wantLeft has each method meet the row under id, by its version and by another. Those that
// are given its version don't look at the subject.
func (r postgresRow) wantLeft(t *testing.T, db postgresstore.DB, store *postgresstore.Store, table, id string) {
	t.Helper()
	const own, other = 5, 6
	record := sessionstore.Record{Data: []byte("data"), Expires: time.Now().Add(time.Hour)}
	was := postgresDigest(t, db, table, id)
	want := func(method string, old sessionstore.Version, err error) {
		t.Helper()
		if !errors.Is(err, sessionstore.ErrCorrupt) {
			t.Errorf("%s of version %d, by %d: %v, want ErrCorrupt", method, old, record.Version, err)
		}
		if postgresDigest(t, db, table, id) != was {
			t.Fatalf("%s of version %d, by %d, changes it", method, old, record.Version)
		}
	}
	for _, record.Version = range []sessionstore.Version{own, other} {
		_, err := store.Load(t.Context(), id)
		want("Load", 0, err)
		want("Create", 0, store.Create(t.Context(), id, record))
		for _, old := range []sessionstore.Version{0, own, other} {
			if old == own && r.subject != "" {
				continue
			}
			want("Update", old, store.Update(t.Context(), id, old, record))
			want("Touch", old, store.Touch(t.Context(), id, old, record.Expires))
		}
	}
}

// TestPostgresForeignRowsThatAreOver has rows that are none of a store's either, and that
// have ended: they are in nobody's way.
func TestPostgresForeignRowsThatAreOver(t *testing.T) {
	t.Parallel()
	postgresEachMode(t, func(t *testing.T, server *pgxpool.Config) {
		t.Helper()
		pool := postgresPool(t, server)
		table := postgresTable(t, pool)
		store := postgresStore(t, pool, table)
		for what, row := range map[string]postgresRow{
			"always":             {expires: `'-infinity'`},
			"before Christ":      {expires: `'4714-11-24 00:00:00+00 BC'`},
			"a subject too long": {expires: `now()`, subject: `repeat('s', 256)`},
			"no id":              {expires: `now()`, id: `''`},
			"a huge id":          {expires: `now()`, id: `repeat('x', 100000)`},
		} {
			mine, record := createdFor(t, store, "somebody")
			id := randomID()
			row.insert(t, pool, table, id)
			list, err := store.ListSubject(t.Context(), "somebody")
			if len(list) != 1 || list[0].ID != mine || err != nil {
				t.Errorf("%s: ListSubject: %d, %v, want the other one", what, len(list), err)
			}
			for e, err := range store.Scan(t.Context()) {
				if e.ID != mine || err != nil {
					t.Errorf("%s: Scan: %.100q, %v, want the other one", what, e.ID, err)
				}
			}
			if n, err := store.Prune(t.Context()); n != 1 || err != nil {
				t.Errorf("%s: Prune: %d, %v, want 1", what, n, err)
			}
			if row.id == "" {
				row.insert(t, pool, table, id)
				_, err := store.Load(t.Context(), id)
				for method, err := range map[string]error{
					"Load":   err,
					"Update": store.Update(t.Context(), id, 5, record),
					"Touch":  store.Touch(t.Context(), id, 5, record.Expires),
				} {
					if !errors.Is(err, sessionstore.ErrNotFound) {
						t.Errorf("%s: %s: %v, want ErrNotFound", what, method, err)
					}
				}
				if err := store.Create(t.Context(), id, record); err != nil {
					t.Errorf("%s: Create: %v", what, err)
				}
				wantVersion(t, what+": Load", store, id, record.Version)
			}
			if _, err := store.DeleteAll(t.Context()); err != nil || postgresRows(t, pool, table) != 0 {
				t.Errorf("%s: DeleteAll: %v, and %d rows are left", what, err, postgresRows(t, pool, table))
			}
		}
	})
}

// TestPostgresDataThatIsTooLarge has a row with more data than any store writes. PostgreSQL
// can't send a still larger one as text, nor the rows beside it.
func TestPostgresDataThatIsTooLarge(t *testing.T) {
	t.Parallel()
	const size = 64<<20 + 1
	var read atomic.Int64
	server := postgres(t)
	dial := server.ConnConfig.DialFunc
	server.ConnConfig.DialFunc = func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := dial(ctx, network, addr)
		return meter{conn, &read}, err
	}
	pool := postgresPool(t, server)
	table := postgresTable(t, pool)
	store := postgresStore(t, pool, table)
	mine, record := createdFor(t, store, "somebody")
	record.Version++
	large := postgresRow{data: fmt.Sprintf(`decode(repeat('00', %d), 'hex')`, size)}
	id := randomID()
	large.insert(t, pool, table, id)
	_, errLoad := store.Load(t.Context(), id)
	for method, err := range map[string]error{"Load": errLoad, "Create": store.Create(t.Context(), id, record)} {
		if !errors.Is(err, sessionstore.ErrCorrupt) {
			t.Errorf("%s: %v, want ErrCorrupt", method, err)
		}
	}
	before := read.Load()
	large.wantListed(t, store, id, mine)
	if n := read.Load() - before; n >= size {
		t.Errorf("ListSubject and Scan read %d bytes: the row is sent", n)
	}
}

// A meter counts the bytes that are read from a connection.
type meter struct {
	net.Conn

	n *atomic.Int64
}

func (m meter) Read(b []byte) (int, error) {
	n, err := m.Conn.Read(b)
	m.n.Add(int64(n))
	return n, err
}

func postgresRows(t *testing.T, db postgresstore.DB, table string) (n int) {
	t.Helper()
	if err := db.QueryRow(t.Context(), `SELECT count(*) FROM `+table, pgx.QueryExecModeExec).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func postgresDigest(t *testing.T, db postgresstore.DB, table, id string) (digest string) {
	t.Helper()
	err := db.QueryRow(t.Context(), `SELECT md5(kept::text) FROM `+table+` AS kept WHERE id = $1`, pgx.QueryExecModeExec, id).Scan(&digest)
	if err != nil {
		t.Fatal(err)
	}
	return digest
}

package stores_test

import (
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
	sqlstore "github.com/cloakroom-go/cloakroom/store-sql"
)

// A sqlRow is one that no store writes, in SQL. What it leaves out is a record's.
type sqlRow struct {
	id, data, subject, expires, version string

	hidden   bool // Scan passes over it
	unlisted bool // it is nobody's
	replaced bool // who names its version doesn't look at what is foreign
}

// sqlForeign are rows for which nothing else says that they have ended.
var sqlForeign = map[string]sqlRow{ //nolint:gochecknoglobals // a table
	"no id":                     {id: `''`, hidden: true},
	"a short id":                {id: `'short'`},
	"an id of other signs":      {id: `'` + strings.Repeat("!", 43) + `'`},
	"an id behind all others":   {id: `'` + strings.Repeat("~", 44) + `'`, hidden: true},
	"an id that looks like SQL": {id: `'''; --'`},
	"a subject too long":        {subject: `'` + strings.Repeat("s", 256) + `'`, unlisted: true, replaced: true},
	"a subject with a NUL byte": {subject: `CAST(X'610062' AS CHAR)`, unlisted: true, replaced: true},
	"a subject not UTF-8":       {subject: `X'FF'`, unlisted: true, replaced: true},
	"version zero":              {version: `0`},
	"version zero, long over":   {version: `0`, expires: `1`},
	"version zero, before 1970": {version: `0`, expires: `-9223372036854775808`},
	"no end":                    {expires: `9223372036854775807`},
	"NULL for data":             {data: `NULL`, replaced: true},
	"NULL for a subject":        {subject: `NULL`, unlisted: true, replaced: true},
	"NULL for an expiry":        {expires: `NULL`},
	"NULL for a version":        {version: `NULL`},
	"NULL for it, long over":    {version: `NULL`, expires: `1`},
}

// A sqlTable is one without the constraints of the schema.
type sqlTable struct {
	db    *sql.DB
	name  string
	unit  time.Duration // of an expiry
	store *sqlstore.Store
}

func (table sqlTable) insert(t *testing.T, r sqlRow, id string) {
	t.Helper()
	or := func(expression, record string) string {
		if expression == "" {
			return record
		}
		return expression
	}
	sqlExec(t, table.db, `INSERT INTO `+table.name+` (id, data, subject, expires, version) VALUES (`+strings.Join([]string{
		or(r.id, `'`+id+`'`), or(r.data, `X''`), or(r.subject, `'somebody'`),
		or(r.expires, strconv.FormatInt(time.Now().Add(time.Hour).UnixNano()/int64(table.unit), 10)), or(r.version, `5`),
	}, `, `)+`)`)
}

func (table sqlTable) rows(t *testing.T) (n int) {
	t.Helper()
	if err := table.db.QueryRowContext(t.Context(), `SELECT count(*) FROM `+table.name).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// row returns all that a row has, as the driver reads it.
func (table sqlTable) row(t *testing.T, id string) string {
	t.Helper()
	var columns [4]any
	err := table.db.QueryRowContext(t.Context(), `SELECT data, subject, expires, version FROM `+table.name+` WHERE id = ?`, id).
		Scan(&columns[0], &columns[1], &columns[2], &columns[3])
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%T %[1]q %T %[2]q %T %[3]v %T %[4]v", columns[:]...)
}

// wantNone has each row in the table: a session is neither made of one, nor hidden by it,
// nor kept from its end.
func (table sqlTable) wantNone(t *testing.T, of ...map[string]sqlRow) {
	t.Helper()
	for _, rows := range of {
		for what, r := range rows {
			t.Run(what, func(t *testing.T) { // one after the other: each has the table to itself
				sqlExec(t, table.db, `DELETE FROM `+table.name)
				mine, record := createdFor(t, table.store, "somebody")
				id := randomID()
				table.insert(t, r, id)
				if r.id == "" {
					table.wantLeft(t, r, id)
				}
				if n, err := table.store.Prune(t.Context()); n != 0 || err != nil {
					t.Errorf("Prune: %d, %v, want 0", n, err)
				}
				table.wantListed(t, r, id, mine)
				wantVersion(t, "Load", table.store, mine, record.Version)

				if n, err := table.store.DeleteSubject(t.Context(), "somebody"); n < 1 || err != nil {
					t.Errorf("DeleteSubject: %d, %v", n, err)
				}
				if n := table.rows(t); (n == 0) == r.unlisted {
					t.Errorf("DeleteSubject leaves %d rows", n)
				}
				if !r.unlisted {
					table.insert(t, r, id)
				}
				for range 3 {
					created(t, table.store)
				}
				if n, err := table.store.DeleteAll(t.Context()); n < 3 || err != nil {
					t.Errorf("DeleteAll: %d, %v", n, err)
				}
				if n := table.rows(t); n != 0 {
					t.Errorf("DeleteAll leaves %d rows", n)
				}
			})
		}
	}
}

// wantListed has the row beside one that is a record.
func (table sqlTable) wantListed(t *testing.T, r sqlRow, id, mine string) {
	t.Helper()
	var good, corrupt int
	for e, err := range table.store.Scan(t.Context()) {
		switch {
		case err == nil && e.ID == mine:
			good++
		case errors.Is(err, sessionstore.ErrCorrupt) && e.ID != mine && (e.ID == id || r.id != ""):
			corrupt++
		default:
			t.Errorf("Scan: %.100q, %v", e.ID, err)
		}
	}
	if good != 1 || (corrupt == 1) == r.hidden || corrupt > 1 {
		t.Errorf("Scan: %d good and %d corrupt", good, corrupt)
	}
	list, err := table.store.ListSubject(t.Context(), "somebody")
	if len(list) != 1 || list[0].ID != mine || errors.Is(err, sessionstore.ErrCorrupt) == r.unlisted {
		t.Errorf("ListSubject: %d, %v, want the other one, and ErrCorrupt", len(list), err)
	}
}

// wantLeft has each method meet the row under id, by its version and by another.
func (table sqlTable) wantLeft(t *testing.T, r sqlRow, id string) {
	t.Helper()
	const own, other = 5, 6
	store, record := table.store, sessionstore.Record{Data: []byte("data"), Expires: time.Now().Add(time.Hour)}
	was := table.row(t, id)
	want := func(method string, old sessionstore.Version, err error) {
		t.Helper()
		if !errors.Is(err, sessionstore.ErrCorrupt) {
			t.Errorf("%s of version %d, by %d: %v, want ErrCorrupt", method, old, record.Version, err)
		}
		if is := table.row(t, id); is != was {
			t.Fatalf("%s of version %d, by %d, makes %s of %s", method, old, record.Version, is, was)
		}
	}
	for _, record.Version = range []sessionstore.Version{own, other} {
		_, err := store.Load(t.Context(), id)
		want("Load", 0, err)
		want("Create", 0, store.Create(t.Context(), id, record))
		for _, old := range []sessionstore.Version{0, own, other} {
			if old == own && r.replaced {
				continue
			}
			want("Update", old, store.Update(t.Context(), id, old, record))
			want("Touch", old, store.Touch(t.Context(), id, old, record.Expires))
		}
	}
}

// wantInNobodysWay has rows that are none of a store's either, and that have ended.
func (table sqlTable) wantInNobodysWay(t *testing.T, of ...map[string]sqlRow) {
	t.Helper()
	rows := map[string]sqlRow{"before 1970": {expires: `-9223372036854775808`}}
	for _, foreign := range append(of, sqlForeign) {
		maps.Copy(rows, foreign)
	}
	store := table.store
	for what, r := range rows {
		if r.version != "" || r.expires != "" && what != "before 1970" {
			continue
		}
		if r.expires == "" {
			r.expires = `1`
		}
		sqlExec(t, table.db, `DELETE FROM `+table.name)
		mine, record := createdFor(t, store, "somebody")
		id := randomID()
		table.insert(t, r, id)
		list, err := store.ListSubject(t.Context(), "somebody")
		if len(list) != 1 || list[0].ID != mine || err != nil {
			t.Errorf("%s: ListSubject: %d, %v, want the other one", what, len(list), err)
		}
		for e, err := range store.Scan(t.Context()) {
			if e.ID != mine || err != nil {
				t.Errorf("%s: Scan: %.100q, %v, want the other one", what, e.ID, err)
			}
		}
		if r.id == "" {
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
		} else if n, err := store.Prune(t.Context()); n != 1 && r.id != `''` || err != nil {
			t.Errorf("%s: Prune: %d, %v, want 1", what, n, err)
		}
		if _, err := store.DeleteAll(t.Context()); err != nil || table.rows(t) != 0 {
			t.Errorf("%s: DeleteAll: %v, and %d rows are left", what, err, table.rows(t))
		}
	}
}

// wantNotForeign has records of all sizes in the way.
func (table sqlTable) wantNotForeign(t *testing.T) {
	t.Helper()
	for _, data := range []string{"", "x", "xx", strings.Repeat("x", 100_000)} {
		id := randomID()
		r := sessionstore.Record{Data: []byte(data), Expires: time.Now().Add(time.Hour), Version: 5}
		if err := table.store.Create(t.Context(), id, r); err != nil {
			t.Fatal(err)
		}
		r.Version = 6
		for method, c := range map[string]struct{ err, want error }{
			"Create": {table.store.Create(t.Context(), id, r), sessionstore.ErrExists},
			"Update": {table.store.Update(t.Context(), id, 7, r), sessionstore.ErrConflict},
			"Touch":  {table.store.Touch(t.Context(), id, 7, r.Expires), sessionstore.ErrConflict},
		} {
			if !errors.Is(c.err, c.want) {
				t.Errorf("%s where a record has %d bytes of data: %v, want %v", method, len(data), c.err, c.want)
			}
		}
	}
}

package stores_test

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"

	"github.com/cloakroom-go/cloakroom/conformance/stores/internal/servers"
	"github.com/cloakroom-go/cloakroom/core/sessionstore"
	sqlstore "github.com/cloakroom-go/cloakroom/store-sql"
)

// mysqlServer returns where a server is that tests share.
func mysqlServer(t *testing.T) *mysql.Config {
	t.Helper()
	return mysqlConfig(t, servers.Any(t, servers.MySQL).URL)
}

// TestMysqlConnections shows that what a connection is set to makes no difference.
func TestMysqlConnections(t *testing.T) {
	t.Parallel()
	server := mysqlServer(t)
	table := mysqlTable(t, mysqlDB(t, server))
	plain := mysqlStore(t, mysqlDB(t, server), table)
	for name, set := range map[string]func(*mysql.Config){
		"a time zone":            func(c *mysql.Config) { c.Params = map[string]string{"time_zone": "'+13:00'"} },
		"parseTime and a place":  func(c *mysql.Config) { c.ParseTime, c.Loc = true, time.FixedZone("", 5*3600) },
		"matched rows":           func(c *mysql.Config) { c.ClientFoundRows = true },
		"prepared":               func(c *mysql.Config) { c.InterpolateParams = false },
		"prepared, matched rows": func(c *mysql.Config) { c.InterpolateParams, c.ClientFoundRows = false, true },
		"no strictness":          func(c *mysql.Config) { c.Params = map[string]string{"sql_mode": "''"} },
		"ANSI":                   func(c *mysql.Config) { c.Params = map[string]string{"sql_mode": "'ANSI,NO_BACKSLASH_ESCAPES'"} },
		"latin1":                 func(c *mysql.Config) { c.Params = map[string]string{"character_set_connection": "'latin1'"} },
		"utf16":                  func(c *mysql.Config) { c.Params = map[string]string{"character_set_connection": "'utf16'"} },
		"a few letters apart": func(c *mysql.Config) {
			c.Params = map[string]string{"character_set_client": "'latin1'", "character_set_connection": "'latin5'"}
		},
		"autocommit": func(c *mysql.Config) { c.Params = map[string]string{"autocommit": "1"} },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			config := server.Clone()
			set(config)
			store := mysqlStore(t, mysqlDB(t, config), table)
			id := randomID()
			subject := "é  " + id + strings.Repeat("ü", 100) + " " // the other subtests share the table
			r := sessionstore.Record{Subject: subject, Expires: time.Now().Add(time.Hour), Version: 1<<63 + 7}
			for b := range 1 << 8 {
				r.Data = append(r.Data, byte(b))
			}
			if err := store.Create(t.Context(), id, r); err != nil {
				t.Fatal(err)
			}
			if err := store.Touch(t.Context(), id, r.Version, r.Expires); err != nil {
				t.Errorf("Touch to the same expiry: %v", err)
			}
			if err := store.Touch(t.Context(), id, r.Version+1, r.Expires); !errors.Is(err, sessionstore.ErrConflict) {
				t.Errorf("Touch of another version: %v", err)
			}
			if err := store.Update(t.Context(), id, r.Version, r); err != nil {
				t.Errorf("Update that changes nothing: %v", err)
			}
			got, err := plain.Load(t.Context(), id)
			if err != nil || !bytes.Equal(got.Data, r.Data) || got.Subject != subject || got.Version != r.Version ||
				got.Expires.Sub(r.Expires) > time.Microsecond || got.Expires.Before(r.Expires) {
				t.Errorf("another connection reads %+v, %v, want %+v", got, err, r)
			}
			isIt := func(e sessionstore.Entry) bool { return e.ID == id }
			list, err := store.ListSubject(t.Context(), subject)
			if err != nil || !slices.ContainsFunc(list, isIt) {
				t.Errorf("ListSubject returns %d entries, %v", len(list), err)
			}
			for what, other := range map[string]string{
				"without accents": "e  " + id + strings.Repeat("u", 100) + " ", "cut": subject[:191], "trimmed": strings.TrimSpace(subject),
			} {
				if list, err := plain.ListSubject(t.Context(), other); err != nil || slices.ContainsFunc(list, isIt) {
					t.Errorf("ListSubject of the subject %s lists it: %v", what, err)
				}
			}
			if n, err := store.DeleteSubject(t.Context(), subject); err != nil || n < 1 {
				t.Errorf("DeleteSubject: %d, %v", n, err)
			}
		})
	}
}

// TestMysqlExpiresByTheServersClock has a table whose rows are a minute old or young,
// as applications would write them whose clocks are wrong.
func TestMysqlExpiresByTheServersClock(t *testing.T) {
	t.Parallel()
	db := mysqlDB(t, mysqlServer(t))
	table := mysqlTable(t, db)
	store := mysqlStore(t, db, table)
	live, dead := randomID(), randomID()
	for id, at := range map[string]string{live: "+ INTERVAL 1 MINUTE", dead: "- INTERVAL 1 MICROSECOND"} {
		sqlExec(t, db, "INSERT INTO `"+table+"` (id, data, subject, expires, version) "+
			"VALUES (?, '', '', TIMESTAMPDIFF(MICROSECOND, '1970-01-01', UTC_TIMESTAMP(6) "+at+"), 7)", id)
	}
	if r, err := store.Load(t.Context(), live); err != nil || time.Until(r.Expires).Abs() > time.Hour {
		t.Errorf("Load of what has a minute: expires %v, %v", r.Expires, err)
	}
	if _, err := store.Load(t.Context(), dead); !errors.Is(err, sessionstore.ErrNotFound) {
		t.Errorf("Load of what has expired: %v", err)
	}
	if n, err := store.Prune(t.Context()); n != 1 || err != nil {
		t.Errorf("Prune removes %d, %v, want 1", n, err)
	}
}

// TestMysqlCreatesAgainWhatHasExpired has a Create made again whose record has expired by
// then, by the server's clock: MySQL counts no row that holds already what is written.
func TestMysqlCreatesAgainWhatHasExpired(t *testing.T) {
	t.Parallel()
	server := mysqlServer(t)
	table := mysqlTable(t, mysqlDB(t, server))
	server.Params = map[string]string{"timestamp": strconv.FormatInt(time.Now().Add(2*time.Hour).Unix(), 10)}
	ahead := mysqlStore(t, mysqlDB(t, server), table)
	id, r := created(t, ahead) // for an hour
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := ahead.Create(ctx, id, r); err != nil {
		t.Errorf("Create made again: %v", err)
	}
	other := r
	other.Version++
	if err := ahead.Create(ctx, id, other); err != nil {
		t.Errorf("Create over one that has expired: %v", err)
	}
}

// TestMysqlRefusesConnections has one that would keep what it writes to itself, in a
// transaction whose snapshot never ends, some that would change the bytes of data, or take
// a quote in them for the end, and one to which an empty subject is NULL.
func TestMysqlRefusesConnections(t *testing.T) {
	t.Parallel()
	server := mysqlServer(t)
	table := mysqlTable(t, mysqlDB(t, server))
	charset := func(name string) func(*mysql.Config) {
		return func(c *mysql.Config) {
			if err := c.Apply(mysql.Charset(name, "")); err != nil {
				t.Error(err)
			}
		}
	}
	for name, c := range map[string]struct {
		set  func(*mysql.Config)
		word string
	}{
		"no autocommit": {func(c *mysql.Config) { c.Params = map[string]string{"autocommit": "0"} }, "autocommit"},
		"prepared, converted": {func(c *mysql.Config) {
			c.InterpolateParams, c.Params = false, map[string]string{"character_set_connection": "'latin1'"}
		}, "character_set_connection"},
		"prepared, a few letters converted": {func(c *mysql.Config) {
			c.InterpolateParams = false
			c.Params = map[string]string{"character_set_client": "'latin1'", "character_set_connection": "'latin5'"}
		}, "character_set_connection"},
		"gbk":   {charset("gbk"), "utf8mb4"},
		"sjis":  {charset("sjis"), "utf8mb4"},
		"cp932": {charset("cp932"), "utf8mb4"},
		"big5":  {charset("big5"), "utf8mb4"},
		"an empty string is NULL": {func(c *mysql.Config) {
			c.Params = map[string]string{"sql_mode": "'EMPTY_STRING_IS_NULL'"}
		}, "EMPTY_STRING_IS_NULL"},
	} {
		config := server.Clone()
		c.set(config)
		db := mysqlDB(t, config)
		if err := db.PingContext(t.Context()); err != nil && strings.Contains(err.Error(), "sql_mode") {
			continue // MySQL has no such mode
		}
		store := func() *sqlstore.Store { return mysqlStore(t, db, table) } // one that has not asked yet
		_, errList := store().ListSubject(t.Context(), "日本語' OR 1 -- ")
		_, errDelete := store().DeleteSubject(t.Context(), "日本語' OR 1 -- ")
		_, errLoad := store().Load(t.Context(), randomID())
		for method, err := range map[string]error{
			"Create":        store().Create(t.Context(), randomID(), sessionstore.Record{Expires: time.Now().Add(time.Hour), Version: 1}),
			"Migrate":       store().Migrate(t.Context()),
			"Load":          errLoad,
			"Touch":         store().Touch(t.Context(), randomID(), 1, time.Now().Add(time.Hour)),
			"Delete":        store().Delete(t.Context(), randomID()),
			"ListSubject":   errList,
			"DeleteSubject": errDelete,
		} {
			wantNoSentinel(t, err)
			if err == nil || !strings.Contains(err.Error(), c.word) {
				t.Errorf("%s: %s: %v, want it to be refused for its %s", name, method, err, c.word)
			}
		}
	}
}

// TestMysqlFirstCall has the first call of a store over a connection on which the server
// would look for another id than the one that it is given, if it were prepared.
func TestMysqlFirstCall(t *testing.T) {
	t.Parallel()
	server := mysqlServer(t)
	table := mysqlTable(t, mysqlDB(t, server))
	plain := mysqlStore(t, mysqlDB(t, server), table)
	id, r := created(t, plain)
	server.Params = map[string]string{"character_set_connection": "'ucs2'"}
	db := mysqlDB(t, server)
	wantVersion(t, "Load", mysqlStore(t, db, table), id, r.Version)
	if err := mysqlStore(t, db, table).Touch(t.Context(), id, r.Version, r.Expires.Add(time.Second)); err != nil {
		t.Errorf("Touch: %v", err)
	}
	if err := mysqlStore(t, db, table).Delete(t.Context(), id); err != nil {
		t.Errorf("Delete: %v", err)
	}
	if _, err := plain.Load(t.Context(), id); !errors.Is(err, sessionstore.ErrNotFound) {
		t.Errorf("Load of what was deleted: %v", err)
	}
}

// TestMysqlCost counts statements as the server does, for its connection.
func TestMysqlCost(t *testing.T) {
	t.Parallel()
	db := mysqlDB(t, mysqlServer(t))
	db.SetMaxOpenConns(1)
	asked := 0
	wantCosts(t, mysqlStore(t, db, mysqlTable(t, db)), 1, 0, func() (questions int) {
		var name string
		if err := db.QueryRowContext(t.Context(), `SHOW SESSION STATUS LIKE 'Questions'`).Scan(&name, &questions); err != nil {
			t.Fatal(err)
		}
		asked++
		return questions - asked
	})
}

// TestMysqlReadOnly has a connection that may only read.
func TestMysqlReadOnly(t *testing.T) {
	t.Parallel()
	db := mysqlDB(t, mysqlServer(t))
	db.SetMaxOpenConns(1)
	store := mysqlStore(t, db, mysqlTable(t, db))
	id, r := created(t, store)
	sqlExec(t, db, "SET SESSION TRANSACTION READ ONLY")
	if _, err := store.Load(t.Context(), id); err != nil {
		t.Errorf("Load: %v", err)
	}
	if err := store.Migrate(t.Context()); err != nil {
		t.Errorf("Migrate where nothing is missing: %v", err)
	}
	err := store.Update(t.Context(), id, r.Version, sessionstore.Record{Expires: r.Expires, Version: 9})
	wantNoSentinel(t, err)
	if err == nil || !strings.Contains(err.Error(), "READ ONLY") {
		t.Errorf("Update: %v, want it to say that one can only read", err)
	}
	sqlExec(t, db, "SET SESSION TRANSACTION READ WRITE")
	if err := store.Delete(t.Context(), id); err != nil {
		t.Errorf("Delete when one can write again: %v", err)
	}
}

// TestMysqlSmall has a server that takes small packets, and soon has no room left.
func TestMysqlSmall(t *testing.T) {
	t.Parallel()
	const packet = 1 << 20
	server := mysqlConfig(t, servers.Own(t, servers.MySQL, "--max-allowed-packet=1M",
		"--innodb-file-per-table=0", "--innodb-data-file-path=ibdata1:12M:autoextend:max:50M").URL)
	admin := mysqlDB(t, server)
	table := mysqlTable(t, admin)
	reader := mysqlStore(t, admin, table)
	const most = packet - 1<<10
	for _, data := range []string{"x", "'"} { // the second is twice as long in a statement
		for name, set := range map[string]func(*mysql.Config, *sqlstore.Options){
			"as is":    func(*mysql.Config, *sqlstore.Options) {},
			"prepared": func(c *mysql.Config, _ *sqlstore.Options) { c.InterpolateParams = false },
			"text":     func(_ *mysql.Config, o *sqlstore.Options) { o.NoPreparedStatements = true },
			"a driver that does not ask": func(c *mysql.Config, o *sqlstore.Options) {
				c.MaxAllowedPacket, o.NoPreparedStatements = 64<<20, true
			},
		} {
			config, o := server.Clone(), sqlstore.Options{Table: table}
			set(config, &o)
			db := mysqlDB(t, config)
			db.SetMaxOpenConns(1)
			store := sqlStore(t, db, sqlstore.MySQL, o)
			id, r := created(t, store)
			next := r
			next.Version, next.Data = 8, bytes.Repeat([]byte(data), most)
			err := store.Update(t.Context(), id, r.Version, next)
			if config.MaxAllowedPacket == 0 || data == "x" {
				if err != nil {
					t.Errorf("%s: Update with the largest data of %q: %v", name, data, err)
				}
			} else if got, loaded := reader.Load(t.Context(), id); err == nil || loaded != nil || got.Version != r.Version {
				// The server closes the connection, and may do so before it says why.
				t.Errorf("%s: Update that is too long: %v, then there is version %d, %v", name, err, got.Version, loaded)
			}
			if _, err := store.Load(t.Context(), id); err != nil {
				t.Errorf("%s: Load on the same connection: %v", name, err)
			}
			next.Data = append(next.Data, 'x')
			if err := store.Create(t.Context(), randomID(), next); !errors.Is(err, sessionstore.ErrTooLarge) {
				t.Errorf("%s: Create with one byte too many: %v", name, err)
			}
		}
	}

	store := mysqlStore(t, admin, table)
	var full error
	// Of data that lies within the row: MariaDB 11.8 stops where there is no room for more.
	r := sessionstore.Record{Data: bytes.Repeat([]byte("x"), 7000), Expires: time.Now().Add(time.Hour), Version: 7}
	last := ""
	for range 20_000 {
		id := randomID()
		if full = store.Create(t.Context(), id, r); full != nil {
			break
		}
		last = id
	}
	wantNoSentinel(t, full)
	if full == nil || !strings.Contains(full.Error(), "full") {
		t.Errorf("Create when there is no room: %v, want it to say that the table is full", full)
	}
	if got, err := store.Load(t.Context(), last); err != nil || got.Version != r.Version {
		t.Errorf("Load when there is no room: version %d, %v", got.Version, err)
	}
}

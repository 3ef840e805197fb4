package benchmarks

import (
	"crypto/rand"
	"database/sql"
	"encoding/hex"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cloakroom-go/cloakroom/core/memstore"
	"github.com/cloakroom-go/cloakroom/core/session"
	filestore "github.com/cloakroom-go/cloakroom/store-file"
	memcachestore "github.com/cloakroom-go/cloakroom/store-memcache"
	mongostore "github.com/cloakroom-go/cloakroom/store-mongo"
	postgresstore "github.com/cloakroom-go/cloakroom/store-postgres"
	redisstore "github.com/cloakroom-go/cloakroom/store-redis"
	sqlstore "github.com/cloakroom-go/cloakroom/store-sql"
)

var (
	counterKey  = session.NewKey[int]("counter")
	nameKey     = session.NewKey[string]("name")
	cartKey     = session.NewKey[[]string]("cart")
	aboutKey    = session.NewKey[profile]("profile")
	languageKey = session.NewKey[string]("language")
	extraKey    = session.NewKey[string]("extra")
)

func sessionOptions() session.Options {
	return session.Options{Keys: [][]byte{session.GenerateKey()}, Logger: slog.New(slog.DiscardHandler)}
}

// cloakroom returns the application over a Manager.
func cloakroom(b *testing.B, m *session.Manager, err error, extra int) (*app, string) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
	fill := m.HandlerFunc(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
		counterKey.Set(s, 1)
		nameKey.Set(s, name)
		cartKey.Set(s, cart)
		aboutKey.Set(s, about)
		languageKey.Set(s, language)
		if extra > 0 {
			extraKey.Set(s, strings.Repeat("x", extra))
		}
	})
	return &app{
		visitor:   func(b *testing.B) string { return cookieOf(b, fill) },
		untouched: m.Handler(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})),
		read: m.HandlerFunc(func(w http.ResponseWriter, _ *http.Request, s *session.Session) {
			if nameKey.Get(s) != name {
				http.Error(w, "the session is lost", http.StatusInternalServerError)
			}
		}),
		write: m.HandlerFunc(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
			counterKey.Update(s, func(n int) int { return n + 1 })
		}),
	}, ""
}

func over(b *testing.B, store session.Store, err error, extra int) (*app, string) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
	m, err := session.New(store, sessionOptions())
	return cloakroom(b, m, err, extra)
}

func openMemory(b *testing.B, extra int) (*app, string) {
	return over(b, memstore.New(memstore.Options{}), nil, extra)
}

func openSealed(b *testing.B, extra int) (*app, string) {
	m, err := session.NewCookieOnly(sessionOptions())
	return cloakroom(b, m, err, extra)
}

func openReadable(b *testing.B, extra int) (*app, string) {
	o := sessionOptions()
	o.Readable = true
	m, err := session.NewCookieOnly(o)
	return cloakroom(b, m, err, extra)
}

func openFile(b *testing.B, extra int) (*app, string) {
	dir := filepath.Join(b.TempDir(), "sessions")
	if err := os.Mkdir(dir, 0o700); err != nil {
		b.Fatal(err)
	}
	store, err := filestore.New(dir, filestore.Options{})
	return over(b, store, err, extra)
}

func openRedis(b *testing.B, extra int) (*app, string) {
	client, missing := redisClient(b)
	if client == nil {
		return nil, missing
	}
	store, err := redisstore.New(client, redisstore.Options{KeyPrefix: unique() + ":"})
	return over(b, store, err, extra)
}

func openPostgres(b *testing.B, extra int) (*app, string) {
	pool, missing := postgresPool(b)
	if pool == nil {
		return nil, missing
	}
	store, err := postgresstore.New(pool, postgresstore.Options{Table: unique()})
	if err == nil {
		err = store.Migrate(b.Context())
	}
	return over(b, store, err, extra)
}

func openSQLite(driver string) opener {
	return onSQLite(driver, func(b *testing.B, db *sql.DB, extra int) (*app, string) {
		return overSQL(b, db, sqlstore.SQLite, extra)
	})
}

func openMySQL(b *testing.B, extra int) (*app, string) {
	db, missing := mysqlPool(b)
	if db == nil {
		return nil, missing
	}
	return overSQL(b, db, sqlstore.MySQL, extra)
}

func overSQL(b *testing.B, db *sql.DB, d sqlstore.Dialect, extra int) (*app, string) {
	b.Helper()
	store, err := sqlstore.New(db, d, sqlstore.Options{Table: unique()})
	if err == nil {
		err = store.Migrate(b.Context())
	}
	return over(b, store, err, extra)
}

func openMemcached(b *testing.B, extra int) (*app, string) {
	client, missing := memcachedClient()
	if client == nil {
		return nil, missing
	}
	store, err := memcachestore.New(client, memcachestore.Options{KeyPrefix: unique() + ":"})
	return over(b, store, err, extra)
}

func openMongo(b *testing.B, extra int) (*app, string) {
	db, missing := mongoDatabase(b)
	if db == nil {
		return nil, missing
	}
	store, err := mongostore.New(db.Collection(unique()), mongostore.Options{})
	if err == nil {
		err = store.EnsureIndexes(b.Context())
	}
	return over(b, store, err, extra)
}

// unique returns a name that no other run uses.
func unique() string {
	var random [8]byte
	_, _ = rand.Read(random[:])
	return "bench_" + hex.EncodeToString(random[:])
}

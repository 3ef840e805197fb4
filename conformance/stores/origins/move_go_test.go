package origins_test

import (
	"context"
	"crypto/rand"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/alexedwards/scs/goredisstore"
	"github.com/alexedwards/scs/pgxstore"
	"github.com/alexedwards/scs/v2"
	scsmemstore "github.com/alexedwards/scs/v2/memstore"
	"github.com/boj/redistore"
	redigo "github.com/gomodule/redigo/redis"
	"github.com/gorilla/securecookie"
	"github.com/gorilla/sessions"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/cloakroom-go/cloakroom/conformance/stores/internal/servers"
	"github.com/cloakroom-go/cloakroom/core/memstore"
	"github.com/cloakroom-go/cloakroom/core/session"
	"github.com/cloakroom-go/cloakroom/migrate"
	postgresstore "github.com/cloakroom-go/cloakroom/store-postgres"
)

// scsShop is the shop with scs.
func scsShop(t *testing.T, m *scs.SessionManager) string {
	t.Helper()
	return goShop(t, m.LoadAndSave(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx := r.Context()
		items, _ := m.Get(ctx, "cart").([]string)
		switch r.URL.Path {
		case "/login":
			if err := m.RenewToken(ctx); err != nil {
				t.Error(err)
			}
			m.Put(ctx, "user", r.FormValue("user"))
		case "/add":
			items = append(items, r.FormValue("item"))
			m.Put(ctx, "cart", items)
		}
		show(t, w, shop{m.GetString(ctx, "user"), items})
	})))
}

func moveFromSCS(t *testing.T, old scs.Store, hash bool, store session.Store) {
	t.Helper()
	m := scs.New()
	m.Store, m.HashTokenInStore, m.IdleTimeout = old, hash, 20*time.Minute
	s := migrate.SCS{Store: old, HashToken: hash, Cookie: http.Cookie{HttpOnly: true, SameSite: http.SameSiteLaxMode}}
	move(t, scsShop(t, m), s, newShop(t, store, s))
}

func TestVisitorsMoveInFromSCS(t *testing.T) {
	t.Parallel()
	t.Run("memstore", func(t *testing.T) {
		t.Parallel()
		moveFromSCS(t, scsmemstore.NewWithCleanupInterval(0), true, memstore.New(memstore.Options{}))
	})
	t.Run("goredisstore", func(t *testing.T) {
		t.Parallel()
		client, store := onRedis(t)
		moveFromSCS(t, goredisstore.New(client), false, store)
	})
	t.Run("pgxstore", func(t *testing.T) {
		t.Parallel()
		pool, store := onPostgres(t)
		moveFromSCS(t, pgxstore.NewWithCleanupInterval(pool, 0), false, store)
	})
}

// onPostgres returns a schema of the test's own with the table of scs, and the
// new shop's store in it.
func onPostgres(t *testing.T) (*pgxpool.Pool, session.Store) {
	t.Helper()
	dsn := servers.Any(t, servers.Postgres).URL
	schema := "origins_" + strings.ToLower(rand.Text())
	config, err := pgxpool.ParseConfig(dsn)
	if err != nil {
		t.Fatal(err)
	}
	config.ConnConfig.RuntimeParams["search_path"] = schema
	pool, err := pgxpool.NewWithConfig(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_, err := pool.Exec(context.WithoutCancel(t.Context()), "DROP SCHEMA "+schema+" CASCADE")
		if pool.Close(); err != nil {
			t.Error(err)
		}
	})
	for _, statement := range []string{
		"CREATE SCHEMA " + schema,
		"CREATE TABLE sessions (token TEXT PRIMARY KEY, data BYTEA NOT NULL, expiry TIMESTAMPTZ NOT NULL)",
	} {
		if _, err := pool.Exec(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	store, err := postgresstore.New(pool, postgresstore.Options{Table: "cloakroom"})
	if err == nil {
		err = store.Migrate(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	return pool, store
}

// gorillaShop is the shop with gorilla/sessions.
func gorillaShop(t *testing.T, store sessions.Store) string {
	t.Helper()
	return goShop(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s, err := store.Get(r, "shop")
		if err != nil {
			t.Error(err)
		}
		user, _ := s.Values["user"].(string)
		items, _ := s.Values["cart"].([]string)
		switch r.URL.Path {
		case "/login":
			user = r.FormValue("user")
			s.Values["user"] = user
			s.AddFlash("Welcome.")
		case "/add":
			items = append(items, r.FormValue("item"))
			s.Values["cart"] = items
		}
		if err := s.Save(r, w); err != nil {
			t.Error(err)
		}
		show(t, w, shop{user, items})
	}))
}

// pairs are key pairs: the first one signs, the second one is older.
var pairs = [][]byte{
	securecookie.GenerateRandomKey(64), securecookie.GenerateRandomKey(32),
	securecookie.GenerateRandomKey(32),
}

func TestVisitorsMoveInFromGorilla(t *testing.T) {
	t.Parallel()
	base := migrate.Gorilla{Keys: pairs, Cookie: http.Cookie{Name: "shop"}}
	for name, keys := range map[string][][]byte{"encrypted": pairs, "signed": pairs[2:]} {
		t.Run("CookieStore "+name, func(t *testing.T) {
			t.Parallel()
			store := sessions.NewCookieStore(keys...)
			store.Options.Secure, store.Options.SameSite = false, http.SameSiteLaxMode
			move(t, gorillaShop(t, store), base, newShop(t, memstore.New(memstore.Options{}), base))
		})
	}
	t.Run("FilesystemStore", func(t *testing.T) {
		t.Parallel()
		s := base
		s.Dir = t.TempDir()
		move(t, gorillaShop(t, sessions.NewFilesystemStore(s.Dir, pairs...)), s, newShop(t, memstore.New(memstore.Options{}), s))
	})
	serializers := map[string]redistore.SessionSerializer{"gob": redistore.GobSerializer{}, "JSON": redistore.JSONSerializer{}}
	for name, serializer := range serializers {
		t.Run("redistore "+name, func(t *testing.T) {
			t.Parallel()
			client, ours := onRedis(t)
			pool := &redigo.Pool{Dial: func() (redigo.Conn, error) { return redigo.Dial("tcp", client.Options().Addr) }}
			t.Cleanup(func() { _ = pool.Close() })
			store, err := redistore.NewRediStoreWithPool(pool, pairs...)
			if err != nil {
				t.Fatal(err)
			}
			store.SetSerializer(serializer)
			s := base
			s.Records, s.JSON = redigoRecords{pool}, name == "JSON"
			move(t, gorillaShop(t, store), s, newShop(t, ours, s))
		})
	}
}

// redigoRecords are those that a pool of redigo finds.
type redigoRecords struct{ pool *redigo.Pool }

func (r redigoRecords) Load(ctx context.Context, key string) ([]byte, error) {
	conn, err := r.pool.GetContext(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { _ = conn.Close() }()
	record, err := redigo.Bytes(redigo.DoContext(conn, ctx, "GET", key))
	if errors.Is(err, redigo.ErrNil) {
		return nil, migrate.ErrNotFound
	}
	return record, err
}

func (r redigoRecords) Delete(ctx context.Context, key string) error {
	conn, err := r.pool.GetContext(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	_, err = redigo.DoContext(conn, ctx, "DEL", key)
	return err
}

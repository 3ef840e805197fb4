package origins_test

import (
	"context"
	"errors"
	"net/http"
	"testing"

	"github.com/boj/redistore"
	redigo "github.com/gomodule/redigo/redis"
	"github.com/gorilla/securecookie"
	"github.com/gorilla/sessions"

	"github.com/cloakroom-go/cloakroom/core/memstore"
	"github.com/cloakroom-go/cloakroom/migrate"
)

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

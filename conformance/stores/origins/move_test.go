package origins_test

import (
	"net/http"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/cloakroom-go/cloakroom/conformance/stores/internal/servers"
	"github.com/cloakroom-go/cloakroom/core/session"
	"github.com/cloakroom-go/cloakroom/migrate"
	redisstore "github.com/cloakroom-go/cloakroom/store-redis"
)

// onRedis returns a server that both shops use, and the new one's store on it.
func onRedis(t *testing.T) (*redis.Client, session.Store) {
	t.Helper()
	client := redis.NewClient(&redis.Options{Addr: servers.Any(t, servers.Redis).URL})
	t.Cleanup(func() { _ = client.Close() })
	store, err := redisstore.New(client, redisstore.Options{KeyPrefix: "cloakroom:"})
	if err != nil {
		t.Fatal(err)
	}
	return client, store
}

func TestVisitorsMoveInFromPython(t *testing.T) {
	t.Parallel()
	keys := []string{key}
	for kind, source := range map[string]func(migrate.Records) migrate.Source{
		"flask":                func(migrate.Records) migrate.Source { return migrate.Flask{Keys: keys} },
		"flask-session":        func(r migrate.Records) migrate.Source { return migrate.FlaskSession{Records: r} },
		"flask-session-json":   func(r migrate.Records) migrate.Source { return migrate.FlaskSession{Records: r} },
		"flask-session-signed": func(r migrate.Records) migrate.Source { return migrate.FlaskSession{Keys: keys, Records: r} },
		"starlette":            func(migrate.Records) migrate.Source { return migrate.Starlette{Keys: keys} },
		"starsessions":         func(migrate.Records) migrate.Source { return migrate.Starsessions{Keys: keys} },
		"starsessions-redis":   func(r migrate.Records) migrate.Source { return migrate.Starsessions{Records: r} },
		"fastsession": func(r migrate.Records) migrate.Source {
			return migrate.FastSession{Keys: keys, Records: r, Prefix: "fast:", Cookie: http.Cookie{HttpOnly: true}}
		},
	} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			client, store := onRedis(t)
			s := source(migrate.Redis(client, redis.Nil))
			move(t, pythonShop(t, kind, client.Options().Addr), s, newShop(t, store, s))
		})
	}
}

func TestVisitorsMoveInFromExpress(t *testing.T) {
	t.Parallel()
	client, store := onRedis(t)
	s := migrate.Express{Keys: []string{key, "older"}, Records: migrate.Redis(client, redis.Nil)}
	move(t, nodeShop(t, client.Options().Addr), s, newShop(t, store, s))
}

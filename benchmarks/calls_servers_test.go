package benchmarks

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/cloakroom-go/cloakroom/core/session"
	"github.com/cloakroom-go/cloakroom/core/sessionstore"
	filestore "github.com/cloakroom-go/cloakroom/store-file"
	memcachestore "github.com/cloakroom-go/cloakroom/store-memcache"
	postgresstore "github.com/cloakroom-go/cloakroom/store-postgres"
	redisstore "github.com/cloakroom-go/cloakroom/store-redis"
)

// A callOpener returns the calls of a store and those of its bare driver, or what is missing.
type callOpener func(b *testing.B) (load, update callers, missing string)

// pairs are the calls of a store, beside those of p on as many keys.
func pairs(b *testing.B, store session.Store, err error, p pair) (load, update callers, missing string) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
	data, expires := make([]byte, 300), time.Now().Add(lifetime)
	ids, keys, versions := make([]string, 100), make([]string, 100), make([]sessionstore.Version, 100)
	for i := range ids {
		ids[i], keys[i], versions[i] = randomID(), unique(), 1
		if err := store.Create(b.Context(), ids[i], sessionstore.Record{Data: data, Expires: expires, Version: 1}); err != nil {
			b.Fatal(err)
		}
		if err := p.create(b.Context(), keys[i], data); err != nil {
			b.Fatal(err)
		}
	}
	load.store = func(ctx context.Context, n int) error {
		_, err := store.Load(ctx, ids[n%len(ids)])
		return err
	}
	update.store = func(ctx context.Context, n int) error {
		i := n % len(ids)
		versions[i]++
		return store.Update(ctx, ids[i], versions[i]-1, sessionstore.Record{Data: data, Expires: expires, Version: versions[i]})
	}
	load.bare = map[string]caller{"bare": func(ctx context.Context, n int) error {
		_, err := p.get(ctx, keys[n%len(keys)])
		return err
	}}
	update.bare = map[string]caller{"bare": func(ctx context.Context, n int) error {
		return p.put(ctx, keys[n%len(keys)], data)
	}}
	return load, update, ""
}

func redisCalls(b *testing.B) (load, update callers, missing string) {
	b.Helper()
	client, missing := redisClient(b)
	if client == nil {
		return callers{}, callers{}, missing
	}
	store, err := redisstore.New(client, redisstore.Options{KeyPrefix: unique() + ":"})
	return pairs(b, store, err, bareRedis(client))
}

func postgresCalls(b *testing.B) (load, update callers, missing string) {
	b.Helper()
	pool, missing := postgresPool(b)
	if pool == nil {
		return callers{}, callers{}, missing
	}
	store, err := postgresstore.New(pool, postgresstore.Options{Table: unique()})
	if err == nil {
		err = store.Migrate(b.Context())
	}
	return pairs(b, store, err, barePostgres(b, pool))
}

// An update without a load before it costs the bare driver gets and cas.
func memcachedCalls(b *testing.B) (load, update callers, missing string) {
	b.Helper()
	client, missing := memcachedClient()
	if client == nil {
		return callers{}, callers{}, missing
	}
	store, err := memcachestore.New(client, memcachestore.Options{KeyPrefix: unique() + ":"})
	p := bareMemcached(client)
	p.put = func(_ context.Context, key string, _ []byte) error { return swapMemcached(client, key) }
	return pairs(b, store, err, p)
}

func fileCalls(b *testing.B) (load, update callers, missing string) {
	b.Helper()
	dir := filepath.Join(b.TempDir(), "sessions")
	if err := os.Mkdir(dir, 0o700); err != nil {
		b.Fatal(err)
	}
	store, err := filestore.New(dir, filestore.Options{})
	return pairs(b, store, err, bareFile(b.TempDir()))
}

package stores_test

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/cloakroom-go/cloakroom/conformance/stores/internal/servers"
	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// TestRedisIndexOutlivesItsRecords reads from the server how long the index keeps a
// record that was prolonged, step by step, to a thousand times its first life.
func TestRedisIndexOutlivesItsRecords(t *testing.T) {
	t.Parallel()
	client := redisClient(t, servers.Any(t, servers.Redis).URL)
	store := redisStore(t, client)
	subject := "user-" + randomID()
	id, r := createdFor(t, store, subject)
	index := redisIndex(t, client, id)
	before := redisMember(t, client, index, id)
	for life := 2 * time.Hour; life < 1000*time.Hour; life *= 2 {
		expires := time.Now().Add(life)
		if err := store.Touch(t.Context(), id, r.Version, expires); err != nil {
			t.Fatal(err)
		}
		kept := redisMember(t, client, index, id)
		if kept.Before(expires) {
			t.Fatalf("the record lives until %v, the index knows it until %v", expires, kept)
		}
		if ttl := client.PTTL(t.Context(), index).Val(); ttl < life-time.Hour {
			t.Fatalf("the index goes in %v, the record in %v", ttl, life)
		}
	}
	if !redisMember(t, client, index, id).After(before) {
		t.Error("the index was never told")
	}
	next := r
	next.Version, next.Expires = r.Version+1, time.Now().Add(10_000*time.Hour)
	if err := store.Update(t.Context(), id, r.Version, next); err != nil {
		t.Fatal(err)
	}
	if kept := redisMember(t, client, index, id); kept.Before(next.Expires) {
		t.Errorf("updated until %v, the index knows it until %v", next.Expires, kept)
	}
	if n, err := store.DeleteSubject(t.Context(), subject); n != 1 || err != nil {
		t.Errorf("DeleteSubject: %d, %v", n, err)
	}
}

// TestRedisLifetimes reads from the server how long it keeps a record.
func TestRedisLifetimes(t *testing.T) {
	t.Parallel()
	client := redisClient(t, servers.Any(t, servers.Redis).URL)
	store := redisStore(t, client)
	const month = 30 * 24 * time.Hour
	for _, life := range []time.Duration{time.Hour, month - time.Second, month, month + time.Second, 400 * 24 * time.Hour} {
		id, start := randomID(), time.Now()
		r := sessionstore.Record{Expires: start.Add(life), Version: 1}
		if err := store.Create(t.Context(), id, r); err != nil {
			t.Fatal(err)
		}
		left := client.PTTL(t.Context(), redisPrefix+id).Val()
		// Its clock ticks in milliseconds, and is asked a little later.
		if most := life + 2*time.Millisecond; left > most || left < life-time.Since(start) {
			t.Errorf("asked for %v, the server keeps it for %v", life, left)
		}
		redisDo(t, client, "DEL", redisPrefix+id)
	}
}

// TestRedisCost counts what the driver sends.
func TestRedisCost(t *testing.T) {
	t.Parallel()
	client := redisClient(t, servers.Any(t, servers.Redis).URL)
	store := redisStore(t, client)
	redisKnows(t, store)
	var sent sentCommands
	client.AddHook(&sent)
	wantCosts(t, store, 4, 1, func() int { return int(sent.Load()) })
}

// sentCommands counts commands, and pipelines as one.
type sentCommands struct{ atomic.Int64 }

func (*sentCommands) DialHook(next redis.DialHook) redis.DialHook { return next }

func (n *sentCommands) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		n.Add(1)
		return next(ctx, cmd)
	}
}

func (n *sentCommands) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		n.Add(1)
		return next(ctx, cmds)
	}
}

// TestRedisIndexIsTakenBack signs in and out of one account, and looks at what is left.
func TestRedisIndexIsTakenBack(t *testing.T) {
	t.Parallel()
	client := redisClient(t, servers.Any(t, servers.Redis).URL)
	store := redisStore(t, client)
	subject := "user-" + randomID()
	kept, _ := createdFor(t, store, subject)
	index := redisIndex(t, client, kept)
	for what, end := range map[string]func(id string, r sessionstore.Record) error{
		"Delete": func(id string, _ sessionstore.Record) error { return store.Delete(t.Context(), id) },
		"Update": func(id string, r sessionstore.Record) error {
			next := r
			next.Subject, next.Version = "", r.Version+1
			return store.Update(t.Context(), id, r.Version, next)
		},
		"Touch, Delete": func(id string, r sessionstore.Record) error {
			err := store.Touch(t.Context(), id, r.Version, time.Now().Add(1000*time.Hour))
			return errors.Join(err, store.Delete(t.Context(), id))
		},
	} {
		id, r := createdFor(t, store, subject)
		if members := client.ZRange(t.Context(), index, 0, -1).Val(); len(members) != 2 {
			t.Errorf("%s: after a login the index has %v, want the two records", what, members)
		}
		if err := end(id, r); err != nil {
			t.Errorf("%s: %v", what, err)
		}
		if members := client.ZRange(t.Context(), index, 0, -1).Val(); !slices.Equal(members, []string{kept}) {
			t.Errorf("%s: after a logout the index has %v, want %s", what, members, kept)
		}
	}
	if n, err := store.DeleteSubject(t.Context(), subject); n != 1 || err != nil {
		t.Errorf("DeleteSubject: %d, %v", n, err)
	}
	if n := client.Exists(t.Context(), index).Val(); n != 0 {
		t.Error("the index of nothing is still there")
	}
}

// TestRedisClocksApart has a client whose clock is a quarter of a century behind
// the server's, as that of a synctest bubble is.
func TestRedisClocksApart(t *testing.T) {
	t.Parallel()
	addr := servers.Any(t, servers.Redis).URL
	synctest.Test(t, func(t *testing.T) {
		client := redisClient(t, addr)
		store := redisStore(t, client)
		id, r := created(t, store)
		if got, err := store.Load(t.Context(), id); err != nil || !got.Expires.Equal(r.Expires) {
			t.Errorf("Load: until %v, error %v, want %v", got.Expires, err, r.Expires)
		}
		life := time.Until(r.Expires) // this clock stands still
		if left := client.PTTL(t.Context(), redisPrefix+id).Val(); left > life+2*time.Millisecond || left < life-patience {
			t.Errorf("the server keeps for %v what lives for %v", left, life)
		}
		<-time.After(time.Until(r.Expires))
		if _, err := store.Load(t.Context(), id); !errors.Is(err, sessionstore.ErrNotFound) {
			t.Errorf("Load at expiry: %v", err)
		}
		if err := store.Touch(t.Context(), id, r.Version, time.Now().Add(time.Hour)); !errors.Is(err, sessionstore.ErrNotFound) {
			t.Errorf("Touch at expiry: %v", err)
		}
	})
}

// redisIndex returns the key of the index in which id is.
func redisIndex(t *testing.T, client *redis.Client, id string) string {
	t.Helper()
	keys := client.Scan(t.Context(), 0, redisPrefix+"subject:*", 1000).Iterator()
	for keys.Next(t.Context()) {
		if client.ZScore(t.Context(), keys.Val(), id).Err() == nil {
			return keys.Val()
		}
	}
	t.Fatalf("no index has the record: %v", keys.Err())
	return ""
}

// redisMember returns until when the index keeps id.
func redisMember(t *testing.T, client *redis.Client, index, id string) time.Time {
	t.Helper()
	score, err := client.ZScore(t.Context(), index, id).Result()
	if err != nil {
		t.Fatal(err)
	}
	return time.UnixMicro(int64(score))
}

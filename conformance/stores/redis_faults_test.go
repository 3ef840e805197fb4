package stores_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/cloakroom-go/cloakroom/conformance/stores/internal/backends"
	"github.com/cloakroom-go/cloakroom/conformance/stores/internal/servers"
	"github.com/cloakroom-go/cloakroom/core/sessionstore"
	redisstore "github.com/cloakroom-go/cloakroom/store-redis"
)

// TestRedisFull fills the server's memory: writes fail and say so, while what is
// there can be read and ended.
func TestRedisFull(t *testing.T) {
	t.Parallel()
	client := redisClient(t, redisDaemon(t).URL)
	store := redisStore(t, client)
	id, r := createdFor(t, store, "visitor")
	other, _ := createdFor(t, store, "visitor")
	told, _ := createdFor(t, store, "visitor")
	redisDo(t, client, "CONFIG", "SET", "maxmemory", "1")

	next := r
	next.Version++
	for what, err := range map[string]error{
		"Create": store.Create(t.Context(), randomID(), r),
		"Update": store.Update(t.Context(), id, r.Version, next),
		"Touch":  store.Touch(t.Context(), id, r.Version, r.Expires.Add(time.Hour)),
	} {
		wantRedisError(t, what, err, "OOM ")
	}
	if err := store.Delete(t.Context(), other); err != nil {
		t.Errorf("Delete: %v", err)
	}
	if err := redisNotifying(t, client, redisPrefix).Delete(t.Context(), told); err != nil {
		t.Errorf("Delete that is published: %v", err)
	}
	wantVersion(t, "Load", store, id, r.Version)
	if n, err := store.DeleteSubject(t.Context(), "visitor"); n != 1 || err != nil {
		t.Errorf("DeleteSubject: %d, %v, want 1", n, err)
	}
}

// TestRedisReadOnly makes the server a replica of one that isn't there.
func TestRedisReadOnly(t *testing.T) {
	t.Parallel()
	client := redisClient(t, redisDaemon(t).URL)
	store := redisStore(t, client)
	id, r := created(t, store)
	redisDo(t, client, "REPLICAOF", "127.0.0.1", "1")

	next := r
	next.Version++
	wantRedisError(t, "Update", store.Update(t.Context(), id, r.Version, next), "READONLY ")
	wantRedisError(t, "Delete", store.Delete(t.Context(), id), "READONLY ")
	redisDo(t, client, "REPLICAOF", "NO", "ONE")
	if err := store.Update(t.Context(), id, r.Version, next); err != nil {
		t.Errorf("Update when the server may be written to again: %v", err)
	}
}

// TestRedisRestarted kills the server and looks at it while it is down, while it
// reads its data, and afterwards.
func TestRedisRestarted(t *testing.T) {
	t.Parallel()
	// It takes a minute to read so many records, or until it is told to hurry.
	const records, delay = 600, 100_000
	server := redisDaemon(t, "--key-load-delay", strconv.Itoa(delay), "--loading-process-events-interval-bytes", "1024")
	o := backends.RedisOptions(server.URL)
	o.MaxRetries = -1
	client := redisClientOf(t, o)
	store := redisStore(t, client)
	for range records {
		created(t, store)
	}
	// The server answers while it reads a snapshot, not while it reads the log.
	redisDo(t, client, "BGREWRITEAOF")
	eventually(t, "there is a snapshot", func() bool {
		info := client.Info(t.Context(), "persistence").Val()
		return strings.Contains(info, "aof_rewrite_in_progress:0") && strings.Contains(info, "aof_rewrites:1")
	})
	id, r := createdFor(t, store, "visitor")

	server.Kill(t)
	_, err := store.Load(t.Context(), id)
	wantNoSentinel(t, err)
	_, err = store.Load(t.Context(), id)
	if !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("Load while the server is down: %v, want %v", err, syscall.ECONNREFUSED)
	}

	server.Start(t)
	_, err = store.Load(t.Context(), id)
	wantRedisError(t, "Load while the server reads its data", err, "LOADING ")
	redisDo(t, client, "CONFIG", "SET", "key-load-delay", "0")
	eventually(t, "the server has read its data", func() bool {
		_, err = store.Load(t.Context(), id)
		if errors.Is(err, sessionstore.ErrNotFound) {
			t.Fatal("an outage is no logout")
		}
		return err == nil
	})
	list, err := store.ListSubject(t.Context(), "visitor")
	if err != nil || len(list) != 1 || list[0].ID != id || list[0].Record.Version != r.Version {
		t.Errorf("what was acknowledged: %v, %v", list, err)
	}
}

// TestRedisClusterDown asks a node of a Cluster that serves no slots.
func TestRedisClusterDown(t *testing.T) {
	t.Parallel()
	store := redisStore(t, redisClient(t, redisDaemon(t, "--cluster-enabled", "yes").URL))
	_, err := store.Load(t.Context(), randomID())
	wantRedisError(t, "Load", err, "CLUSTERDOWN ")
	wantRedisError(t, "Delete", store.Delete(t.Context(), randomID()), "CLUSTERDOWN ")
}

// TestRedisScriptsFlushed has the server forget the scripts between two calls.
func TestRedisScriptsFlushed(t *testing.T) {
	t.Parallel()
	client := redisClient(t, redisDaemon(t).URL)
	store := redisStore(t, client)
	id, r := createdFor(t, store, "visitor")
	next := r
	next.Version++
	if err := store.Update(t.Context(), id, r.Version, next); err != nil {
		t.Fatal(err)
	}
	before := redisCalls(t, client, "eval")
	redisDo(t, client, "SCRIPT", "FLUSH")
	again := next
	again.Version++
	if err := store.Update(t.Context(), id, next.Version, again); err != nil {
		t.Errorf("Update: %v", err)
	}
	if got := redisCalls(t, client, "eval") - before; got != 1 {
		t.Errorf("the script was sent %d times, want once", got)
	}
}

// TestRedisAnswerLost resets the connection when a write has been done and its
// answer is under way. The driver sends it again, and it succeeds once.
func TestRedisAnswerLost(t *testing.T) {
	t.Parallel()
	server := redisDaemon(t)
	admin := redisClient(t, server.URL)
	line := newCable(t, server.URL)
	store := redisStore(t, redisClient(t, line.addr()))
	id, r := created(t, store)
	next := r
	next.Version++
	fresh := randomID()
	redisKnows(t, store)
	for what, c := range map[string]struct {
		sets  int
		write func() error
	}{
		"Update": {1, func() error { return store.Update(t.Context(), id, r.Version, next) }},
		"Create": {2, func() error { return store.Create(t.Context(), fresh, r) }}, // the second SET NX finds the record
	} {
		before := redisCalls(t, admin, "set")
		line.stall()
		result := make(chan error, 1)
		go func() { result <- c.write() }()
		eventually(t, "the server has done it", func() bool { return redisCalls(t, admin, "set") > before })
		line.cut()
		if err := <-result; err != nil {
			t.Errorf("%s: %v", what, err)
		}
		if got := redisCalls(t, admin, "set") - before; got != c.sets {
			t.Errorf("%s set the record %d times, want %d", what, got, c.sets)
		}
	}
}

// TestRedisAnswerLostAndOvertaken has another write get in between an Update and its
// repetition by the driver.
func TestRedisAnswerLostAndOvertaken(t *testing.T) {
	t.Parallel()
	for retries, again := range map[int]bool{0: true, -1: false} { // 0 is the driver's default, three
		t.Run(fmt.Sprint("MaxRetries ", retries), func(t *testing.T) {
			t.Parallel()
			server := redisDaemon(t)
			admin := redisClient(t, server.URL)
			line := newCable(t, server.URL)
			o := backends.RedisOptions(line.addr())
			o.MaxRetries = retries
			store, other := redisStore(t, redisClientOf(t, o)), redisStore(t, admin)
			id, r := created(t, store)
			redisKnows(t, store)
			next, after := r, r
			next.Version, after.Version = r.Version+1, r.Version+2
			line.stall()
			result := make(chan error, 1)
			go func() { result <- store.Update(t.Context(), id, r.Version, next) }()
			eventually(t, "the server has done it", func() bool {
				got, err := other.Load(t.Context(), id)
				return err == nil && got.Version == next.Version
			})
			if err := other.Update(t.Context(), id, next.Version, after); err != nil {
				t.Fatal(err)
			}
			line.cut()
			if err := <-result; err == nil || sessionstore.Certain(err) ||
				errors.Is(err, sessionstore.ErrConflict) != again || errors.Is(err, sessionstore.ErrRepeated) != again {
				t.Errorf("Update: %v; are ErrConflict and ErrRepeated wanted: %v", err, again)
			}
		})
	}
}

// TestRedisStalled lets the server's answers wait, with one connection for two
// calls.
func TestRedisStalled(t *testing.T) {
	t.Parallel()
	server := redisDaemon(t)
	line := newCable(t, server.URL)
	o := backends.RedisOptions(line.addr())
	o.PoolSize, o.PoolTimeout, o.MaxRetries = 1, 100*time.Millisecond, -1
	client := redisClientOf(t, o)
	store := redisStore(t, client)
	id, _ := created(t, store)

	line.stall()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	given := make(chan error, 1)
	go func() { _, err := store.Load(ctx, id); given <- err }()
	eventually(t, "Load has the connection", func() bool { return client.PoolStats().IdleConns == 0 })
	cancel()
	if err := <-given; !errors.Is(err, context.Canceled) {
		t.Errorf("Load that is cancelled: %v", err)
	}
	_, err := store.Load(t.Context(), id)
	wantNoSentinel(t, err)
	if err == nil || !strings.Contains(err.Error(), "pool timeout") {
		t.Errorf("Load when no connection is free: %v, want a pool timeout", err)
	}
	line.cut()
	eventually(t, "answers flow again", func() bool {
		_, err := store.Load(t.Context(), id)
		wantNoSentinel(t, err)
		return err == nil
	})
}

// TestRedisKeepsDeadlines ends calls at the deadline of a request where nobody watches the
// driver: while it waits for the server's first word, for a free connection, and for an
// answer.
func TestRedisKeepsDeadlines(t *testing.T) {
	t.Parallel()
	server := redisDaemon(t)
	line := newCable(t, server.URL)
	o := backends.RedisOptions(line.addr())
	o.PoolSize = 1
	late := func(what string, store *redisstore.Store) {
		t.Helper()
		ctx, cancel := sessionstore.WithDeadlineOnly(t.Context(), time.Now().Add(20*time.Millisecond))
		defer cancel()
		if _, err := store.Load(ctx, randomID()); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Load %s: %v", what, err)
		}
	}

	client := redisClientOf(t, o)
	store := redisStore(t, client)
	created(t, store)
	line.stall()
	late("when the server says nothing", store)
	line.cut()
	eventually(t, "answers flow again", func() bool {
		_, err := store.Load(t.Context(), randomID())
		return errors.Is(err, sessionstore.ErrNotFound)
	})
	line.stall()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	given := make(chan error, 1)
	go func() { _, err := store.Load(ctx, randomID()); given <- err }()
	eventually(t, "a call has the connection", func() bool { return client.PoolStats().IdleConns == 0 })
	late("when no connection is free", store)
	cancel()
	if err := <-given; !errors.Is(err, context.Canceled) {
		t.Errorf("Load that is cancelled: %v", err)
	}
	late("when a new connection gets no answer", redisStore(t, redisClientOf(t, backends.RedisOptions(line.addr()))))
}

// redisFull returns a store that holds r on a server whose memory is full.
func redisFull(tb testing.TB, id string, r sessionstore.Record) sessionstore.Store {
	tb.Helper()
	client := redisClient(tb, redisDaemon(tb).URL)
	store := redisStore(tb, client)
	if err := store.Create(tb.Context(), id, r); err != nil {
		tb.Fatal(err)
	}
	redisDo(tb, client, "CONFIG", "SET", "maxmemory", "1")
	return store
}

// redisDaemon starts a server that keeps what it has acknowledged.
func redisDaemon(tb testing.TB, args ...string) *servers.Server {
	tb.Helper()
	return servers.Own(tb, servers.Redis, append([]string{
		"--appendonly", "yes", "--appendfsync", "always", "--maxmemory-policy", "noeviction",
	}, args...)...)
}

// redisKnows makes sure that the server has the scripts.
func redisKnows(t *testing.T, s *redisstore.Store) {
	t.Helper()
	id, r := createdFor(t, s, "visitor")
	next := r
	next.Version++
	if err := errors.Join(
		s.Update(t.Context(), id, r.Version, next), s.Touch(t.Context(), id, next.Version, r.Expires), s.Delete(t.Context(), id),
	); err != nil {
		t.Fatal(err)
	}
}

// redisCalls returns how often the server has run these commands.
func redisCalls(t *testing.T, client *redis.Client, commands ...string) int {
	t.Helper()
	info, err := client.Info(t.Context(), "commandstats").Result()
	if err != nil {
		t.Fatal(err)
	}
	sum := 0
	for _, c := range commands {
		if _, rest, ok := strings.Cut(info, "cmdstat_"+c+":calls="); ok {
			var n int
			if _, err := fmt.Sscan(strings.SplitN(rest, ",", 2)[0], &n); err != nil {
				t.Fatal(err)
			}
			sum += n
		}
	}
	return sum
}

// wantRedisError fails the test unless err wraps this error of the server's.
func wantRedisError(t *testing.T, what string, err error, prefix string) {
	t.Helper()
	var reply redis.Error
	if !errors.As(err, &reply) || !strings.HasPrefix(reply.Error(), prefix) {
		t.Errorf("%s: error is %v, want %s", what, err, prefix)
	}
	wantNoSentinel(t, err)
}

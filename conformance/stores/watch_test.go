package stores_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/redis/go-redis/v9"

	"github.com/cloakroom-go/cloakroom/conformance/stores/internal/servers"
	"github.com/cloakroom-go/cloakroom/core/session"
	"github.com/cloakroom-go/cloakroom/core/sessionstore"
	postgresstore "github.com/cloakroom-go/cloakroom/store-postgres"
)

// A reporting store counts what it has reported.
type reporting struct {
	sessionstore.Store

	begun, reports atomic.Int64
}

func (s *reporting) Unwrap() sessionstore.Store { return s.Store }

func (s *reporting) Watch(ctx context.Context, changed func(string)) error {
	return sessionstore.Watch(ctx, s.Store, func(id string) {
		changed(id)
		if id == "" {
			s.begun.Add(1)
		} else {
			s.reports.Add(1)
		}
	})
}

// asksHourly are options for a Manager that learns of an end from the store, or not before
// this test has failed.
func asksHourly() session.Options {
	o := lifeOptions()
	o.WatchEvery = time.Hour
	return o
}

func TestAStreamLearnsOfTheEndFromRedis(t *testing.T) {
	t.Parallel()
	servers.Each(t, servers.Redis, func(t *testing.T, s *servers.Server) {
		t.Helper()
		learnsAtOnce(t, func() sessionstore.Store { return redisNotifying(t, redisClient(t, s.URL), redisPrefix) })
	})
}

func TestAStreamLearnsOfTheEndFromARedisCluster(t *testing.T) {
	t.Parallel()
	nodes := servers.OwnCluster(t, 0)
	learnsAtOnce(t, func() sessionstore.Store {
		client := redis.NewClusterClient(redisClusterOptions(nodes))
		t.Cleanup(func() { _ = client.Close() }) // nothing is left to lose
		return redisNotifying(t, client, redisPrefix)
	})
}

func TestAStreamLearnsOfTheEndFromPostgres(t *testing.T) {
	t.Parallel()
	servers.Each(t, servers.Postgres, func(t *testing.T, s *servers.Server) {
		t.Helper()
		config := postgresConfig(t, s.URL)
		table := postgresTable(t, postgresPool(t, config))
		learnsAtOnce(t, func() sessionstore.Store {
			return postgresStoreOf(t, postgresPool(t, config), postgresstore.Options{Table: table, Notify: true})
		})
	})
}

// learnsAtOnce has streams in one process, and ends their sessions in another. One of somebody
// else goes on throughout: the store is not listened to for a stream that has ended, and the
// look with which each begins may find the end before it is reported.
func learnsAtOnce(t *testing.T, open func() sessionstore.Store) {
	t.Helper()
	store := &reporting{Store: open()}
	o := asksHourly()
	here, there := manager(t, store, o), manager(t, open(), o)
	_, another := login(t, here, subject())
	stream(t, here, another)
	eventually(t, "the store is listened to", func() bool { return store.begun.Load() > 0 })
	name := subject()
	for _, end := range []struct {
		how string
		do  func(cookie *http.Cookie) error
	}{
		{"Destroy", func(cookie *http.Cookie) error {
			send(t, there, cookie, func(_ context.Context, s *session.Session) { s.Destroy() })
			return nil
		}},
		{"EndIf", func(*http.Cookie) error {
			_, err := there.EndIf(t.Context(), name, func(session.Info) bool { return true })
			return err
		}},
		{"EndSubject", func(*http.Cookie) error {
			_, err := there.EndSubject(t.Context(), name)
			return err
		}},
	} {
		_, cookie := login(t, here, name)
		begun, before := store.begun.Load(), store.reports.Load()
		over := stream(t, here, cookie)
		if err := end.do(cookie); err != nil {
			t.Fatalf("%s: %v", end.how, err)
		}
		wantOver(t, end.how, over)
		eventually(t, "the store has reported it, unless the connection had to be made again", func() bool {
			return store.reports.Load() > before || store.begun.Load() > begun
		})
	}
}

func wantOver(t *testing.T, how string, over <-chan error) {
	t.Helper()
	select {
	case why := <-over:
		if !errors.Is(why, session.ErrNotFound) {
			t.Errorf("%s: the stream ends because of %v, want ErrNotFound", how, why)
		}
	case <-time.After(patience):
		t.Fatalf("%s: the stream goes on", how)
	}
}

// What ends while the connection is broken is found when there is another.
func TestAStreamLearnsOfTheEndBehindACutConnection(t *testing.T) {
	t.Parallel()
	t.Run("redis", func(t *testing.T) {
		t.Parallel()
		server := servers.Any(t, servers.Redis)
		line := newCable(t, server.URL)
		learnsAfter(t, redisNotifying(t, redisClient(t, line.addr()), redisPrefix), redisStore(t, redisClient(t, server.URL)),
			line.stall, line.cut)
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		server := postgres(t)
		direct := postgresPool(t, server)
		table := postgresTable(t, direct)
		line := newCable(t, postgresAddr(server))
		store := postgresStoreOf(t, postgresPool(t, postgresAt(server, line.addr())), postgresstore.Options{Table: table, Notify: true})
		learnsAfter(t, store, postgresStore(t, direct, table), line.stall, line.cut)
	})
}

// learnsAfter ends a session by way of another store, which says nothing, between the
// begin and the end of a fault.
func learnsAfter(t *testing.T, store, silent sessionstore.Store, begin, end func()) {
	t.Helper()
	counted := &reporting{Store: store}
	o := asksHourly()
	here, there := manager(t, counted, o), manager(t, silent, o)
	_, cookie := login(t, here, subject())
	over := stream(t, here, cookie)
	eventually(t, "the store is listened to", func() bool { return counted.begun.Load() == 1 })
	begin()
	send(t, there, cookie, func(_ context.Context, s *session.Session) { s.Destroy() })
	end()
	wantOver(t, "ended meanwhile", over)
	if n := counted.reports.Load(); n > 0 && counted.begun.Load() == 1 {
		t.Errorf("%d reports, want none of a store that says nothing", n)
	}
}

// After a restart of the server, the store is listened to again.
func TestAStreamLearnsOfTheEndAfterARestart(t *testing.T) {
	t.Parallel()
	t.Run("redis", func(t *testing.T) {
		t.Parallel()
		server := redisDaemon(t)
		learnsAgain(t, server, redisNotifying(t, redisClient(t, server.URL), redisPrefix))
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		server := servers.Own(t, servers.Postgres)
		pool := postgresPool(t, postgresConfig(t, server.URL))
		learnsAgain(t, server, postgresStoreOf(t, pool, postgresstore.Options{Table: postgresTable(t, pool), Notify: true}))
	})
}

func learnsAgain(t *testing.T, server *servers.Server, store sessionstore.Store) {
	t.Helper()
	counted := &reporting{Store: store}
	o := asksHourly()
	m := manager(t, counted, o)
	_, cookie := login(t, m, subject())
	over := stream(t, m, cookie)
	eventually(t, "the store is listened to", func() bool { return counted.begun.Load() == 1 })
	server.Kill(t)
	server.Start(t)
	eventually(t, "the store is listened to again", func() bool { return counted.begun.Load() == 2 })
	select {
	case why := <-over:
		t.Fatalf("the restart ends the stream because of %v", why)
	default:
	}
	eventually(t, "the store takes the end", func() bool { // an idle connection may be one from before
		res, _ := send(t, m, cookie, func(_ context.Context, s *session.Session) { s.Destroy() })
		return res.StatusCode == http.StatusOK
	})
	wantOver(t, "ended after the restart", over)
}

// A pooler in transaction mode takes LISTEN and drops what comes of it. It is found out,
// and a connection that leads around it does.
func TestPostgresListensAroundAPgBouncer(t *testing.T) {
	t.Parallel()
	server := servers.Any(t, servers.Postgres)
	direct := postgresConfig(t, server.URL)
	table := postgresTable(t, postgresPool(t, direct))
	pooled := postgresPool(t, pgBouncer(t, server))
	store := postgresStoreOf(t, pooled, postgresstore.Options{Table: table, Notify: true})
	err := store.Watch(t.Context(), func(string) { t.Error("something is reported") })
	if err == nil || errors.Is(err, sessionstore.ErrUnsupported) || !strings.Contains(err.Error(), "Options.Listen") {
		t.Errorf("Watch by way of the pooler: %v, want an error that names Options.Listen", err)
	}
	around := func(ctx context.Context) (*pgx.Conn, error) { return pgx.ConnectConfig(ctx, direct.ConnConfig) }
	learnsAtOnce(t, func() sessionstore.Store {
		return postgresStoreOf(t, pooled, postgresstore.Options{Table: table, Notify: true, Listen: around})
	})
}

// A connection to another database hears nothing, and Watch says so rather than wait.
func TestPostgresListensToTheDatabaseOfTheTable(t *testing.T) {
	t.Parallel()
	server := postgres(t)
	pool := postgresPool(t, server)
	elsewhere := server.Copy()
	elsewhere.ConnConfig.Database = "template1"
	store := postgresStoreOf(t, pool, postgresstore.Options{
		Table: postgresTable(t, pool), Notify: true,
		Listen: func(ctx context.Context) (*pgx.Conn, error) { return pgx.ConnectConfig(ctx, elsewhere.ConnConfig) },
	})
	err := store.Watch(t.Context(), func(string) { t.Error("something is reported") })
	if err == nil || !strings.Contains(err.Error(), "the same database") {
		t.Errorf("Watch of another database: %v", err)
	}
}

// Nobody listens before somebody waits, one connection does for all, and none afterwards.
func TestPostgresIsListenedToWhileSomebodyWaits(t *testing.T) {
	t.Parallel()
	server := postgres(t)
	pool := postgresPool(t, server)
	own := server.Copy()
	own.ConnConfig.RuntimeParams["application_name"] = randomID()
	listeners := func() (n int) {
		if err := pool.QueryRow(t.Context(), `SELECT count(*) FROM pg_stat_activity WHERE application_name = $1`,
			own.ConnConfig.RuntimeParams["application_name"]).Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	m := manager(t, postgresStoreOf(t, pool, postgresstore.Options{
		Table: postgresTable(t, pool), Notify: true,
		Listen: func(ctx context.Context) (*pgx.Conn, error) { return pgx.ConnectConfig(ctx, own.ConnConfig) },
	}), asksHourly())
	_, cookie := login(t, m, subject())
	if n := listeners(); n != 0 {
		t.Errorf("%d connections listen, nobody waits", n)
	}
	first, second := stream(t, m, cookie), stream(t, m, cookie)
	eventually(t, "the store is listened to", func() bool { return listeners() == 1 })
	send(t, m, cookie, func(_ context.Context, s *session.Session) { s.Destroy() })
	wantOver(t, "the first", first)
	wantOver(t, "the second", second)
	eventually(t, "nobody listens", func() bool { return listeners() == 0 })
}

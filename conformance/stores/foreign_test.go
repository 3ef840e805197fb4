package stores_test

import (
	"context"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/alexedwards/scs/goredisstore"
	"github.com/alexedwards/scs/v2/memstore"
	"github.com/gofiber/fiber/v3"
	fibersession "github.com/gofiber/fiber/v3/middleware/session"
	"github.com/redis/go-redis/v9"

	"github.com/cloakroom-go/cloakroom/conformance"
	"github.com/cloakroom-go/cloakroom/conformance/stores/internal/backends"
	"github.com/cloakroom-go/cloakroom/conformance/stores/internal/servers"
	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// Stores of other libraries know find, save and delete. Behind an adapter as one would
// write it in a quarter of an hour, they are what the suite is for.

// foreign is a store that keeps bytes under a token, as those of scs do.
type foreign interface {
	Find(token string) (b []byte, found bool, err error)
	Commit(token string, b []byte, expiry time.Time) error
	Delete(token string) error
}

// An adapter makes a foreign store a sessionstore.Store, as well as that can be done.
type adapter struct{ foreign }

func (a adapter) Load(_ context.Context, id string) (sessionstore.Record, error) {
	b, found, err := a.Find(id)
	if err != nil || !found {
		return sessionstore.Record{}, sessionstore.ErrNotFound
	}
	return sessionstore.ParseRecord(b, id)
}

func (a adapter) Create(_ context.Context, id string, r sessionstore.Record) error {
	return a.Commit(id, sessionstore.AppendRecord(nil, id, r), r.Expires)
}

func (a adapter) Update(ctx context.Context, id string, old sessionstore.Version, r sessionstore.Record) error {
	if stored, err := a.Load(ctx, id); err != nil {
		return err
	} else if stored.Version != old {
		return sessionstore.ErrConflict
	}
	return a.Create(ctx, id, r)
}

func (a adapter) Delete(_ context.Context, id string) error { return a.foreign.Delete(id) }

// fiberStorage is fiber's as a foreign store.
type fiberStorage struct{ fiber.Storage }

func (s fiberStorage) Find(token string) ([]byte, bool, error) {
	b, err := s.Get(token)
	return b, b != nil, err
}

func (s fiberStorage) Commit(token string, b []byte, expiry time.Time) error {
	return s.Set(token, b, time.Until(expiry))
}

// redisStorage is scs's on Redis, whose methods take a context.
type redisStorage struct{ *goredisstore.RedisStore }

func (s redisStorage) Find(token string) ([]byte, bool, error) {
	return s.FindCtx(context.Background(), token)
}

func (s redisStorage) Commit(token string, b []byte, expiry time.Time) error {
	return s.CommitCtx(context.Background(), token, b, expiry)
}

func (s redisStorage) Delete(token string) error { return s.DeleteCtx(context.Background(), token) }

// foreignStores are by name.
var foreignStores = map[string]func(t *testing.T) foreign{
	"scs memstore":     func(*testing.T) foreign { return memstore.NewWithCleanupInterval(0) },
	"scs goredisstore": func(t *testing.T) foreign { t.Helper(); return redisStorage{foreignRedis(t)} },
	"fiber memory":     func(*testing.T) foreign { return fiberStorage{fibersession.NewStore().Storage} },
}

// foreignRedis goes to the server that TestForeignStores has started.
func foreignRedis(t *testing.T) *goredisstore.RedisStore {
	t.Helper()
	client := redis.NewClient(backends.RedisOptions(os.Getenv(foreignAddr)))
	t.Cleanup(func() { _ = client.Close() }) // nothing is left to lose
	return goredisstore.New(client)
}

const (
	foreignName = "CLOAKROOM_FOREIGN_STORE"
	foreignAddr = "CLOAKROOM_FOREIGN_ADDR"
)

// TestForeign is run by TestForeignStores only.
func TestForeign(t *testing.T) { //nolint:paralleltest // alone in its process
	open, ok := foreignStores[os.Getenv(foreignName)]
	if !ok {
		return
	}
	conformance.Run(t, conformance.Harness{
		Open: func(t *testing.T) sessionstore.Store { t.Helper(); return adapter{open(t)} },
	})
}

// TestForeignStores has the suite fail on stores of other libraries, and say why in words
// that need no knowledge of it.
func TestForeignStores(t *testing.T) {
	t.Parallel()
	for name, want := range map[string][]string{
		"scs memstore": {
			"--- FAIL: TestForeign/create/refuses_a_live_record",
			"Create over a live record: got error <nil>, want session: already exists",
			"rule: If a live record is there, Create returns ErrExists.",
			"this case alone: go test -run '^TestForeign$/^create$/^refuses_a_live_record$'",
			"--- FAIL: TestForeign/retries/create_after_an_update",
			"--- FAIL: TestForeign/ownership/loaded_data_is_the_caller's",
		},
		"scs goredisstore": {
			"--- FAIL: TestForeign/create/refuses_a_live_record",
			"--- FAIL: TestForeign/concurrency/no_update_is_lost",
			"rule: Clients that load, change and update, and begin again after ErrConflict, lose none of their changes.",
		},
		"fiber memory": {
			"--- FAIL: TestForeign/create/refuses_a_live_record",
			"--- FAIL: TestForeign/expiry/live_until_then",
			"rule: A record is live until its Expires: none dies early.",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run", "^TestForeign$")
			cmd.Env = append(os.Environ(), foreignName+"="+name)
			if strings.Contains(name, "redis") {
				cmd.Env = append(cmd.Env, foreignAddr+"="+servers.Any(t, servers.Redis).URL)
			}
			out, err := cmd.CombinedOutput()
			if err == nil {
				t.Error("the suite passes")
			}
			for _, w := range want {
				if !strings.Contains(string(out), w) {
					t.Errorf("no %q in the output", w)
				}
			}
			if lines := strings.Count(string(out), "\n"); lines > 2000 {
				t.Errorf("the output has %d lines", lines)
			}
			if t.Failed() {
				t.Logf("output:\n%s", out)
			}
		})
	}
}

package stores_test

import (
	"net"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/bradfitz/gomemcache/memcache"

	"github.com/cloakroom-go/cloakroom/conformance"
	session "github.com/cloakroom-go/cloakroom/core"
	memcachestore "github.com/cloakroom-go/cloakroom/store-memcache"
)

const memcachePrefix = "session:"

// memcacheMaxData is what fits into an item of 1 MiB, as Options.MaxItemSize says.
const memcacheMaxData = 1<<20 - len(memcachePrefix) - session.IDLen - 192

func TestMemcache(t *testing.T) {
	t.Parallel()
	addr := memcacheAddr(t)
	describe(t, "memcache", "memcached", memcacheAsk(t, addr, "version", "VERSION "))
	conformance.Run(t, memcacheHarness(t, addr))
}

func memcacheHarness(t *testing.T, addr string) conformance.Harness {
	t.Helper()
	client := memcacheClient(t, addr)
	set := func(tb testing.TB, id string, value []byte) {
		tb.Helper()
		if err := client.Set(&memcache.Item{Key: memcachePrefix + id, Value: value, Expiration: 3600}); err != nil {
			tb.Fatal(err)
		}
	}
	open := func(t *testing.T) session.Store {
		t.Helper()
		return memcacheStore(t, memcacheClient(t, addr))
	}
	return conformance.Harness{
		Open:    open,
		Peer:    open,
		Require: []conformance.Capability{conformance.Touch},
		MaxData: memcacheMaxData,
		Corrupt: func(tb testing.TB, id string) { tb.Helper(); set(tb, id, []byte("not a record")) },
		Misplace: func(tb testing.TB, from, to string) {
			tb.Helper()
			item, err := client.Get(memcachePrefix + from)
			if err != nil {
				tb.Fatal(err)
			}
			set(tb, to, item.Value)
		},
		Outage: func(tb testing.TB) (session.Store, error) {
			tb.Helper()
			return memcacheStore(tb, memcacheClient(tb, "127.0.0.1:1")), syscall.ECONNREFUSED
		},
		Stall: func(tb testing.TB) session.Store {
			tb.Helper()
			line := newCable(tb, addr)
			line.stall()
			return memcacheStore(tb, memcacheClient(tb, line.addr()))
		},
		Full: memcacheFull,
	}
}

// memcacheAddr returns where the server is.
func memcacheAddr(t *testing.T) string {
	t.Helper()
	addr := os.Getenv("CLOAKROOM_MEMCACHE_ADDR")
	if addr == "" {
		t.Skip("CLOAKROOM_MEMCACHE_ADDR is not set")
	}
	if _, _, err := net.SplitHostPort(addr); err != nil {
		t.Fatal(err)
	}
	return addr
}

func memcacheClient(tb testing.TB, addr ...string) *memcache.Client {
	tb.Helper()
	client := memcache.New(addr...)
	client.Timeout = 2 * time.Second // a busy machine is slower than the default
	client.MaxIdleConns = 32
	tb.Cleanup(func() { _ = client.Close() }) // nothing is left to lose
	return client
}

func memcacheStore(tb testing.TB, client *memcache.Client) *memcachestore.Store {
	tb.Helper()
	store, err := memcachestore.New(client, memcachestore.Options{})
	if err != nil {
		tb.Fatal(err)
	}
	return store
}

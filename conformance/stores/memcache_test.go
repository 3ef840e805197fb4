package stores_test

import (
	"syscall"
	"testing"

	"github.com/bradfitz/gomemcache/memcache"

	"github.com/cloakroom-go/cloakroom/conformance"
	"github.com/cloakroom-go/cloakroom/conformance/stores/internal/servers"
	"github.com/cloakroom-go/cloakroom/core/sessionstore"
	memcachestore "github.com/cloakroom-go/cloakroom/store-memcache"
)

const memcachePrefix = "session:"

// memcacheMaxData is what fits into an item of 1 MiB, as Options.MaxItemSize says.
const memcacheMaxData = 1<<20 - len(memcachePrefix) - sessionstore.IDLen - 192

func TestMemcache(t *testing.T) {
	t.Parallel()
	servers.Each(t, servers.Memcached, func(t *testing.T, s *servers.Server) {
		t.Helper()
		describe(t, "memcache", s.Name, s.Version)
		conformance.Run(t, memcacheHarness(t, s.URL))
	})
}

// TestMemcacheSeveral runs the suite on three servers among which the client
// spreads the keys.
func TestMemcacheSeveral(t *testing.T) {
	t.Parallel()
	var addrs []string
	var server *servers.Server
	for range 3 {
		server = servers.Own(t, servers.Memcached)
		addrs = append(addrs, server.URL)
	}
	describe(t, "memcache, three servers", server.Name, server.Version)
	conformance.Run(t, memcacheHarness(t, addrs...))
	for _, addr := range addrs {
		if memcacheStat(t, addr, "cmd_set") == 0 {
			t.Errorf("nothing was written to %s", addr)
		}
	}
}

func memcacheHarness(t *testing.T, addrs ...string) conformance.Harness {
	t.Helper()
	client := memcacheClient(t, addrs...)
	set := func(tb testing.TB, id string, value []byte) {
		tb.Helper()
		if err := client.Set(&memcache.Item{Key: memcachePrefix + id, Value: value, Expiration: 3600}); err != nil {
			tb.Fatal(err)
		}
	}
	open := func(t *testing.T) sessionstore.Store {
		t.Helper()
		return memcacheStore(t, memcacheClient(t, addrs...))
	}
	return conformance.Harness{
		Deadline: patience, // a busy machine is no store that hangs
		Open:     open,
		Peer:     open,
		Require:  []conformance.Capability{conformance.Toucher},
		MaxData:  memcacheMaxData,
		Corrupt:  func(tb testing.TB, id string) { tb.Helper(); set(tb, id, []byte("not a record")) },
		Misplace: func(tb testing.TB, from, to string) {
			tb.Helper()
			item, err := client.Get(memcachePrefix + from)
			if err != nil {
				tb.Fatal(err)
			}
			set(tb, to, item.Value)
		},
		Outage: func(tb testing.TB) (sessionstore.Store, error) {
			tb.Helper()
			return memcacheStore(tb, memcacheClient(tb, "127.0.0.1:1")), syscall.ECONNREFUSED
		},
		Stall: func(tb testing.TB) sessionstore.Store {
			tb.Helper()
			line := newCable(tb, addrs[0])
			line.stall()
			return memcacheStore(tb, memcacheClient(tb, line.addr()))
		},
		Full: memcacheFull,
	}
}

func memcacheClient(tb testing.TB, addr ...string) *memcache.Client {
	tb.Helper()
	client := memcache.New(addr...)
	client.Timeout = patience
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

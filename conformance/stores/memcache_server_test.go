package stores_test

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cloakroom-go/cloakroom/conformance/stores/internal/servers"
	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// TestMemcacheLifetimes reads from the server how long it keeps a record.
func TestMemcacheLifetimes(t *testing.T) {
	t.Parallel()
	addr := servers.Any(t, servers.Memcached).URL
	store := memcacheStore(t, memcacheClient(t, addr))
	const month = 30 * 24 * time.Hour
	for _, life := range []time.Duration{time.Hour, month - time.Second, month, month + time.Second, 400 * 24 * time.Hour} {
		id, start := randomID(), time.Now()
		if err := store.Create(t.Context(), id, sessionstore.Record{Expires: start.Add(life), Version: 1}); err != nil {
			t.Fatal(err)
		}
		seconds, err := strconv.Atoi(memcacheAsk(t, addr, "mg "+memcachePrefix+id+" t", "HD t"))
		if err != nil {
			t.Fatal(err)
		}
		// Its clock ticks in seconds, late where the machine is busy: it is behind then. What
		// it takes for something else than it is would be off by years.
		left := time.Duration(seconds) * time.Second
		if left > life+patience || left < life-time.Since(start)-time.Second {
			t.Errorf("asked for %v, the server keeps it for %v", life, left)
		}
	}
}

// TestMemcacheCost counts requests as the server does.
func TestMemcacheCost(t *testing.T) {
	t.Parallel()
	addr := memcacheDaemon(t).URL
	wantCosts(t, memcacheStore(t, memcacheClient(t, addr)), 1, 0, func() int {
		return memcacheStat(t, addr, "cmd_get") + memcacheStat(t, addr, "cmd_set") +
			memcacheStat(t, addr, "delete_hits") + memcacheStat(t, addr, "delete_misses")
	})
}

// TestMemcacheClocksApart has a client whose clock is a quarter of a century
// behind the server's, as that of a synctest bubble is.
func TestMemcacheClocksApart(t *testing.T) {
	t.Parallel()
	addr := servers.Any(t, servers.Memcached).URL
	synctest.Test(t, func(t *testing.T) {
		client := memcacheClient(t, addr)
		store := memcacheStore(t, client)
		id, r := created(t, store)
		if got, err := store.Load(t.Context(), id); err != nil || !got.Expires.Equal(r.Expires) {
			t.Errorf("Load: until %v, error %v, want %v", got.Expires, err, r.Expires)
		}
		// This clock stands still, the server's does not.
		left, err := strconv.Atoi(memcacheAsk(t, addr, "mg "+memcachePrefix+id+" t", "HD t"))
		if err != nil || left > 3601 || left < 3600-int(patience.Seconds()) {
			t.Errorf("the server keeps for %d s what lives for an hour: %v", left, err)
		}
		<-time.After(time.Until(r.Expires))
		if _, err := store.Load(t.Context(), id); !errors.Is(err, sessionstore.ErrNotFound) {
			t.Errorf("Load at expiry: %v", err)
		}
		if err := store.Create(t.Context(), id, sessionstore.Record{Expires: time.Now().Add(time.Hour), Version: 2}); err != nil {
			t.Errorf("Create at expiry: %v", err)
		}
	})
}

// memcacheAsk sends a line and returns what the first line of the answer says
// after prefix.
func memcacheAsk(tb testing.TB, addr, line, prefix string) string {
	tb.Helper()
	r := memcacheSend(tb, addr, line)
	answer, err := r.ReadString('\n')
	if err != nil {
		tb.Fatal(err)
	}
	rest, ok := strings.CutPrefix(strings.TrimSpace(answer), prefix)
	if !ok {
		tb.Fatalf("%s: %q", line, answer)
	}
	return rest
}

// memcacheStat returns one of the server's counters.
func memcacheStat(tb testing.TB, addr, name string) int {
	tb.Helper()
	r := memcacheSend(tb, addr, "stats")
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			tb.Fatal(err)
		}
		var n int
		if rest, ok := strings.CutPrefix(line, "STAT "+name+" "); ok {
			if _, err := fmt.Sscan(rest, &n); err != nil {
				tb.Fatal(err)
			}
			return n
		}
	}
}

func memcacheSend(tb testing.TB, addr, line string) *bufio.Reader {
	tb.Helper()
	var d net.Dialer
	conn, err := d.DialContext(tb.Context(), "tcp", addr)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = conn.Close() }) // read only
	if _, err := conn.Write([]byte(line + "\r\n")); err != nil {
		tb.Fatal(err)
	}
	return bufio.NewReader(conn)
}

package stores_test

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/cloakroom-go/cloakroom/conformance/stores/internal/servers"
	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// TestMemcacheEvicted writes until the server has no room and evicts.
func TestMemcacheEvicted(t *testing.T) {
	t.Parallel()
	server := memcacheDaemon(t, "-m", "2")
	store := memcacheStore(t, memcacheClient(t, server.URL))
	var ids []string
	for evicted := 0; evicted == 0; evicted = memcacheStat(t, server.URL, "evictions") {
		for range 100 {
			id, r := randomID(), sessionstore.Record{Data: make([]byte, 10_000), Expires: time.Now().Add(time.Hour), Version: 1}
			if err := store.Create(t.Context(), id, r); err != nil {
				t.Fatalf("Create when others can be evicted: %v", err)
			}
			ids = append(ids, id)
		}
	}
	gone := 0
	for _, id := range ids {
		switch _, err := store.Load(t.Context(), id); {
		case errors.Is(err, sessionstore.ErrNotFound):
			gone++
		case err != nil:
			t.Fatalf("Load: %v", err)
		}
	}
	if gone == 0 || gone == len(ids) {
		t.Errorf("%d of %d records are gone", gone, len(ids))
	}
}

// TestMemcacheFlushed flushes the server between a Load and what follows it.
func TestMemcacheFlushed(t *testing.T) {
	t.Parallel()
	server := memcacheDaemon(t)
	store := memcacheStore(t, memcacheClient(t, server.URL))
	id, r := created(t, store)
	touched, s := created(t, store)
	for _, id := range []string{id, touched} {
		if _, err := store.Load(t.Context(), id); err != nil {
			t.Fatal(err)
		}
	}
	memcacheAsk(t, server.URL, "flush_all", "OK")

	next := r
	next.Version++
	memcacheGone(t, store.Update(t.Context(), id, r.Version, next))
	memcacheGone(t, store.Touch(t.Context(), touched, s.Version, s.Expires))
	_, err := store.Load(t.Context(), id)
	memcacheGone(t, err)
	if err := store.Delete(t.Context(), id); err != nil {
		t.Errorf("Delete: %v", err)
	}
}

// TestMemcacheRestarted kills the server, so that what it held is gone, and its
// numbers begin anew.
func TestMemcacheRestarted(t *testing.T) {
	t.Parallel()
	server := memcacheDaemon(t)
	store := memcacheStore(t, memcacheClient(t, server.URL))
	id, r := created(t, store)
	if _, err := store.Load(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	server.Kill(t)
	_, err := store.Load(t.Context(), id)
	wantNoSentinel(t, err)
	if err == nil {
		t.Error("Load while the server is down reports success")
	}
	server.Start(t)
	next := r
	next.Version++
	eventually(t, "the server answers again", func() bool {
		err = store.Update(t.Context(), id, r.Version, next)
		return errors.Is(err, sessionstore.ErrNotFound)
	})
	if err := store.Create(t.Context(), id, r); err != nil {
		t.Errorf("Create: %v", err)
	}
}

// TestMemcacheTooLarge has a server that takes less than the store knows.
func TestMemcacheTooLarge(t *testing.T) {
	t.Parallel()
	server := memcacheDaemon(t, "-I", "512k")
	store := memcacheStore(t, memcacheClient(t, server.URL))
	id, r := created(t, store)
	next := r
	next.Version++
	next.Data = make([]byte, 600_000)
	err := store.Update(t.Context(), id, r.Version, next)
	if !errors.Is(err, sessionstore.ErrTooLarge) {
		t.Errorf("Update: %v, want %v", err, sessionstore.ErrTooLarge)
	}
	if got, err := store.Load(t.Context(), id); err != nil || got.Version != r.Version {
		t.Errorf("Load: version %d, %v, want %d", got.Version, err, r.Version)
	}

	before := memcacheStat(t, server.URL, "cmd_set")
	next.Data = make([]byte, memcacheMaxData+1)
	err = store.Update(t.Context(), id, r.Version, next)
	if sent := memcacheStat(t, server.URL, "cmd_set") - before; sent != 0 || !errors.Is(err, sessionstore.ErrTooLarge) {
		t.Errorf("Update: %v and %d writes, want %v and none", err, sent, sessionstore.ErrTooLarge)
	}
}

// TestMemcacheWithoutCAS has a server on which every cas would succeed.
func TestMemcacheWithoutCAS(t *testing.T) {
	t.Parallel()
	store := memcacheStore(t, memcacheClient(t, memcacheDaemon(t, "-C").URL))
	id, _ := created(t, store)
	_, err := store.Load(t.Context(), id)
	wantNoSentinel(t, err)
	if err == nil || !strings.Contains(err.Error(), "-C") {
		t.Errorf("Load: %v, want an error that says why", err)
	}
}

// TestMemcacheAnswerLost resets the connection when a write has been done and its
// answer is under way. The caller can't know, and may repeat it.
func TestMemcacheAnswerLost(t *testing.T) {
	t.Parallel()
	server := memcacheDaemon(t)
	line := newCable(t, server.URL)
	store := memcacheStore(t, memcacheClient(t, line.addr()))
	id, r := created(t, store)
	next := r
	next.Version++
	fresh := randomID()
	for what, write := range map[string]func() error{
		"Update": func() error { return store.Update(t.Context(), id, r.Version, next) },
		"Create": func() error { return store.Create(t.Context(), fresh, r) },
	} {
		if _, err := store.Load(t.Context(), id); err != nil { // so that Update is one cas
			t.Fatal(err)
		}
		before := memcacheStat(t, server.URL, "cmd_set")
		line.stall()
		result := make(chan error, 1)
		go func() { result <- write() }()
		eventually(t, "the server has done it", func() bool { return memcacheStat(t, server.URL, "cmd_set") > before })
		line.cut()
		err := <-result
		wantNoSentinel(t, err)
		if err == nil {
			t.Errorf("%s reports success without an answer", what)
		}
		if err := write(); err != nil {
			t.Errorf("%s again: %v", what, err)
		}
	}
}

// TestMemcacheStalled lets the server's answers wait.
func TestMemcacheStalled(t *testing.T) {
	t.Parallel()
	server := memcacheDaemon(t)
	line := newCable(t, server.URL)
	id, _ := created(t, memcacheStore(t, memcacheClient(t, server.URL)))
	client := memcacheClient(t, line.addr())
	client.Timeout = 200 * time.Millisecond
	store := memcacheStore(t, client)
	line.stall()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := store.Load(ctx, id); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Load with a deadline: %v", err)
	}
	_, err := store.Load(t.Context(), id)
	wantNoSentinel(t, err)
	var timeout net.Error
	if !errors.As(err, &timeout) || !timeout.Timeout() {
		t.Errorf("Load: %v, want a timeout", err)
	}
	line.cut()
	eventually(t, "answers flow again", func() bool {
		_, err := store.Load(t.Context(), id)
		wantNoSentinel(t, err)
		return err == nil
	})
}

// memcacheFull returns a store that holds r on a server that has no room for
// another record and must not evict.
func memcacheFull(tb testing.TB, id string, r sessionstore.Record) sessionstore.Store {
	tb.Helper()
	store := memcacheStore(tb, memcacheClient(tb, memcacheDaemon(tb, "-M", "-m", "2").URL))
	if err := store.Create(tb.Context(), id, r); err != nil {
		tb.Fatal(err)
	}
	for range 100_000 {
		err := store.Create(tb.Context(), randomID(), r)
		if err != nil && strings.Contains(err.Error(), "out of memory") {
			return store
		}
		if err != nil {
			tb.Fatal(err)
		}
	}
	tb.Fatal("the server takes any number of records")
	return nil
}

// memcacheDaemon starts a server of the test's own.
func memcacheDaemon(tb testing.TB, args ...string) *servers.Server {
	tb.Helper()
	return servers.Own(tb, servers.Memcached, args...)
}

func memcacheGone(t *testing.T, err error) {
	t.Helper()
	if !errors.Is(err, sessionstore.ErrNotFound) {
		t.Errorf("error is %v, want %v", err, sessionstore.ErrNotFound)
	}
}

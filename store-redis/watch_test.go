package redisstore

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// Nobody pays for what nobody asked for, and whoever asked pays with no call.
func TestNotifyCostsNoCall(t *testing.T) {
	t.Parallel()
	id := newID()
	ok := bulk([]byte("ok"))
	for name, c := range map[string]struct {
		call    func(*Store) error
		answer  string // to every command
		off, on string // the commands
		told    int    // so many of them name the channel, if it is on
	}{
		"Load":   {func(s *Store) error { _, err := s.Load(t.Context(), id); return err }, stored(id, newRecord("")), "get", "get", 0},
		"Create": {func(s *Store) error { return s.Create(t.Context(), id, newRecord("")) }, "+OK\r\n", "set", "set", 0},
		"Update": {func(s *Store) error { return s.Update(t.Context(), id, 1, newRecord("")) }, ok, "update", "update", 1},
		"Touch":  {func(s *Store) error { return s.Touch(t.Context(), id, 1, newRecord("").Expires) }, ok, "touch", "touch", 0},
		"Delete": {func(s *Store) error { return s.Delete(t.Context(), id) }, bulk(nil), "getrange del", "eval", 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for on, want := range map[bool]string{false: c.off, true: c.on} {
				store, server := openWith(t, func(command []string) string {
					if command[0] == "del" {
						return ":1\r\n"
					}
					return c.answer
				}, Options{Notify: on})
				if err := c.call(store); err != nil {
					t.Fatal(err)
				}
				if got := server.asked(); got != want {
					t.Errorf("Notify %v: commands are %q, want %q", on, got, want)
				}
				told := 0
				for _, command := range server.commands {
					if command[len(command)-1] == "session:ended" {
						told++
					}
				}
				if on && told != c.told || !on && told != 0 {
					t.Errorf("Notify %v: %d commands name the channel", on, told)
				}
			}
		})
	}
}

func TestWatchReturnsWhenItsContextIsDoneThoughTheServerIsSilent(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store, _ := openWith(t, always(""), Options{Notify: true})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		start := time.Now()
		wantError(t, "at the deadline", store.Watch(ctx, func(string) {}), context.DeadlineExceeded)
		if took := time.Since(start); took != time.Second {
			t.Errorf("returned after %v, want a second", took)
		}
	})
}

// A server that confirms the subscription and sends nothing may not let the client publish,
// or not to itself.
func TestWatchSaysThatNothingArrives(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ publish, want string }{
		"it gets lost": {":0\r\n", errUnheard.Error()},
		"it is denied": {"-NOPERM this user has no permissions to access one of the channels\r\n", "NOPERM"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				store, _ := openWith(t, func(command []string) string {
					if command[0] == "subscribe" {
						return "*3\r\n" + bulk([]byte("subscribe")) + bulk([]byte(command[1])) + ":1\r\n"
					}
					return c.publish
				}, Options{Notify: true})
				err := store.Watch(t.Context(), func(string) { t.Error("something is reported") })
				if err == nil || !strings.HasPrefix(err.Error(), "redisstore: ") || !strings.Contains(err.Error(), c.want) {
					t.Errorf("Watch: %v, want %s", err, c.want)
				}
			})
		})
	}
}

func TestWatchIsUnsupportedUnlessItIsSetUp(t *testing.T) {
	t.Parallel()
	client := redis.NewClient(&redis.Options{Addr: "127.0.0.1:1"})
	ring := redis.NewRing(&redis.RingOptions{Addrs: map[string]string{"one": "127.0.0.1:1"}})
	t.Cleanup(func() { _, _ = client.Close(), ring.Close() }) // they were never connected
	done, cancel := context.WithCancel(t.Context())
	cancel()
	for name, c := range map[string]struct {
		client redis.UniversalClient
		notify bool
		want   error
	}{
		"without Notify": {client, false, sessionstore.ErrUnsupported},
		"a ring":         {ring, true, sessionstore.ErrUnsupported},
		"set up":         {client, true, context.Canceled},
	} {
		store, err := New(c.client, Options{Notify: c.notify})
		if err != nil {
			t.Fatal(err)
		}
		err = store.Watch(done, func(string) { t.Errorf("%s: something is reported", name) })
		if !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
}

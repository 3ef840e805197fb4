package main

import (
	"context"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/cloakroom-go/cloakroom/cmd/cloakroom/internal/storeurl"
	"github.com/cloakroom-go/cloakroom/core/memstore"
	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

func TestCheckFindsAStoreThatCanBeUsed(t *testing.T) {
	t.Parallel()
	for kind, address := range places(t) {
		cloakroom(t, "check", "-store", address).want(t, exitDone, "read, written, compared  yes, in ", "")
		if h := decoded[health](t, cloakroom(t, "check", "-json", "-store", address)); !h.OK || h.Error != "" || h.Store == "" {
			t.Errorf("%s: %+v", kind, h)
		}
		if n := decoded[counts](t, cloakroom(t, "count", "-json", "-store", address)); n != (counts{}) {
			t.Errorf("%s: it leaves %+v", kind, n)
		}
	}
}

// closed returns an address at which nobody answers.
func closed(t *testing.T) string {
	t.Helper()
	var l net.ListenConfig
	ln, err := l.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := ln.Close(); err != nil {
		t.Fatal(err)
	}
	return ln.Addr().String()
}

func TestAStoreThatIsDownIsAnErrorWithoutItsPassword(t *testing.T) {
	t.Parallel()
	at := closed(t)
	for _, address := range []string{
		"redis://user:hunter2@" + at,
		"rediss://user:hunter2@" + at,
		"redis+sentinel://user:hunter2@" + at + "/shop?sentinel_password=hunter2",
		"redis+cluster://user:hunter2@" + at,
		"memcache://" + at,
		"postgres://user:hunter2@" + at + "/shop",
		"mysql://user:hunter2@" + at + "/shop",
		"mongodb://user:hunter2@" + at + "/shop",
	} {
		for _, command := range []string{"check", "count"} {
			if command == "count" && strings.HasPrefix(address, "memcache") {
				continue
			}
			scheme, _, _ := strings.Cut(address, ":")
			t.Run(command+" "+scheme, func(t *testing.T) {
				t.Parallel()
				r := cloakroom(t, command, "-timeout", "1s", "-store", address)
				r.want(t, exitFailed, "", "127.0.0.1")
				if strings.Contains(r.stdout+r.stderr, "hunter2") {
					t.Errorf("it prints the password: %s", r.stderr)
				}
			})
		}
	}
}

// silent returns an address at which connections are accepted, and nothing is answered.
func silent(t *testing.T) string {
	t.Helper()
	var l net.ListenConfig
	ln, err := l.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ln.Close() }) // which ends what waits in its queue
	return ln.Addr().String()
}

func TestAServerThatDoesNotAnswerIsGivenUp(t *testing.T) {
	t.Parallel()
	at := silent(t)
	for _, address := range []string{
		"redis://" + at, "redis+cluster://" + at,
		"postgres://user@" + at + "/shop", "mysql://user@" + at + "/shop", "mongodb://" + at + "/shop",
	} {
		for _, command := range []string{"count", "prune"} {
			scheme, _, _ := strings.Cut(address, ":")
			if command == "prune" && strings.HasPrefix(scheme, "redis") {
				continue // there is nothing to ask
			}
			t.Run(command+" "+scheme, func(t *testing.T) {
				t.Parallel()
				ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second) // a hundred times as long
				defer cancel()
				cloakroomOn(ctx, storeurl.Open, command, "-timeout", "200ms", "-store", address).want(t, exitFailed, "", "127.0.0.1")
			})
		}
	}
}

func TestCheckSaysWhatIsWrongAsJSON(t *testing.T) {
	t.Parallel()
	r := cloakroom(t, "check", "-json", "-timeout", "1s", "-store", "redis://user:hunter2@"+closed(t))
	r.want(t, exitFailed, `"ok": false`, "creating a record")
	r.want(t, exitFailed, `"error": "redis://127.0.0.1:`, "")
	if strings.Contains(r.stdout, "hunter2") {
		t.Error("it prints the password")
	}
}

func TestCheckComparesClocks(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		ahead time.Duration
		args  string
		code  int
	}{
		{0, "", exitDone},
		{4 * time.Hour, "", exitFailed},
		{-4 * time.Hour, "", exitFailed},
		{-4 * time.Hour, "-skew 5h", exitDone},
	} {
		open := func(context.Context, string, storeurl.Options) (*storeurl.Opened, error) {
			return &storeurl.Opened{
				Store: memstore.New(memstore.Options{}), Where: "mem", Close: func() error { return nil },
				Clocks: func(context.Context) ([]time.Time, error) {
					return []time.Time{time.Now(), time.Now().Add(c.ahead)}, nil
				},
			}, nil
		}
		r := cloakroomOn(t.Context(), open, append([]string{"check", "-store", "mem", "-timeout", "5m"}, strings.Fields(c.args)...)...)
		if r.code != c.code || (c.code == exitFailed) != strings.Contains(r.stderr, "clocks are apart") {
			t.Errorf("%v ahead, %s: %+v", c.ahead, c.args, r)
		}
	}
}

// A blind store replaces records of any version.
type blind struct{ sessionstore.Store }

func (s blind) Update(ctx context.Context, id string, _ sessionstore.Version, r sessionstore.Record) error {
	at, err := s.Load(ctx, id)
	if err != nil {
		return err
	}
	return s.Store.Update(ctx, id, at.Version, r)
}

func TestCheckFindsAStoreThatComparesNothing(t *testing.T) {
	t.Parallel()
	s := blind{memstore.New(memstore.Options{})}
	r := cloakroomOn(t.Context(), opens(map[string]sessionstore.Store{"blind": s}), "check", "-store", "blind")
	r.want(t, exitFailed, "", "updates are lost")
}

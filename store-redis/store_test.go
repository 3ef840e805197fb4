package redisstore

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

func TestAClientIsAskedWhetherItKeepsDeadlines(t *testing.T) {
	t.Parallel()
	plain := redis.Options{ContextTimeoutEnabled: true}
	with := func(change func(*redis.Options)) redis.UniversalClient {
		o := plain
		change(&o)
		return redis.NewClient(&o)
	}
	addrs := []string{"127.0.0.1:1"}
	ring := redis.NewRing(&redis.RingOptions{Addrs: map[string]string{"one": addrs[0]}, ContextTimeoutEnabled: true})
	for name, c := range map[string]struct {
		client redis.UniversalClient
		keeps  bool
	}{
		"plain":            {with(func(*redis.Options) {}), true},
		"no read timeout":  {with(func(o *redis.Options) { o.ReadTimeout = -1 }), true},
		"not told to":      {with(func(o *redis.Options) { o.ContextTimeoutEnabled = false }), false},
		"never to read":    {with(func(o *redis.Options) { o.ReadTimeout = -2 }), false},
		"never to write":   {with(func(o *redis.Options) { o.WriteTimeout = -2 }), false},
		"TLS":              {with(func(o *redis.Options) { o.TLSConfig = new(tls.Config) }), false},
		"Sentinel":         {redis.NewFailoverClient(&redis.FailoverOptions{SentinelAddrs: addrs, ContextTimeoutEnabled: true}), false},
		"Cluster":          {redis.NewClusterClient(&redis.ClusterOptions{Addrs: addrs, ContextTimeoutEnabled: true}), false},
		"Ring":             {ring, false},
		"something around": {struct{ redis.UniversalClient }{redis.NewClient(&plain)}, false},
	} {
		if got := keepsDeadlines(c.client); got != c.keeps {
			t.Errorf("%s: %v, want %v", name, got, c.keeps)
		}
		_ = c.client.Close() // it was never connected
	}
}

// The driver's own TLS handshake knows no deadline: its server accepts, and says nothing.
func TestATLSHandshakeIsLeftAtTheDeadline(t *testing.T) {
	t.Parallel()
	silent, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = silent.Close() }() // what is in its queue is reset
	client := redis.NewClient(&redis.Options{
		Addr: silent.Addr().String(), TLSConfig: new(tls.Config), DialTimeout: time.Minute, ContextTimeoutEnabled: true,
	})
	defer func() { _ = client.Close() }() // it was never connected
	store, err := New(client, Options{})
	if err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	ctx, cancel := sessionstore.WithDeadlineOnly(t.Context(), start.Add(20*time.Millisecond))
	defer cancel()
	_, err = store.Load(ctx, newID())
	if took := time.Since(start); !errors.Is(err, context.DeadlineExceeded) || took > 30*time.Second {
		t.Errorf("Load returned %v after %v", err, took)
	}
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	client := redis.NewClient(&redis.Options{})
	t.Cleanup(func() { _ = client.Close() }) // it was never connected
	replicas := redis.NewClusterClient(&redis.ClusterOptions{Addrs: []string{"127.0.0.1:1"}, RouteRandomly: true})
	t.Cleanup(func() { _ = replicas.Close() }) // the same
	var none *redis.Client
	for name, c := range map[string]struct {
		client  redis.UniversalClient
		options Options
		want    string
	}{
		"no client":              {nil, Options{}, "client"},
		"a nil client":           {none, Options{}, "client"},
		"reading from replicas":  {replicas, Options{}, "client reads from replicas"},
		"a space in the prefix":  {client, Options{KeyPrefix: "a b"}, "KeyPrefix"},
		"a line in the prefix":   {client, Options{KeyPrefix: "a\r\n"}, "KeyPrefix"},
		"a brace in the prefix":  {client, Options{KeyPrefix: "{a}"}, "KeyPrefix"},
		"a letter beyond ASCII":  {client, Options{KeyPrefix: "ä:"}, "KeyPrefix"},
		"a long prefix":          {client, Options{KeyPrefix: strings.Repeat("x", 129)}, "KeyPrefix"},
		"a negative size":        {client, Options{MaxData: -1}, "MaxData"},
		"a size beyond the most": {client, Options{MaxData: 64<<20 + 1}, "MaxData"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := New(c.client, c.options)
			if err == nil || !strings.HasPrefix(err.Error(), "redisstore: "+c.want) {
				t.Errorf("error is %v, want one about %s", err, c.want)
			}
		})
	}
	if _, err := New(client, Options{KeyPrefix: strings.Repeat("x", 128), MaxData: 64 << 20}); err != nil {
		t.Errorf("the largest options: %v", err)
	}
}

func TestCost(t *testing.T) {
	t.Parallel()
	want := map[string]string{
		"Load":                  "get",
		"Create":                "set",
		"Create of a subject's": "index set settle",
		"Update":                "update",
		"Delete":                "getrange del",
		"Touch":                 "touch",
		"ListSubject":           "zrange",
		"DeleteSubject":         "zrange",
		"DeleteAll":             "info scan info",
		"Scan":                  "info scan info",
	}
	for name := range calls(nil) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store, server := open(t, func(command []string) string {
				switch command[0] {
				case "get":
					return "$-1\r\n"
				case "getrange":
					return "$0\r\n\r\n"
				case "del":
					return ":1\r\n"
				case "zrange":
					return "*0\r\n"
				case "scan":
					return "*2\r\n$1\r\n0\r\n*0\r\n"
				}
				return said(command, "ok")
			})
			if err := calls(store)[name](t.Context()); err != nil && name != "Load" {
				t.Fatal(err)
			}
			if got := server.asked(); got != want[name] {
				t.Errorf("commands are %q, want %q", got, want[name])
			}
		})
	}
}

func TestScriptIsSentAgainWhenTheServerHasForgottenIt(t *testing.T) {
	t.Parallel()
	store, server := open(t, inTurn("-NOSCRIPT No matching script.\r\n", "$2\r\nok\r\n"))
	if err := store.Update(t.Context(), newID(), 1, newRecord("")); err != nil {
		t.Fatal(err)
	}
	if got, want := server.asked(), "update eval"; got != want {
		t.Errorf("commands are %q, want %q", got, want)
	}
}

// TestAConflictOfAScriptThatIsSentTwiceMayBeItsOwn loses answers, and has the server forget
// the script.
func TestAConflictOfAScriptThatIsSentTwiceMayBeItsOwn(t *testing.T) {
	t.Parallel()
	const forgotten, conflict = "-NOSCRIPT No matching script.\r\n", "$8\r\nconflict\r\n"
	for name, c := range map[string]struct {
		answers  []string
		repeated bool
	}{
		"sent once":                 {[]string{conflict}, false},
		"unknown script":            {[]string{forgotten, conflict}, false},
		"no answer":                 {[]string{lost, conflict}, true},
		"no answer, unknown script": {[]string{lost, forgotten, conflict}, true},
		"unknown script, no answer": {[]string{forgotten, lost, conflict}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store, _ := openTo(t, inTurn(c.answers...), &redis.Options{MaxRetries: 1}, Options{})
			err := store.Update(t.Context(), newID(), 1, newRecord(""))
			if !errors.Is(err, sessionstore.ErrConflict) {
				t.Fatalf("got %v, want ErrConflict", err)
			}
			if errors.Is(err, sessionstore.ErrRepeated) != c.repeated || sessionstore.Certain(err) == c.repeated {
				t.Errorf("got %v; is ErrRepeated wanted: %v", err, c.repeated)
			}
		})
	}
}

// said is what a script answers. The index answers until when it keeps the record.
func said(command []string, text string) string {
	if command[0] == "evalsha" && command[1] == indexScript.Hash() {
		text = command[6]
	}
	return bulk([]byte(text))
}

func TestIndexIsToldBeforeTheRecordOutlivesIt(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		unindexed, want string
		call            func(*Store) error
	}{
		"Update": {"unindexed", "update index update settle", func(s *Store) error {
			return s.Update(t.Context(), newID(), 1, newRecord("one visitor"))
		}},
		"Touch": {"unindexed one visitor", "touch index touch settle", func(s *Store) error {
			return s.Touch(t.Context(), newID(), 1, time.Now().Add(time.Hour))
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			first := true
			store, server := open(t, func(command []string) string {
				if first {
					first = false
					return bulk([]byte(c.unindexed))
				}
				return said(command, "ok")
			})
			if err := c.call(store); err != nil {
				t.Fatal(err)
			}
			if got := server.asked(); got != c.want {
				t.Fatalf("commands are %q, want %q", got, c.want)
			}
			if got, want := server.commands[1][3], store.subjectKey("one visitor"); got != want {
				t.Errorf("index %q is told, want %q", got, want)
			}
			told, written := server.commands[1][6], micros([]byte(server.commands[2][7]))
			if settled := server.commands[3][5]; settled != told || told != strconv.FormatInt(written, 10) {
				t.Errorf("told until %s, written until %d, settled %s, want the same", told, written, settled)
			}
		})
	}
}

// A write whose outcome is open may still be made, and so may that of another writer.
func TestAWriteOnItsWayIsNotSettled(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ index, set string }{
		"no answer":      {"7", "-ERR no luck\r\n"},
		"another writer": {"+7", "+OK\r\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store, server := open(t, inTurn(bulk([]byte(c.index)), c.set))
			if err := store.Create(t.Context(), newID(), newRecord("visitor")); (err == nil) != (c.set == "+OK\r\n") {
				t.Errorf("Create: %v", err)
			}
			if got, want := server.asked(), "index set"; got != want {
				t.Errorf("commands are %q, want %q", got, want)
			}
		})
	}
}

func TestAMemberGoesWithItsRecord(t *testing.T) {
	t.Parallel()
	id := newID()
	r := newRecord("visitor")
	known := time.UnixMicro(1234567890123456)
	value := string(sessionstore.AppendRecord(encodeTime(known), id, r))
	for name, c := range map[string]struct {
		answers []string
		call    func(*Store) error
		want    string
	}{
		"Delete": {
			[]string{bulk([]byte(value)), ":1\r\n"},
			func(s *Store) error { return s.Delete(t.Context(), id) }, "getrange del unindex",
		},
		"Update": {
			[]string{bulk([]byte("taken " + value[:timeLen] + "visitor"))},
			func(s *Store) error { return s.Update(t.Context(), id, 1, newRecord("")) }, "update unindex",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store, server := open(t, inTurn(append(c.answers, bulk([]byte("ok")))...))
			if err := c.call(store); err != nil {
				t.Fatal(err)
			}
			if got := server.asked(); got != c.want {
				t.Fatalf("commands are %q, want %q", got, c.want)
			}
			last := server.commands[len(server.commands)-1]
			if want := []string{id, "1234567890123456"}; last[3] != store.subjectKey("visitor") || !slices.Equal(last[5:], want) {
				t.Errorf("%q leave the index, want %q", last[3:], want)
			}
		})
	}
}

func TestNothingIsSentForBadArguments(t *testing.T) {
	t.Parallel()
	large, timeless := newRecord(""), newRecord("")
	large.Data = make([]byte, sessionstore.DefaultMaxData+1)
	timeless.Expires = time.Time{}
	store, server := open(t, always("$2\r\nok\r\n"))
	_, err := store.Load(t.Context(), "../id")
	wantError(t, "Load of a bad id", err, sessionstore.ErrInvalid)
	wantError(t, "Delete of a bad id", store.Delete(t.Context(), ""), sessionstore.ErrInvalid)
	wantError(t, "Create of too much", store.Create(t.Context(), newID(), large), sessionstore.ErrTooLarge)
	wantError(t, "Update with too much", store.Update(t.Context(), newID(), 1, large), sessionstore.ErrTooLarge)
	wantError(t, "Create without expiry", store.Create(t.Context(), newID(), timeless), sessionstore.ErrInvalid)
	wantError(t, "Touch without expiry", store.Touch(t.Context(), newID(), 1, time.Time{}), sessionstore.ErrInvalid)
	_, err = store.ListSubject(t.Context(), "")
	wantError(t, "ListSubject of nobody", err, sessionstore.ErrInvalid)
	_, err = store.DeleteSubject(t.Context(), "a\x00b")
	wantError(t, "DeleteSubject with NUL", err, sessionstore.ErrInvalid)
	if got := server.asked(); got != "" {
		t.Errorf("commands are %q, want none", got)
	}
}

func TestLoadJudgesExpiryByTheRecord(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		id, r := newID(), newRecord("")
		store, _ := open(t, always(stored(id, r)))
		<-time.After(time.Until(r.Expires) - 1)
		if _, err := store.Load(t.Context(), id); err != nil {
			t.Errorf("a nanosecond before expiry: %v", err)
		}
		<-time.After(1)
		_, err := store.Load(t.Context(), id)
		wantError(t, "at expiry", err, sessionstore.ErrNotFound)
	})
}

func TestContextDoneWhileTheServerIsSilent(t *testing.T) {
	t.Parallel()
	for name := range calls(nil) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				store, _ := open(t, always(""))
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				start := time.Now()
				wantError(t, "at the deadline", calls(store)[name](ctx), context.DeadlineExceeded)
				if took := time.Since(start); took != time.Second {
					t.Errorf("returned after %v, want a second", took)
				}
				ctx, cancel = context.WithCancel(t.Context())
				cancel()
				wantError(t, "cancelled before", calls(store)[name](ctx), context.Canceled)
			})
		})
	}
}

func TestTTLIsRoundedUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		for left, want := range map[time.Duration]int64{
			-time.Hour:           1,
			0:                    1,
			1:                    2,
			time.Millisecond:     2,
			time.Millisecond + 1: 3,
			time.Hour - 1:        3600*1000 + 1,
			400 * 24 * time.Hour: 400*24*3600*1000 + 1,
		} {
			if got := ttl(time.Now().Add(left)); got != want {
				t.Errorf("ttl in %v is %d ms, want %d", left, got, want)
			}
		}
	})
}

func TestIndexOutlivesTheRecord(t *testing.T) {
	t.Parallel()
	now := time.Now()
	for _, c := range []struct {
		name                 string
		expires, least, most time.Time
	}{
		{"a short life", now.Add(time.Second), now.Add(time.Second + time.Hour), now.Add(65 * time.Minute)},
		{"a long life", now.Add(48 * time.Hour), now.Add(96 * time.Hour), now.Add(99 * time.Hour)},
		{"the longest life", lastTime.Add(-time.Second), lastTime.Add(-time.Second / 8), lastTime},
	} {
		got, again := indexUntil(now, c.expires), indexUntil(now, c.expires)
		if got.Before(c.least) || got.After(c.most) {
			t.Errorf("%s: until %v, want %v to %v", c.name, got, c.least, c.most)
		}
		if got.Equal(again) {
			t.Errorf("%s: until %v twice", c.name, got)
		}
	}
}

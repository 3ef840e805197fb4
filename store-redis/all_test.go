package redisstore

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// A database answers the commands of DeleteAll and Scan: it has these keys, in pages of SCAN.
type database struct {
	pages  [][]string
	values map[string]string // by key, as GET and GETRANGE answer
	runIDs []string          // one for each time that it is asked
}

func (d *database) answer(command []string) string {
	switch command[0] {
	case "info":
		id := d.runIDs[0]
		d.runIDs = d.runIDs[1:]
		return bulk([]byte("# Server\r\nredis_version:8.0.0\r\nrun_id:" + id + "\r\ntcp_port:6379\r\n"))
	case "scan":
		page := d.pages[0]
		d.pages = d.pages[1:]
		var keys strings.Builder
		for _, key := range page {
			keys.WriteString(bulk([]byte(key)))
		}
		return fmt.Sprintf("*2\r\n%s*%d\r\n%s", bulk([]byte(strconv.Itoa(len(d.pages)))), len(page), keys.String())
	case "get", "getrange":
		return d.values[command[1]]
	case "del":
		if strings.HasPrefix(d.values[command[1]], "$0") {
			return ":0\r\n"
		}
		return ":1\r\n"
	}
	return "-ERR unknown command\r\n"
}

func TestDeleteAllDeletesWhatIsUnderAnIdAndCountsWhatLives(t *testing.T) {
	t.Parallel()
	live, expired, foreign, list, gone, last := newID(), newID(), newID(), newID(), newID(), newID()
	dead := newRecord("")
	dead.Expires = dead.Expires.AddDate(-1, 0, 0)
	key := func(id string) string { return defaultKeyPrefix + id }
	d := &database{
		runIDs: []string{"a", "a"},
		pages: [][]string{
			{key(live), key(expired), key(foreign), key(list), key(gone)},
			{}, // with more to come
			{key(last[1:] + "!"), key(last + "x"), "other:" + last, key("subject:" + last), key(last)},
		},
		values: map[string]string{
			key(live): stored(live, newRecord("visitor")), key(expired): stored(expired, dead), key(foreign): bulk([]byte("damaged")),
			key(list): "-WRONGTYPE a list\r\n", key(gone): "$0\r\n\r\n", key(last): stored(last, newRecord("")),
		},
	}
	store, server := open(t, d.answer)
	if n, err := store.DeleteAll(t.Context()); n != 2 || err != nil {
		t.Errorf("DeleteAll is %d, %v, want 2", n, err)
	}
	want := []string{key(live), key(expired), key(foreign), key(list), key(gone), key(last)}
	if got := server.argsOf("del"); !slices.Equal(got, want) {
		t.Errorf("deleted %q, want %q", got, want)
	}
}

func TestDeleteAllIsNotCompleteIfTheServerWasReplaced(t *testing.T) {
	t.Parallel()
	store, _ := openReplaced(t)
	n, err := store.DeleteAll(t.Context())
	if n != 1 {
		t.Errorf("DeleteAll counts %d, want 1", n)
	}
	wantError(t, "DeleteAll", err, errReplaced)
}

func TestDeleteAllGoesOnAfterAnErrorAndReturnsIt(t *testing.T) {
	t.Parallel()
	store := openStuck(t)
	n, err := store.DeleteAll(t.Context())
	if n != 1 || err == nil || !strings.HasSuffix(err.Error(), "no luck") {
		t.Errorf("DeleteAll is %d, %v, want 1 and the error", n, err)
	}
}

// Such a client spreads the keys over servers that the store does not know.
func TestDeleteAllIsUnsupportedWhereServersAreNotKnown(t *testing.T) {
	t.Parallel()
	ring := redis.NewRing(&redis.RingOptions{Addrs: map[string]string{"a": "127.0.0.1:1"}})
	defer func() { _ = ring.Close() }() // nothing depends on it
	for _, client := range []redis.UniversalClient{ring, struct{ redis.UniversalClient }{ring}} {
		store, err := New(client, Options{})
		if err != nil {
			t.Fatal(err)
		}
		n, err := sessionstore.DeleteAll(t.Context(), store)
		if n != 0 || !errors.Is(err, sessionstore.ErrUnsupported) {
			t.Errorf("DeleteAll by way of a %T is %d, %v", client, n, err)
		}
	}
}

func TestThePatternMatchesThePrefixLiterally(t *testing.T) {
	t.Parallel()
	for prefix, want := range map[string]string{
		"session:":  "session:",
		`*[a-z]?\:`: `\*\[a-z]\?\\:`,
	} {
		if got := (&Store{o: Options{KeyPrefix: prefix}}).pattern(); got != want+strings.Repeat("?", sessionstore.IDLen) {
			t.Errorf("the pattern for %q is %q", prefix, got)
		}
	}
}

func TestOwnSlots(t *testing.T) {
	t.Parallel()
	const (
		other  = "aaa 10.0.0.1:6379@16379,one master - 0 1700000000000 1 connected 0-99 [7-<-bbb]\n"
		myself = "bbb 10.0.0.2:6379@16379 myself,master - 0 0 2 connected"
	)
	for _, c := range []struct {
		name, nodes, slots string
		count              int
		want               error
	}{
		{"ranges and single slots", other + myself + " 100-199 300 16383\n", "100-199 300 16383", 102, nil},
		{"none", other + myself + "\n", "", 0, nil},
		{"one that leaves", other + myself + " 100-199 [150->-aaa]\n", "", 0, errMoving},
		{"one that arrives", myself + " [7-<-aaa]\n" + other, "", 0, errMoving},
		{"no answer", other, "", 0, errUncovered},
	} {
		_, slots, count, err := ownSlots(c.nodes)
		if slots != c.slots || count != c.count || !errors.Is(err, c.want) {
			t.Errorf("%s: %q, %d, %v; want %q, %d, %v", c.name, slots, count, err, c.slots, c.count, c.want)
		}
	}
}

// openReplaced returns a store with one record, on a server that another takes the place
// of meanwhile.
func openReplaced(t *testing.T) (store *Store, id string) {
	t.Helper()
	id = newID()
	key := defaultKeyPrefix + id
	d := &database{runIDs: []string{"a", "b"}, pages: [][]string{{key}}, values: map[string]string{key: stored(id, newRecord(""))}}
	store, _ = open(t, d.answer)
	return store, id
}

// openStuck returns a store with two keys, of which the first can't be read.
func openStuck(t *testing.T) *Store {
	t.Helper()
	stuck, live := newID(), newID()
	d := &database{
		runIDs: []string{"a", "a"},
		pages:  [][]string{{defaultKeyPrefix + stuck}, {defaultKeyPrefix + live}},
		values: map[string]string{defaultKeyPrefix + live: stored(live, newRecord(""))},
	}
	store, _ := open(t, func(command []string) string {
		if len(command) > 1 && strings.HasSuffix(command[1], stuck) {
			return "-ERR no luck\r\n"
		}
		return d.answer(command)
	})
	return store
}

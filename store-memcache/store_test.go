package memcachestore

import (
	"context"
	"math"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bradfitz/gomemcache/memcache"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	client := memcache.New("127.0.0.1:11211")
	for name, c := range map[string]struct {
		client  *memcache.Client
		options Options
		want    string
	}{
		"a nil client":          {nil, Options{}, "client"},
		"a space in the prefix": {client, Options{KeyPrefix: "a b"}, "KeyPrefix"},
		"a line in the prefix":  {client, Options{KeyPrefix: "a\r\n"}, "KeyPrefix"},
		"a letter beyond ASCII": {client, Options{KeyPrefix: "ä:"}, "KeyPrefix"},
		"a long prefix":         {client, Options{KeyPrefix: strings.Repeat("x", 129)}, "KeyPrefix"},
		"a negative size":       {client, Options{MaxItemSize: -1}, "MaxItemSize"},
		"a tiny size":           {client, Options{MaxItemSize: 1<<10 - 1}, "MaxItemSize"},
		"a huge size":           {client, Options{MaxItemSize: 1<<30 + 1}, "MaxItemSize"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := New(c.client, c.options)
			if err == nil || !strings.HasPrefix(err.Error(), "memcachestore: "+c.want) {
				t.Errorf("error is %v, want one about %s", err, c.want)
			}
		})
	}
}

// TestCommands shows what each method asks the server, and what it makes of the
// answers.
//
//nolint:dupword // the same command twice
func TestCommands(t *testing.T) {
	t.Parallel()
	const (
		hit, stolen, gone, taken, miss = "STORED\r\n", "EXISTS\r\n", "NOT_FOUND\r\n", "NOT_STORED\r\n", "END\r\n"
	)
	id := newID()
	expires := time.Now().Add(2 * time.Hour)
	first, second, third, big, dead := newRecord(1), newRecord(2), newRecord(3), newRecord(1), newRecord(9)
	big.Data = make([]byte, largestSighting+1)
	dead.Expires = time.Now().Add(-time.Second)
	is := func(r sessionstore.Record) string { return stored(id, r, 7) }
	v0, v1, v2, v3 := is(dead), is(first), is(second), is(third)

	load := func(s *Store) error { _, err := s.Load(t.Context(), id); return err }
	create := func(s *Store) error { return s.Create(t.Context(), id, second) }
	update := func(s *Store) error { return s.Update(t.Context(), id, first.Version, second) }
	again := update
	touch := func(s *Store) error { return s.Touch(t.Context(), id, first.Version, expires) }
	remove := func(s *Store) error { return s.Delete(t.Context(), id) }
	then := func(calls ...func(*Store) error) func(*Store) error {
		return func(s *Store) error {
			for _, call := range calls[:len(calls)-1] {
				_ = call(s) // the last one counts
			}
			return calls[len(calls)-1](s)
		}
	}
	for name, c := range map[string]struct {
		call    func(*Store) error
		answers []string
		asked   string
		want    error
	}{
		"load":                           {load, []string{v1}, "gets", nil},
		"load nothing":                   {load, []string{miss}, "gets", sessionstore.ErrNotFound},
		"load what has expired":          {load, []string{v0}, "gets", sessionstore.ErrNotFound},
		"load from a server without cas": {load, []string{stored(id, first, 0)}, "gets", errNoCAS},
		"create":                         {create, []string{hit}, "add", nil},
		"create over another":            {create, []string{taken, v1}, "add gets", sessionstore.ErrExists},
		"create again":                   {create, []string{taken, v2}, "add gets", nil},
		"create over foreign bytes":      {create, []string{taken, value(id, []byte("x"), 7)}, "add gets", sessionstore.ErrCorrupt},
		"create over what has expired":   {create, []string{taken, v0, hit}, "add gets cas", nil},
		"create over what is just going": {create, []string{taken, miss, hit}, "add gets add", nil},
		"create too late": {
			create, []string{taken, v0, stolen, taken, v1}, "add gets cas add gets", sessionstore.ErrExists,
		},
		"update":                       {update, []string{v1, hit}, "gets cas", nil},
		"update nothing":               {update, []string{miss}, "gets", sessionstore.ErrNotFound},
		"update what has expired":      {update, []string{v0}, "gets", sessionstore.ErrNotFound},
		"update another version":       {update, []string{v3}, "gets", sessionstore.ErrConflict},
		"update again":                 {update, []string{v2}, "gets", nil},
		"update foreign bytes":         {update, []string{value(id, nil, 7)}, "gets", sessionstore.ErrCorrupt},
		"update what was touched":      {update, []string{v1, stolen, v1, hit}, "gets cas gets cas", nil},
		"update too late":              {update, []string{v1, stolen, v3}, "gets cas gets", sessionstore.ErrConflict},
		"update what is deleted":       {update, []string{v1, gone, miss}, "gets cas gets", sessionstore.ErrNotFound},
		"load, update":                 {then(load, update), []string{v1, hit}, "gets cas", nil},
		"load, update what is touched": {then(load, update), []string{v1, stolen, v1, hit}, "gets cas gets cas", nil},
		"load, update too late":        {then(load, update), []string{v1, stolen, v3}, "gets cas gets", sessionstore.ErrConflict},
		"load, update what is deleted": {then(load, update), []string{v1, gone, miss}, "gets cas gets", sessionstore.ErrNotFound},
		"load another version, update": {then(load, update), []string{v3, v3}, "gets gets", sessionstore.ErrConflict},
		"load, update, update":         {then(load, update, again), []string{v1, hit, v2}, "gets cas gets", nil},
		"touch":                        {touch, []string{v1, hit}, "gets cas", nil},
		"touch nothing":                {touch, []string{miss}, "gets", sessionstore.ErrNotFound},
		"touch another version":        {touch, []string{v3}, "gets", sessionstore.ErrConflict},
		"touch what was touched":       {touch, []string{v1, stolen, v1, hit}, "gets cas gets cas", nil},
		"touch too late":               {touch, []string{v1, stolen, v2}, "gets cas gets", sessionstore.ErrConflict},
		"load, touch":                  {then(load, touch), []string{v1, hit}, "gets cas", nil},
		"load, touch what is touched":  {then(load, touch), []string{v1, stolen, v1, hit}, "gets cas gets cas", nil},
		"load, touch too late":         {then(load, touch), []string{v1, stolen, v2}, "gets cas gets", sessionstore.ErrConflict},
		"load another version, touch":  {then(load, touch), []string{v3, v3}, "gets gets", sessionstore.ErrConflict},
		"load, touch a large record":   {then(load, touch), []string{is(big), is(big), hit}, "gets gets cas", nil},
		"delete":                       {remove, []string{"DELETED\r\n"}, "delete", nil},
		"delete nothing":               {remove, []string{gone}, "delete", nil},
		"create what the server refuses": {
			create, []string{"SERVER_ERROR object too large for cache\r\n"}, "add", sessionstore.ErrTooLarge,
		},
		"load another session's record":   {load, []string{stored(newID(), first, 7)}, "gets", sessionstore.ErrCorrupt},
		"update another session's record": {update, []string{stored(newID(), first, 7)}, "gets", sessionstore.ErrCorrupt},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store, server := open(t, inTurn(c.answers...))
			wantError(t, "error", c.call(store), c.want)
			if got := server.asked(); got != c.asked {
				t.Errorf("commands are %q, want %q", got, c.asked)
			}
		})
	}
}

func TestNothingIsSentForBadArguments(t *testing.T) {
	t.Parallel()
	large := newRecord(1)
	large.Data = make([]byte, defaultMaxItemSize-len(defaultKeyPrefix)-sessionstore.IDLen-itemOverhead+1)
	store, server := open(t, always("STORED\r\n"))
	_, err := store.Load(t.Context(), "../id")
	wantError(t, "Load of a bad id", err, sessionstore.ErrInvalid)
	wantError(t, "Delete of a bad id", store.Delete(t.Context(), "a b"), sessionstore.ErrInvalid)
	wantError(t, "Create of too much", store.Create(t.Context(), newID(), large), sessionstore.ErrTooLarge)
	wantError(t, "Update with too much", store.Update(t.Context(), newID(), 9, large), sessionstore.ErrTooLarge)
	wantError(t, "Update without version", store.Update(t.Context(), newID(), 9, newRecord(0)), sessionstore.ErrInvalid)
	wantError(t, "Touch without expiry", store.Touch(t.Context(), newID(), 1, time.Time{}), sessionstore.ErrInvalid)
	if got := server.asked(); got != "" {
		t.Errorf("commands are %q, want none", got)
	}
	large.Data = large.Data[1:]
	wantError(t, "Create of the largest", store.Create(t.Context(), newID(), large), nil)
}

func TestSightingsAreNotTheCallers(t *testing.T) {
	t.Parallel()
	id, r := newID(), newRecord(1)
	store, _ := open(t, always(stored(id, r, 7)))
	got, err := store.Load(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	got.Data[0] = 'X'
	if seen, ok := store.seen.take(id); !ok || string(seen.record.Data) != "data" {
		t.Errorf("the store remembers %v, want what the server has", seen)
	}
}

func TestSightingsAge(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		for _, c := range []struct {
			life, age time.Duration
			want      bool
		}{
			{time.Hour, sightingAge - 1, true},
			{time.Hour, sightingAge, false},
			{time.Second, time.Second - 1, true},
			{time.Second, time.Second, false},
		} {
			s, id, r := newSightings(), newID(), newRecord(1)
			r.Expires = time.Now().Add(c.life)
			s.put(id, r, 7)
			<-time.After(c.age)
			if _, ok := s.take(id); ok != c.want {
				t.Errorf("%v after a Load of what lives for %v: %v, want %v", c.age, c.life, ok, c.want)
			}
			if _, ok := s.take(id); ok {
				t.Error("taken twice")
			}
		}
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
				<-time.After(time.Minute) // the driver gives up, and nothing is left running
			})
		})
	}
}

// Newer drivers wait up to four times in a call: to connect, to write, for the record
// and for its end.
func TestADriverIsTakenAtItsTimeout(t *testing.T) {
	t.Parallel()
	const none = time.Duration(math.MaxInt64)
	for _, c := range []struct {
		timeout, left time.Duration
		prompt        bool
	}{
		{0, 4 * memcache.DefaultTimeout, true},
		{0, 4*memcache.DefaultTimeout - 4, false},
		{time.Second, 4 * time.Second, true},
		{time.Second, 4*time.Second - 4, false},
		{time.Second, 0, false},
		{none, time.Hour, false},
		{none / 3, time.Hour, false},
		{-time.Second, time.Hour, true}, // it fails at once
		{-time.Second, -time.Hour, false},
	} {
		client := memcache.New("127.0.0.1:1")
		client.Timeout = c.timeout
		store, err := New(client, Options{})
		if err != nil {
			t.Fatal(err)
		}
		if got := store.guard.EndsByDeadline(c.left); got != c.prompt {
			t.Errorf("Timeout %v, %v left: %v, want %v", c.timeout, c.left, got, c.prompt)
		}
	}
}

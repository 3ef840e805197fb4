package session_test

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cloakroom-go/cloakroom/core/memstore"
	"github.com/cloakroom-go/cloakroom/core/session"
)

func TestNewRefusesWhatCanNotWorkAndSaysWhatToDo(t *testing.T) {
	t.Parallel()
	type options = session.Options
	signer, err := session.NewSigner(testKey)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name      string
		configure func(*options)
		hint      string
	}{
		{"no key", func(o *options) { o.Keys = nil }, "GenerateKey"},
		{"empty ring", func(o *options) { o.Keys = [][]byte{} }, "GenerateKey"},
		{"empty key", func(o *options) { o.Keys = [][]byte{{}} }, "GenerateKey"},
		{"short key", func(o *options) { o.Keys = [][]byte{testKey[:31]} }, "at least 32"},
		{"short second key", func(o *options) { o.Keys = [][]byte{testKey, testKey[:16]} }, "key 2"},
		{"key of zeros", func(o *options) { o.Keys = [][]byte{make([]byte, 32)} }, "GenerateKey"},
		{"Keys and Signer", func(o *options) { o.Signer = signer }, "leave one out"},
		{"negative IdleTimeout", func(o *options) { o.IdleTimeout = -1 }, "IdleTimeout"},
		{"negative AbsoluteTimeout", func(o *options) { o.AbsoluteTimeout = -time.Hour }, "AbsoluteTimeout"},
		{"negative TouchInterval", func(o *options) { o.TouchInterval = -1 }, "TouchInterval"},
		{"negative StoreTimeout", func(o *options) { o.StoreTimeout = -1 }, "StoreTimeout"},
		{"negative MaxSize", func(o *options) { o.MaxSize = -1 }, "MaxSize"},
		{"idle over absolute", func(o *options) { o.IdleTimeout = 25 * time.Hour }, "IdleTimeout"},
		{"idle default over absolute", func(o *options) { o.AbsoluteTimeout = time.Minute }, "IdleTimeout"},
		{"no timeout at all", func(o *options) { o.IdleTimeout, o.AbsoluteTimeout = session.NoTimeout, session.NoTimeout }, "must end"},
		{"touch as rare as idle", func(o *options) { o.TouchInterval = session.DefaultIdleTimeout }, "TouchInterval"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			o := options{Keys: [][]byte{testKey}}
			c.configure(&o)
			m, err := session.New(memstore.New(memstore.Options{}), o)
			if err == nil || m != nil {
				t.Fatal("New accepted it")
			}
			if !strings.Contains(err.Error(), c.hint) || !strings.HasPrefix(err.Error(), "session: ") {
				t.Errorf("the error does not help: %v", err)
			}
			if strings.Contains(err.Error(), string(testKey[:16])) {
				t.Error("the error repeats a key")
			}
		})
	}
}

func TestNewRefusesANilStore(t *testing.T) {
	t.Parallel()
	var none *memstore.Store
	for name, store := range map[string]session.Store{"nil": nil, "nil pointer": none} {
		_, err := session.New(store, session.Options{Keys: [][]byte{testKey}})
		if err == nil || !strings.Contains(err.Error(), "memstore") {
			t.Errorf("%s: %v, want an error that says what to do", name, err)
		}
	}
}

func TestKeysAloneAreAGoodConfiguration(t *testing.T) {
	t.Parallel()
	m, err := session.New(memstore.New(memstore.Options{}), session.Options{Keys: [][]byte{testKey}})
	if err != nil {
		t.Fatal(err)
	}
	e := newEnv(t)
	v := &visitor{e: e, m: m}
	before := time.Now()
	res := v.do(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		count(w, r, s)
		if got := s.Expires().Sub(before).Round(time.Minute); got != session.DefaultIdleTimeout {
			t.Errorf("expires after %v", got)
		}
	})
	const want = "; Path=/; HttpOnly; Secure; SameSite=Lax"
	if got := res.Header.Get("Set-Cookie"); !strings.HasPrefix(got, "__Host-session=") || !strings.HasSuffix(got, want) {
		t.Errorf("Set-Cookie: %q", got)
	}
}

func TestKeysMayBeChangedAfterNew(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	key := session.GenerateKey()
	m := e.manager(e.store, func(o *session.Options) { o.Keys = [][]byte{key} })
	v := &visitor{e: e, m: m}
	v.do(count)
	clear(key)
	v.do(count)
	if n, _ := read(v, counter); n != 2 {
		t.Errorf("counter %d, want 2", n)
	}
}

func TestAKeyIsReplacedWithoutALogout(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		newKey := session.GenerateKey()
		v := e.seed(signIn("ann", count))
		with := func(keys ...[]byte) *session.Manager {
			return e.manager(e.store, func(o *session.Options) { o.Keys = keys })
		}
		v.m = with(newKey, testKey)
		pass(renewGrace - 1) // processes that have the old key only may serve the next request
		wantNoCookie(t, v.do(count))
		old := v.fork()
		pass(1)
		v.do(look)
		if v.ticket() == old.ticket() || v.id() != old.id() {
			t.Error("no new ticket of the same session was handed out")
		}
		v.m = with(newKey)
		if n, _ := read(v, counter); n != 2 {
			t.Errorf("after the old key was removed the counter is %d, want 2", n)
		}
		old.m = v.m
		if _, ok := read(old, counter); ok {
			t.Error("a removed key still verifies")
		}
	})
}

// TestALoginIsKnownToEachProcessWhileAKeyIsReplaced: in each step processes with the keys
// of the one before it run as well. A new key that is in front at once is not known to them.
func TestALoginIsKnownToEachProcessWhileAKeyIsReplaced(t *testing.T) {
	t.Parallel()
	newKey := session.GenerateKey()
	for _, step := range []struct {
		name        string
		before, now [][]byte
		known       bool
	}{
		{"added at the end", [][]byte{testKey}, [][]byte{testKey, newKey}, true},
		{"moved to the front", [][]byte{testKey, newKey}, [][]byte{newKey, testKey}, true},
		{"alone", [][]byte{newKey, testKey}, [][]byte{newKey}, true},
		{"in front at once", [][]byte{testKey}, [][]byte{newKey, testKey}, false},
	} {
		t.Run(step.name, func(t *testing.T) {
			t.Parallel()
			e := newEnv(t)
			with := func(keys [][]byte) *session.Manager {
				return e.manager(e.store, func(o *session.Options) { o.Keys = keys })
			}
			v := &visitor{e: e, m: with(step.now)}
			v.do(signIn("ann", count))
			v.m = with(step.before)
			if _, known := read(v, counter); known != step.known {
				t.Errorf("a process from before knows the login: %v, want %v", known, step.known)
			}
		})
	}
}

// A longSigner makes signatures that no cookie can carry.
type longSigner struct{ session.Signer }

func (longSigner) Sign(string, []byte) []byte { return make([]byte, 4096) }

func TestNewRefusesASignerWhoseTicketsAreTooLong(t *testing.T) {
	t.Parallel()
	if _, err := session.New(memstore.New(memstore.Options{}), session.Options{Signer: longSigner{}}); err == nil {
		t.Error("New accepted a Signer whose tickets would never be accepted")
	}
}

func TestSeveralManagersHaveNoStateInCommon(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	v := e.seed(count)
	v.m = e.manager(memstore.New(memstore.Options{}))
	if _, ok := read(v, counter); ok {
		t.Error("a session is found in another store")
	}
}

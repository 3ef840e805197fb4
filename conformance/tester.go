package conformance

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"reflect"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

// A suite is one Run.
type suite struct {
	Harness

	store    sessionstore.Store
	peer     sessionstore.Store // nil without Harness.Peer
	versions *atomic.Uint64
	many     int        // records where a case wants more than a page of any backend
	pile     *pile      // what the cases about pages share
	home     testing.TB // the test that all cases are in
	brief    bool       // what fails is not made shorter before it is printed

	hangs *atomic.Pointer[string] // the case in which the store has hung last
}

func open(t *testing.T, h Harness) *suite {
	t.Helper()
	if h.Open == nil {
		t.Fatal("conformance: Harness.Open is nil")
	}
	for _, c := range h.Require {
		if !slices.Contains([]Capability{Toucher, Pruner, SubjectIndex, AllDeleter, Scanner, Watcher}, c) {
			t.Fatalf("conformance: Harness.Require: unknown capability %q", c)
		}
	}
	var peer sessionstore.Store
	if h.Peer != nil {
		peer = given(t, "Peer", h.Peer(t))
	}
	return newSuite(h, given(t, "Open", h.Open(t)), peer)
}

// given returns s, which a function of the Harness has returned, unless it is nil.
func given(tb testing.TB, function string, s sessionstore.Store) sessionstore.Store {
	tb.Helper()
	if v := reflect.ValueOf(s); s == nil || v.Kind() == reflect.Pointer && v.IsNil() {
		tb.Fatalf("Harness.%s has returned no store", function)
	}
	return s
}

// newSuite starts versions at random, below 2⁵² so that only the cases about
// large ones use large ones.
func newSuite(h Harness, store, peer sessionstore.Store) *suite {
	s := &suite{
		Harness: h, store: store, peer: peer, versions: new(atomic.Uint64), many: wholeMany, pile: new(pile),
		hangs: new(atomic.Pointer[string]),
	}
	s.versions.Store(binary.BigEndian.Uint64(randomBytes(8)) >> 12)
	return s
}

// over returns the suite as it is on another store, which has no peer.
func (s *suite) over(store sessionstore.Store) *suite {
	other := newSuite(s.Harness, store, nil)
	other.many, other.brief = s.many, s.brief
	return other
}

// version returns a version that is greater than every other before it.
func (s *suite) version() sessionstore.Version { return sessionstore.Version(s.versions.Add(1)) }

func (s *suite) has(c Capability) bool {
	switch c {
	case Toucher:
		return hasCapability[sessionstore.Toucher](s.store)
	case Pruner:
		return hasCapability[sessionstore.Pruner](s.store)
	case SubjectIndex:
		return hasCapability[sessionstore.SubjectIndex](s.store)
	case AllDeleter:
		return hasCapability[sessionstore.AllDeleter](s.store)
	case Scanner:
		return hasCapability[sessionstore.Scanner](s.store)
	case Watcher:
		return watches(unwatched(s.store), s.deadline())
	}
	return false
}

// A tester is what a case works with. Its helpers end the case when something
// fails that the case is not about.
type tester struct {
	testing.TB
	*suite

	own   *caseTB // what TB is
	keeps bool    // what is created stays, for other cases
}

// needsHook skips the case unless a function of the Harness is there.
func (t *tester) needsHook(present bool, name string) {
	t.Helper()
	if !present {
		t.Skipf("not applicable: Harness.%s is nil", name)
	}
}

// isolated returns a tester whose store has a namespace of its own.
func (t *tester) isolated() *tester {
	t.Helper()
	t.needsHook(t.Isolated != nil, "Isolated")
	return &tester{TB: t.TB, suite: t.over(t.Isolated(t)), own: t.own}
}

// apart calls do with two namespaces that have nothing to do with each other: two of
// Harness.Isolated, and that of Open beside one, whose name may begin with the other's.
func (t *tester) apart(do func(one, other *tester)) {
	t.Helper()
	one := t.isolated()
	do(one, t.isolated())
	do(t, t.isolated())
}

// paired returns a tester whose store and peer share a namespace of their own.
func (t *tester) paired() *tester {
	t.Helper()
	t.needsHook(t.Pair != nil, "Pair")
	store, peer := t.Pair(t)
	s := t.over(store)
	s.peer = peer
	return &tester{TB: t.TB, suite: s, own: t.own}
}

// storeFor returns the store that m may be called on.
func (t *tester) storeFor(m method) sessionstore.Store {
	t.Helper()
	if m.needs == AllDeleter {
		return t.isolated().store
	}
	return t.store
}

// newID returns a random id, under which nothing is left when the case ends.
func (t *tester) newID() string { return t.discard(randomID()) }

// discard arranges for id to be deleted when the case ends, and returns it. It
// is tidying: whether it works is for the cases of Delete to say. A context that is done
// during the call would cost some stores the connection, which other cases may be using.
func (t *tester) discard(id string) string {
	if t.keeps {
		return id
	}
	store, ctx := unwatched(t.store), context.WithoutCancel(t.Context())
	t.own.tidied(func() { erase(ctx, store, id) })
	return id
}

// erase deletes what a case has left. It does not matter whether that succeeds, or panics.
func erase(ctx context.Context, store sessionstore.Store, id string) {
	defer func() { _ = recover() }()
	_ = store.Delete(ctx, id)
}

// record returns a record that lives for about an hour, to a whole second: a
// precision that every backend has.
func (t *tester) record() sessionstore.Record {
	return sessionstore.Record{
		Data:    randomBytes(64),
		Subject: newSubject(),
		Expires: inAnHour(),
		Version: t.version(),
	}
}

func (t *tester) create(id string, r sessionstore.Record) {
	t.Helper()
	if err := t.store.Create(t.Context(), id, r); err != nil {
		t.noSetUp("Create", err)
	}
}

func (t *tester) update(id string, old sessionstore.Version, r sessionstore.Record) {
	t.Helper()
	if err := t.store.Update(t.Context(), id, old, r); err != nil {
		t.noSetUp("Update", err)
	}
}

func (t *tester) remove(id string) {
	t.Helper()
	if err := t.store.Delete(t.Context(), id); err != nil {
		t.noSetUp("Delete", err)
	}
}

func (t *tester) touch(id string, version sessionstore.Version, expires time.Time) {
	t.Helper()
	if err := sessionstore.Touch(t.Context(), t.store, id, version, expires); err != nil {
		t.noSetUp("Touch", err)
	}
}

// noSetUp ends the case because a call failed that comes before what it judges.
func (t *tester) noSetUp(call string, err error) {
	t.Helper()
	t.own.enter(call)
	t.Fatalf("set-up failed: %s: %v", call, err)
}

func (t *tester) load(id string) sessionstore.Record {
	t.Helper()
	r, err := t.store.Load(t.Context(), id)
	if err != nil {
		t.Fatalf("Load: %v", err)
	}
	return r
}

// created returns the id of a new record, and what was written.
func (t *tester) created() (string, sessionstore.Record) {
	t.Helper()
	id, r := t.newID(), t.record()
	t.create(id, r)
	return id, r
}

// want fails the case unless errors.Is(got, want); a nil want means success.
func (t *tester) want(want, got error, what string) {
	t.Helper()
	if !errors.Is(got, want) {
		t.Fatalf("%s: got error %v, want %v", what, got, want)
	}
}

// wantLive fails the case unless the record under id has this version.
func (t *tester) wantLive(id string, v sessionstore.Version) {
	t.Helper()
	if got := t.load(id).Version; got != v {
		t.Fatalf("the record has version %d, want %d", got, v)
	}
}

func (t *tester) wantGone(id string) {
	t.Helper()
	_, err := t.store.Load(t.Context(), id)
	t.want(sessionstore.ErrNotFound, err, "Load")
}

// wantAllGone is wantGone for many.
func (t *tester) wantAllGone(ids []string) {
	t.Helper()
	t.race(func(n int, _ sessionstore.Store) {
		for ; n < len(ids); n += racers {
			if _, err := t.store.Load(t.Context(), ids[n]); !errors.Is(err, sessionstore.ErrNotFound) {
				t.Errorf("Load of a record that was deleted: got error %v, want %v", err, sessionstore.ErrNotFound)
			}
		}
	})
}

func randomID() string {
	id := randomBytes(sessionstore.IDLen)
	for i, b := range id {
		id[i] = alphabet[b%byte(len(alphabet))]
	}
	return string(id)
}

func randomBytes(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails
	return b
}

func newSubject() string { return "user-" + rand.Text() }

func inAnHour() time.Time { return time.Now().Add(time.Hour).Truncate(time.Second).UTC() }

// wantOnce fails the case unless what was found has each of these ids once, and no other.
func (t *tester) wantOnce(what string, count map[string]int, ids []string) {
	t.Helper()
	missing, repeated := 0, 0
	for _, id := range ids {
		switch n := count[id]; {
		case n == 0:
			missing++
		case n > 1:
			repeated++
		}
		delete(count, id)
	}
	if missing > 0 || repeated > 0 {
		t.Errorf("%s misses %d of %d records, and has %d more than once", what, missing, len(ids), repeated)
	}
	if len(count) > 0 {
		t.Errorf("%s has %d records that should not be there", what, len(count))
	}
}

package memstore

import (
	"bytes"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// An index is to find what a map finds. The hashes are few and lie together, so that
// searches are long, and some pass the end of the table.
func TestAnIndexFindsWhatAMapFinds(t *testing.T) {
	t.Parallel()
	const capacity, steps = 40, 10_000
	x := newIndex(capacity)
	model := make(map[int32]uint64) // hashes by slot
	seed := rand.Uint64()
	rnd := rand.New(rand.NewPCG(seed, 0))
	for range steps {
		i := int32(rnd.IntN(capacity))
		if hash, ok := model[i]; ok {
			x.remove(hash, i, func(i int32) uint64 { return model[i] })
			delete(model, i)
		} else {
			hash := rnd.Uint64() & (0xf<<60 | 3<<shardBits<<8)
			if rnd.IntN(2) == 0 {
				hash |= 0xf << 60 // the end of the table
			}
			x.add(hash, i)
			model[i] = hash
		}
		for i, hash := range model {
			if !slices.Contains(candidates(&x, hash), i) {
				t.Fatalf("seed %d: a slot is not found", seed)
			}
		}
		if entries := len(x.entries) - count(x.entries, 0); entries != len(model) {
			t.Fatalf("seed %d: %d entries, want %d", seed, entries, len(model))
		}
	}
}

func candidates(x *index, hash uint64) (found []int32) {
	for i, at := x.first(hash); i != none; i, at = x.next(hash, at) {
		found = append(found, i)
	}
	return found
}

func count(entries []uint32, what uint32) (n int) {
	for _, e := range entries {
		if e == what {
			n++
		}
	}
	return n
}

// A store is to do what a map does, while it grows and shrinks many times.
func TestAStoreDoesWhatAMapDoes(t *testing.T) {
	t.Parallel()
	s := New(Options{})
	seed := rand.Uint64()
	rnd := rand.New(rand.NewPCG(seed, 0))
	ids := idsOfOneShard(s, 400)
	model := make(map[string]sessionstore.Record)
	subjects := []string{"", "ann", "bob"}
	expires := time.Now().Add(time.Hour).UTC().Round(0)
	for step := range 20_000 {
		id := ids[rnd.IntN(len(ids))]
		r := sessionstore.Record{
			Data: []byte(id), Subject: subjects[rnd.IntN(len(subjects))], Version: sessionstore.Version(step + 1),
			Expires: expires.Add(time.Duration(rnd.IntN(1000)) * time.Minute),
		}
		old, ok := model[id]
		var err error
		switch shrinks := step/2000%2 == 1; {
		case ok && (shrinks || rnd.IntN(4) == 0):
			err = s.Delete(t.Context(), id)
			delete(model, id)
		case ok && rnd.IntN(2) == 0:
			old.Expires = r.Expires
			err = s.Touch(t.Context(), id, old.Version, r.Expires)
			model[id] = old
		case ok:
			err = s.Update(t.Context(), id, old.Version, r)
			model[id] = r
		case !shrinks || rnd.IntN(50) == 0:
			err = s.Create(t.Context(), id, r)
			model[id] = r
		}
		if err != nil {
			t.Fatalf("seed %d, step %d: %v", seed, step, err)
		}
		if step%500 == 0 {
			wantModel(t, s, ids, model)
		}
		if t.Failed() {
			t.Fatalf("seed %d, step %d", seed, step)
		}
	}
}

// idsOfOneShard returns ids that one shard has, among them some of the same hash.
func idsOfOneShard(s *Store, n int) (ids []string) {
	for len(ids) < n {
		start := randomID()[:sessionstore.IDLen-1]
		packed := packID(start + "A")
		if hash := s.hash(&packed.bytes); s.shard(hash) != &s.shards[0] {
			continue
		}
		ids = append(ids, start+"A", start+"B")
	}
	return ids
}

func wantModel(t *testing.T, s *Store, ids []string, model map[string]sessionstore.Record) {
	t.Helper()
	if n := held(t, s); n != len(model) {
		t.Errorf("%d records, want %d", n, len(model))
	}
	subjects := make(map[string][]string)
	for _, id := range ids {
		want, ok := model[id]
		got, err := s.Load(t.Context(), id)
		if (err == nil) != ok || ok && !same(got, want) {
			t.Errorf("Load: %v, %v, want %v", got, err, want)
		}
		if ok && want.Subject != "" {
			subjects[want.Subject] = append(subjects[want.Subject], id)
		}
	}
	for _, subject := range slices.Sorted(maps.Keys(subjects)) {
		entries, err := s.ListSubject(t.Context(), subject)
		if err != nil || len(entries) != len(subjects[subject]) {
			t.Errorf("%s has %d sessions, %v, want %d", subject, len(entries), err, len(subjects[subject]))
		}
		for _, e := range entries {
			if !same(e.Record, model[e.ID]) {
				t.Errorf("ListSubject: %v, want %v", e.Record, model[e.ID])
			}
		}
	}
}

func same(a, b sessionstore.Record) bool {
	return bytes.Equal(a.Data, b.Data) && a.Subject == b.Subject && a.Version == b.Version && a.Expires.Equal(b.Expires)
}

func TestAShardGivesMemoryBackWhenItsRecordsAreGone(t *testing.T) {
	t.Parallel()
	s := New(Options{})
	const n = 100_000
	fill(t, s, n, time.Hour)
	if _, err := s.DeleteAll(t.Context()); err != nil {
		t.Fatal(err)
	}
	slots := 0
	for i := range s.shards {
		slots += cap(s.shards[i].slots)
	}
	if held(t, s) != 0 || slots > n/10 {
		t.Errorf("%d slots are left, of more than %d", slots, n)
	}
}

// What the index says of a hash may be another's: the list of a subject, which has both, is
// not to have a record twice.
func TestASubjectHasEachRecordOnceWhateverTheIndexTakesForIt(t *testing.T) {
	t.Parallel()
	s := New(Options{})
	ids := idsOfOneShard(s, 4) // of two hashes
	for _, id := range ids {
		r := record(time.Hour)
		r.Subject = "ann"
		if err := s.Create(t.Context(), id, r); err != nil {
			t.Fatal(err)
		}
	}
	packed, sh := packID(ids[0]), &s.shards[0]
	hash := s.hash(&packed.bytes)
	sh.index = newIndex(cap(sh.slots))
	for _, i := range sh.expiry {
		sh.index.add(hash, i)
	}
	if len(sh.expiry) != len(ids) {
		t.Fatalf("the shard has %d records, want %d", len(sh.expiry), len(ids))
	}
	if found := s.appendOf(nil, hash, "ann"); len(found) != 2 {
		t.Errorf("%d records have this hash, want 2", len(found))
	}
}

// Any of the 64 characters may be the last, though 32 bytes leave room for 16.
func TestAnIdIsGivenBackAsItWas(t *testing.T) {
	t.Parallel()
	start := randomID()[:sessionstore.IDLen-1]
	for _, last := range "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_" {
		id := packID(start + string(last))
		if got := id.text(); got != start+string(last) {
			t.Errorf("got %s, want %s%c", got, start, last)
		}
	}
}

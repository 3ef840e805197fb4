package memstore

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"testing"
	"time"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

func randomID() string {
	sum := sha256.Sum256([]byte(rand.Text()))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// record returns a record that lives for so long.
func record(life time.Duration) sessionstore.Record {
	return sessionstore.Record{Data: []byte("data"), Expires: time.Now().Add(life), Version: 1}
}

// fill creates records that live for so long.
func fill(tb testing.TB, s *Store, n int, life time.Duration) {
	tb.Helper()
	for range n {
		if err := s.Create(tb.Context(), randomID(), record(life)); err != nil {
			tb.Fatal(err)
		}
	}
}

// held counts the records in memory, live or not, and checks what holds in a shard while
// nobody has its lock.
func held(tb testing.TB, s *Store) int {
	tb.Helper()
	n := 0
	for i := range s.shards {
		sh := &s.shards[i]
		sh.mu.Lock()
		n += len(sh.expiry)
		entries, free := 0, 0
		for _, e := range sh.index.entries {
			if e != 0 {
				entries++
			}
		}
		for at := sh.free; at != none; at = sh.slots[at].heap {
			free++
		}
		if entries != len(sh.expiry) || len(sh.slots)-free != len(sh.expiry) {
			tb.Errorf("shard %d has %d records in its index, %d in its heap, and %d slots, %d of them free",
				i, entries, len(sh.expiry), len(sh.slots), free)
		}
		for j, at := range sh.expiry {
			r := &sh.slots[at]
			id := r.packedID()
			if found, ok := sh.find(s.hash(&r.id), &id); int(r.heap) != j || !ok || found != at {
				tb.Errorf("shard %d: heap and index disagree", i)
			}
			if parent := (j - 1) / 2; r.expires < sh.slots[sh.expiry[parent]].expires {
				tb.Errorf("shard %d: the heap is out of order", i)
			}
		}
		sh.mu.Unlock()
	}
	return n
}

// indexed returns how many records the subject index has.
func indexed(s *Store) int {
	n := 0
	for i := range s.subjects {
		x := &s.subjects[i]
		x.mu.Lock()
		for _, at := range x.first {
			for ; at != none; at = x.nodes[at].next {
				n++
			}
		}
		x.mu.Unlock()
	}
	return n
}

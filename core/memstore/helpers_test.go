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

// held counts the records in memory, live or not, and checks that maps and
// heaps agree.
func held(tb testing.TB, s *Store) int {
	tb.Helper()
	n := 0
	for i := range s.shards {
		sh := &s.shards[i]
		sh.mu.Lock()
		n += len(sh.items)
		if len(sh.items) != len(sh.expiry) {
			tb.Errorf("shard %d has %d records and %d in its heap", i, len(sh.items), len(sh.expiry))
		}
		for j, it := range sh.expiry {
			if it.index != j || sh.items[it.id] != it {
				tb.Errorf("shard %d: heap and map disagree", i)
			}
			if parent := (j - 1) / 2; it.record.Expires.Before(sh.expiry[parent].record.Expires) {
				tb.Errorf("shard %d: the heap is out of order", i)
			}
		}
		sh.mu.Unlock()
	}
	return n
}

// indexed counts the entries in the subject index.
func indexed(s *Store) int {
	n := 0
	for i := range s.subjects {
		x := &s.subjects[i]
		x.mu.Lock()
		for _, ids := range x.ids {
			n += len(ids)
		}
		x.mu.Unlock()
	}
	return n
}

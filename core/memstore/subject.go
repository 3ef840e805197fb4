package memstore

import (
	"context"
	"hash/maphash"
	"slices"
	"sync"
	"time"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// subjects holds a part of the subject index: for each subject a list of its records,
// by the hashes of their ids. It changes while the shard of the record in question is
// locked, so it is never behind the records; its own lock is always the second one taken.
// Subjects whose key is the same share a list: a record's own subject decides.
type subjects struct {
	mu    sync.Mutex
	first map[uint32]int32 // by the key of a subject: the first node of its list
	nodes []node
	free  []int32
}

// A node is a record in the list of its subject, between two others.
type node struct {
	hash       uint64
	prev, next int32
}

// none is no node.
const none = -1

func (s *Store) subjectsOf(subject string) (*subjects, uint32) {
	hash := maphash.String(s.seed, subject)
	return &s.subjects[hash%shardCount], uint32(hash >> shardBits) //nolint:gosec // a part
}

// index returns the node of a record that the subject has now.
func (s *Store) index(subject string, hash uint64) int32 {
	if subject == "" {
		return none
	}
	x, list := s.subjectsOf(subject)
	x.mu.Lock()
	defer x.mu.Unlock()
	var i int32
	if n := len(x.free); n > 0 {
		i, x.free = x.free[n-1], x.free[:n-1]
	} else {
		i = int32(len(x.nodes)) //nolint:gosec // as in insert
		x.nodes = append(x.nodes, node{})
	}
	next, ok := x.first[list]
	if ok {
		x.nodes[next].prev = i
	} else {
		next = none
	}
	x.nodes[i] = node{hash: hash, prev: none, next: next}
	x.first[list] = i
	return i
}

// unindex takes back what index did.
func (s *Store) unindex(subject string, i int32) {
	if i == none {
		return
	}
	x, list := s.subjectsOf(subject)
	x.mu.Lock()
	defer x.mu.Unlock()
	n := x.nodes[i]
	if n.next != none {
		x.nodes[n.next].prev = n.prev
	}
	switch {
	case n.prev != none:
		x.nodes[n.prev].next = n.next
	case n.next != none:
		x.first[list] = n.next
	default:
		delete(x.first, list)
	}
	x.free = append(x.free, i)
}

// hashes returns the hashes of the ids of the subject's records.
func (s *Store) hashes(subject string) []uint64 {
	x, list := s.subjectsOf(subject)
	x.mu.Lock()
	defer x.mu.Unlock()
	i, ok := x.first[list]
	if !ok {
		return nil
	}
	var hashes []uint64
	for ; i != none; i = x.nodes[i].next {
		hashes = append(hashes, x.nodes[i].hash)
	}
	return hashes
}

// of returns the live records of the subject.
func (s *Store) of(ctx context.Context, subject string) ([]slot, error) {
	if err := s.guard.CheckSubject(ctx, subject); err != nil {
		return nil, err
	}
	hashes := s.hashes(subject)
	slices.Sort(hashes)
	var slots []slot
	for _, hash := range slices.Compact(hashes) { // those of twins are the same
		if err := s.guard.CheckContext(ctx); err != nil {
			return nil, err
		}
		slots = s.appendOf(slots, hash, subject)
	}
	return slots, nil
}

// appendOf appends the live records of the subject whose ids have this hash.
func (s *Store) appendOf(slots []slot, hash uint64, subject string) []slot {
	sh := s.shard(hash)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	now := time.Now()
	for i, at := sh.index.first(hash); i != none; i, at = sh.index.next(hash, at) {
		if r := &sh.slots[i]; s.hash(&r.id) == hash && r.live(now) && r.subject() == subject {
			slots = append(slots, *r)
		}
	}
	return slots
}

// ListSubject implements [sessionstore.SubjectIndex].
func (s *Store) ListSubject(ctx context.Context, subject string) ([]sessionstore.Entry, error) {
	slots, err := s.of(ctx, subject)
	if err != nil {
		return nil, err
	}
	entries := make([]sessionstore.Entry, len(slots))
	for i := range slots {
		id := slots[i].packedID()
		entries[i] = sessionstore.Entry{ID: id.text(), Record: slots[i].unpack()}
	}
	return entries, nil
}

// DeleteSubject implements [sessionstore.SubjectIndex].
func (s *Store) DeleteSubject(ctx context.Context, subject string) (int, error) {
	slots, err := s.of(ctx, subject)
	if err != nil {
		return 0, err
	}
	deleted := 0
	for i := range slots {
		if err := s.guard.CheckContext(ctx); err != nil {
			return deleted, err
		}
		if s.deleteIf(slots[i].packedID(), subject) {
			deleted++
		}
	}
	return deleted, nil
}

// deleteIf deletes the record under id unless it belongs to another subject by
// now.
func (s *Store) deleteIf(id packedID, subject string) bool {
	hash := s.hash(&id.bytes)
	sh := s.shard(hash)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	i, ok := sh.find(hash, &id)
	if !ok || sh.slots[i].subject() != subject {
		return false
	}
	s.watches.tell(id.text())
	s.remove(sh, i)
	return true
}

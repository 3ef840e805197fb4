package memstore

import (
	"container/heap"
	"hash/maphash"
	"sync"
)

// A shard holds the records of one in shardCount ids. All of a record but one piece of
// memory lies in three arrays, which grow together. A shard is small, so that its lock is
// held for a short time when they do.
//
// What holds while nobody has the lock: a slot that holds a record is once in the index and
// once in the heap, where it says that it is; all others are in the list that begins with
// free. The subject index has the record if it has a subject.
type shard struct {
	mu     sync.Mutex
	slots  []slot
	free   int32 // the first slot without a record, or none
	index  index
	expiry []int32 // a heap of the slots with a record
}

// hash returns the hash of an id, in which the last two bits of its last character have no
// part. Nobody can choose ids with the same hash, since the seed is a secret, but four that
// differ in these bits alone.
func (s *Store) hash(id *[idBytes]byte) uint64 { return maphash.Bytes(s.seed, id[:]) }

func (s *Store) shard(hash uint64) *shard { return &s.shards[hash%shardCount] }

// find returns where the record under id is.
func (sh *shard) find(hash uint64, id *packedID) (int32, bool) {
	i, at := sh.index.first(hash)
	for i != none && !sh.slots[i].is(id) {
		i, at = sh.index.next(hash, at)
	}
	return i, i != none
}

// insert, replace and remove keep a shard's index, its heap and the subject index
// together. The shard's lock is held.

func (s *Store) insert(sh *shard, hash uint64, r slot) {
	i := sh.free
	if i != none {
		sh.free = sh.slots[i].heap
	} else {
		if n := len(sh.slots); n == cap(sh.slots) {
			s.resize(sh, room(n))
		}
		i = int32(len(sh.slots)) //nolint:gosec // a shard of 2³¹ records would take 700 GB
		sh.slots = append(sh.slots, slot{})
	}
	r.heap = int32(len(sh.expiry)) //nolint:gosec // the same
	r.node = s.index(r.subject(), hash)
	sh.slots[i] = r
	sh.index.add(hash, i)
	sh.expiry = append(sh.expiry, i)
	heap.Fix(order{sh}, int(r.heap))
}

func (s *Store) replace(sh *shard, hash uint64, i int32, r slot) {
	old := sh.slots[i]
	r.heap, r.node = old.heap, old.node
	if old.subject() != r.subject() {
		s.unindex(old.subject(), old.node)
		r.node = s.index(r.subject(), hash)
	}
	sh.slots[i] = r
	heap.Fix(order{sh}, int(r.heap))
}

// remove removes a record. Others may have moved to other slots then.
func (s *Store) remove(sh *shard, i int32) {
	r := sh.slots[i]
	sh.index.remove(s.hash(&r.id), i, func(i int32) uint64 { return s.hash(&sh.slots[i].id) })
	last := len(sh.expiry) - 1
	order{sh}.Swap(int(r.heap), last)
	sh.expiry = sh.expiry[:last]
	if int(r.heap) < last {
		heap.Fix(order{sh}, int(r.heap))
	}
	s.unindex(r.subject(), r.node)
	sh.slots[i] = slot{heap: sh.free}
	sh.free = i
	if fit := room(last); cap(sh.slots) > 4*fit {
		s.resize(sh, fit)
	}
}

// room returns how many slots a shard gets that has so many records: an eighth more, so
// that little of it is unused.
func room(records int) int { return records + records/8 + 4 }

// resize moves a shard's records to arrays of another size, and leaves the free slots
// behind.
func (s *Store) resize(sh *shard, capacity int) {
	old := sh.slots
	sh.slots = make([]slot, 0, capacity)
	sh.expiry = append(make([]int32, 0, capacity), sh.expiry...)
	sh.index = newIndex(capacity)
	sh.free = none
	for n := range old {
		r := &old[n]
		if r.blob == "" {
			continue
		}
		i := int32(len(sh.slots)) //nolint:gosec // as in insert
		sh.slots = append(sh.slots, *r)
		sh.index.add(s.hash(&r.id), i)
		sh.expiry[r.heap] = i
	}
}

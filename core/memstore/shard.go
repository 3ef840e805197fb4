package memstore

import (
	"container/heap"
	"hash/maphash"
	"strings"
	"sync"
	"time"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// A shard holds the records of one in shardCount ids. All of a record but one piece of
// memory lies in arrays without pointers, which take little room, and which a garbage
// collection does not look at.
type shard struct {
	mu     sync.Mutex
	at     map[uint32]int32 // by the key of an id: where in slots its record is
	twins  map[string]int32 // by id: those whose key was another's already
	slots  []slot
	free   []int32 // slots without a record
	expiry []int32 // a heap of the slots with one
}

// A slot holds a record. What blob points to never changes, so that it can be read
// without the lock.
type slot struct {
	blob    string // the id, the length of the subject, the subject, the data
	expires int64  // nanoseconds since 1970
	version sessionstore.Version
	heap    int32 // in the shard's expiry
	node    int32 // in the subject index
}

// pack returns a slot for r. Its memory is its own.
func pack(id string, r sessionstore.Record) slot {
	var b strings.Builder
	b.Grow(len(id) + 1 + len(r.Subject) + len(r.Data))
	b.WriteString(id)
	b.WriteByte(byte(len(r.Subject))) //nolint:gosec // checked: at most MaxSubjectLen
	b.WriteString(r.Subject)
	b.Write(r.Data)
	return slot{blob: b.String(), expires: r.Expires.UnixNano(), version: r.Version, node: none}
}

func (s *slot) id() string      { return s.blob[:sessionstore.IDLen] }
func (s *slot) subject() string { return s.blob[sessionstore.IDLen+1 : s.data()] }

// data returns where in the blob the data begins.
func (s *slot) data() int { return sessionstore.IDLen + 1 + int(s.blob[sessionstore.IDLen]) }

func (s *slot) live(now time.Time) bool { return now.UnixNano() < s.expires }

// unpack returns the record, whose data belongs to the caller.
func (s *slot) unpack() sessionstore.Record {
	return sessionstore.Record{
		Data:    []byte(s.blob[s.data():]),
		Subject: s.subject(),
		Expires: time.Unix(0, s.expires).UTC(),
		Version: s.version,
	}
}

// A hash names a shard and a key within it. Keys of 32 bits take half of the room in a
// map, and leave a million records one or two pairs of twins.
const keyBits = 32

// hash returns the hash of an id, or of a subject.
func (s *Store) hash(text string) uint64 {
	return maphash.String(s.seed, text) % (shardCount << keyBits)
}

func (s *Store) shard(hash uint64) *shard { return &s.shards[hash>>keyBits] }

// key is the part of a hash that the map of a shard knows.
func key(hash uint64) uint32 { return uint32(hash) } //nolint:gosec // a part

// find returns where the record under id is.
func (sh *shard) find(hash uint64, id string) (int32, bool) {
	if i, ok := sh.at[key(hash)]; ok && sh.slots[i].id() == id {
		return i, true
	}
	i, ok := sh.twins[id]
	return i, ok
}

// insert, replace and remove keep a shard's maps, its heap and the subject index
// together. The shard's lock is held.

func (s *Store) insert(sh *shard, hash uint64, r slot) {
	var i int32
	if n := len(sh.free); n > 0 {
		i, sh.free = sh.free[n-1], sh.free[:n-1]
	} else {
		i = int32(len(sh.slots)) //nolint:gosec // a shard of 2³¹ records would take 700 GB
		sh.slots = append(sh.slots, slot{})
	}
	if _, taken := sh.at[key(hash)]; taken {
		sh.twins[r.id()] = i
	} else {
		sh.at[key(hash)] = i
	}
	r.heap = int32(len(sh.expiry)) //nolint:gosec // the same
	r.node = s.index(r.subject(), hash)
	sh.slots[i] = r
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

func (s *Store) remove(sh *shard, i int32) {
	r := sh.slots[i]
	if hash := s.hash(r.id()); sh.holds(hash, i) {
		delete(sh.at, key(hash))
	} else {
		delete(sh.twins, r.id())
	}
	last := len(sh.expiry) - 1
	order{sh}.Swap(int(r.heap), last)
	sh.expiry = sh.expiry[:last]
	if int(r.heap) < last {
		heap.Fix(order{sh}, int(r.heap))
	}
	s.unindex(r.subject(), r.node)
	sh.slots[i] = slot{}
	sh.free = append(sh.free, i)
}

func (sh *shard) holds(hash uint64, i int32) bool {
	at, ok := sh.at[key(hash)]
	return ok && at == i
}

// order is the order of a shard's heap: what expires first comes first. Nothing is
// pushed or popped, which would take memory.
type order struct{ *shard }

func (h order) Len() int { return len(h.expiry) }

func (h order) Less(i, j int) bool {
	return h.slots[h.expiry[i]].expires < h.slots[h.expiry[j]].expires
}

func (h order) Swap(i, j int) {
	h.expiry[i], h.expiry[j] = h.expiry[j], h.expiry[i]
	h.slots[h.expiry[i]].heap, h.slots[h.expiry[j]].heap = int32(i), int32(j) //nolint:gosec // as in insert
}

func (order) Push(any) { panic("not used") }
func (order) Pop() any { panic("not used") }

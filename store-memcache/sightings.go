package memcachestore

import (
	"bytes"
	"hash/maphash"
	"sync/atomic"
	"time"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

const (
	// sightingSlots and largestSighting bound the memory that sightings take, to
	// less than five megabytes.
	sightingSlots   = 1024
	largestSighting = 4 << 10 // bytes of data

	// sightingAge is longer than most requests take. The server's numbers begin
	// anew when it is restarted, so they aren't trusted for long.
	sightingAge = time.Minute
)

// sightings remember the records that Load has returned, each with the number
// that memcached gave to it, so that a write soon after need not ask again: the
// number proves to memcached that the record is still the same one. What is not
// remembered is asked for.
type sightings struct {
	seed  maphash.Seed
	slots [sightingSlots]atomic.Pointer[sighting]
}

type sighting struct {
	id     string
	record sessionstore.Record // without data if that is too large
	whole  bool
	casID  uint64
	until  time.Time
}

func newSightings() *sightings { return &sightings{seed: maphash.MakeSeed()} }

// put remembers the record under id, and forgets another one in its place.
func (s *sightings) put(id string, r sessionstore.Record, casID uint64) {
	seen := &sighting{id: id, record: r, whole: len(r.Data) <= largestSighting, casID: casID}
	seen.record.Data = nil // the caller's
	if seen.whole {
		seen.record.Data = bytes.Clone(r.Data)
	}
	seen.until = time.Now().Add(sightingAge)
	if r.Expires.Before(seen.until) {
		seen.until = r.Expires
	}
	s.slot(id).Store(seen)
}

// take returns the record under id if it has been seen, and forgets it: the write
// that follows gives it another number.
func (s *sightings) take(id string) (*sighting, bool) {
	slot := s.slot(id)
	seen := slot.Load()
	if seen == nil || seen.id != id || !slot.CompareAndSwap(seen, nil) {
		return nil, false
	}
	return seen, time.Now().Before(seen.until)
}

func (s *sightings) slot(id string) *atomic.Pointer[sighting] {
	return &s.slots[maphash.String(s.seed, id)%sightingSlots]
}

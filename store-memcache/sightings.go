package memcachestore

import (
	"hash/maphash"
	"sync/atomic"
	"time"

	session "github.com/cloakroom-go/cloakroom/core"
)

const (
	// sightingSlots bounds the memory that sightings take, to less than a megabyte.
	sightingSlots = 4096

	// sightingAge is longer than most requests take. The server's numbers begin
	// anew when it is restarted, so they aren't kept for long.
	sightingAge = time.Minute
)

// sightings remember which number memcached gave to a record that Load has
// returned, so that an Update soon after need not ask again. The number proves
// that the record is still the same one. What is not remembered is asked for.
type sightings struct {
	seed  maphash.Seed
	slots [sightingSlots]atomic.Pointer[sighting]
}

type sighting struct {
	id      string
	version session.Version
	casID   uint64
	until   time.Time
}

func (s *sightings) slot(id string) *atomic.Pointer[sighting] {
	return &s.slots[maphash.String(s.seed, id)%sightingSlots]
}

// put remembers the record under id, and forgets another one in its place.
func (s *sightings) put(id string, r session.Record, casID uint64) {
	until := time.Now().Add(sightingAge)
	if r.Expires.Before(until) {
		until = r.Expires
	}
	s.slot(id).Store(&sighting{id: id, version: r.Version, casID: casID, until: until})
}

// take returns the number of the record under id if it was seen in this version,
// and forgets it: after an Update it has another one.
func (s *sightings) take(id string, v session.Version) (casID uint64, ok bool) {
	slot := s.slot(id)
	seen := slot.Load()
	if seen == nil || seen.id != id || !slot.CompareAndSwap(seen, nil) {
		return 0, false
	}
	return seen.casID, seen.version == v && time.Now().Before(seen.until)
}

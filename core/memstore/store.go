package memstore

import (
	"cmp"
	"context"
	"hash/maphash"
	"time"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// shardCount spreads the locks. A lock is only held for work on one record, or
// on a few expired ones, and while a shard grows or shrinks.
const (
	shardBits  = 8
	shardCount = 1 << shardBits
)

// Store is a [sessionstore.Store] in memory, which [New] makes. It is safe for concurrent
// use.
type Store struct {
	guard    sessionstore.Guard
	seed     maphash.Seed
	shards   [shardCount]shard
	subjects [shardCount]subjects
	watches  watches
}

var (
	_ sessionstore.Toucher      = (*Store)(nil)
	_ sessionstore.Pruner       = (*Store)(nil)
	_ sessionstore.SubjectIndex = (*Store)(nil)
	_ sessionstore.AllDeleter   = (*Store)(nil)
	_ sessionstore.Scanner      = (*Store)(nil)
	_ sessionstore.Watcher      = (*Store)(nil)
)

// New returns an empty store.
func New(o Options) *Store {
	s := &Store{
		guard: sessionstore.Guard{Package: "memstore", MaxData: cmp.Or(o.MaxData, sessionstore.DefaultMaxData)},
		seed:  maphash.MakeSeed(),
	}
	for i := range s.shards {
		s.shards[i].free = none
		s.subjects[i].first = make(map[uint32]int32)
	}
	return s
}

// Load implements [sessionstore.Store].
func (s *Store) Load(ctx context.Context, id string) (sessionstore.Record, error) {
	if err := s.guard.Check(ctx, id); err != nil {
		return sessionstore.Record{}, err
	}
	packed := packID(id)
	hash := s.hash(&packed.bytes)
	r, ok := s.shard(hash).get(hash, &packed)
	if !ok || !r.live(time.Now()) {
		return sessionstore.Record{}, sessionstore.ErrNotFound
	}
	return r.unpack(), nil
}

func (sh *shard) get(hash uint64, id *packedID) (slot, bool) {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	i, ok := sh.find(hash, id)
	if !ok {
		return slot{}, false
	}
	return sh.slots[i], true
}

// Create implements [sessionstore.Store].
func (s *Store) Create(ctx context.Context, id string, r sessionstore.Record) error {
	if err := s.guard.CheckWrite(ctx, id, r); err != nil {
		return err
	}
	packed := packID(id)
	hash, next := s.hash(&packed.bytes), pack(&packed, r)
	sh := s.shard(hash)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	now := time.Now()
	i, ok := sh.find(hash, &packed)
	switch {
	case !ok:
		s.insert(sh, hash, next)
	case !sh.slots[i].live(now):
		s.replace(sh, hash, i, next)
	case sh.slots[i].version() != r.Version:
		return sessionstore.ErrExists
	}
	s.removeExpired(sh, now, expiredPerWrite)
	return nil
}

// Update implements [sessionstore.Store].
func (s *Store) Update(ctx context.Context, id string, old sessionstore.Version, r sessionstore.Record) error {
	if err := s.guard.CheckWrite(ctx, id, r); err != nil {
		return err
	}
	packed := packID(id)
	hash, next := s.hash(&packed.bytes), pack(&packed, r)
	sh := s.shard(hash)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	now := time.Now()
	i, ok := sh.find(hash, &packed)
	switch {
	case !ok || !sh.slots[i].live(now):
		return sessionstore.ErrNotFound
	case sh.slots[i].version() == r.Version: // this very write, made before
	case sh.slots[i].version() != old:
		return sessionstore.ErrConflict
	default:
		if was := &sh.slots[i]; was.subject() != r.Subject || next.expires < was.expires {
			s.watches.tell(id)
		}
		s.replace(sh, hash, i, next)
	}
	s.removeExpired(sh, now, expiredPerWrite)
	return nil
}

// Delete implements [sessionstore.Store].
func (s *Store) Delete(ctx context.Context, id string) error {
	if err := s.guard.Check(ctx, id); err != nil {
		return err
	}
	packed := packID(id)
	hash := s.hash(&packed.bytes)
	sh := s.shard(hash)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	if i, ok := sh.find(hash, &packed); ok {
		s.watches.tell(id)
		s.remove(sh, i)
	}
	return nil
}

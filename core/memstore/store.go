package memstore

import (
	"bytes"
	"cmp"
	"context"
	"hash/maphash"
	"sync"
	"time"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// shardCount spreads the locks. A lock is only held for work on one record, or
// on a few expired ones.
const shardCount = 64

// Store is a [sessionstore.Store] in memory. It is safe for concurrent use.
type Store struct {
	guard    sessionstore.Guard
	seed     maphash.Seed
	shards   [shardCount]shard
	subjects [shardCount]subjects
}

var (
	_ sessionstore.Toucher      = (*Store)(nil)
	_ sessionstore.Pruner       = (*Store)(nil)
	_ sessionstore.SubjectIndex = (*Store)(nil)
	_ sessionstore.AllDeleter   = (*Store)(nil)
	_ sessionstore.Scanner      = (*Store)(nil)
)

// New returns an empty store.
func New(o Options) *Store {
	s := &Store{
		guard: sessionstore.Guard{Package: "memstore", MaxData: cmp.Or(o.MaxData, sessionstore.DefaultMaxData)},
		seed:  maphash.MakeSeed(),
	}
	for i := range s.shards {
		s.shards[i].items = make(map[string]*item)
		s.subjects[i].ids = make(map[string]map[string]struct{})
	}
	return s
}

// A shard holds a part of the records.
type shard struct {
	mu     sync.Mutex
	items  map[string]*item
	expiry expiryHeap // of the same items
}

// An item is a stored record. It is changed under its shard's lock only.
type item struct {
	id     string
	record sessionstore.Record
	index  int // in the shard's heap
}

func (it *item) live(now time.Time) bool { return now.Before(it.record.Expires) }

func (s *Store) shard(id string) *shard {
	return &s.shards[maphash.String(s.seed, id)%shardCount]
}

// Load implements [sessionstore.Store].
func (s *Store) Load(ctx context.Context, id string) (sessionstore.Record, error) {
	if err := s.guard.Check(ctx, id); err != nil {
		return sessionstore.Record{}, err
	}
	sh := s.shard(id)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	it, ok := sh.items[id]
	if !ok || !it.live(time.Now()) {
		return sessionstore.Record{}, sessionstore.ErrNotFound
	}
	r := it.record
	r.Data = bytes.Clone(r.Data)
	return r, nil
}

// Create implements [sessionstore.Store].
func (s *Store) Create(ctx context.Context, id string, r sessionstore.Record) error {
	if err := s.guard.CheckWrite(ctx, id, r); err != nil {
		return err
	}
	sh := s.shard(id)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	now := time.Now()
	it, ok := sh.items[id]
	switch {
	case !ok:
		s.insert(sh, id, r)
	case !it.live(now):
		s.replace(sh, it, r)
	case it.record.Version != r.Version:
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
	sh := s.shard(id)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	now := time.Now()
	it, ok := sh.items[id]
	switch {
	case !ok || !it.live(now):
		return sessionstore.ErrNotFound
	case it.record.Version == r.Version: // this very write, made before
	case it.record.Version != old:
		return sessionstore.ErrConflict
	default:
		s.replace(sh, it, r)
	}
	s.removeExpired(sh, now, expiredPerWrite)
	return nil
}

// Delete implements [sessionstore.Store].
func (s *Store) Delete(ctx context.Context, id string) error {
	if err := s.guard.Check(ctx, id); err != nil {
		return err
	}
	sh := s.shard(id)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	if it, ok := sh.items[id]; ok {
		s.remove(sh, it)
	}
	return nil
}

// insert, replace and remove keep a shard's map, its heap and the subject index
// together. The shard's lock is held.

func (s *Store) insert(sh *shard, id string, r sessionstore.Record) {
	it := &item{id: id, record: own(r)}
	sh.items[id] = it
	sh.expiry.push(it)
	s.index(r.Subject, id)
}

func (s *Store) replace(sh *shard, it *item, r sessionstore.Record) {
	if it.record.Subject != r.Subject {
		s.unindex(it.record.Subject, it.id)
		s.index(r.Subject, it.id)
	}
	it.record = own(r)
	sh.expiry.fix(it)
}

func (s *Store) remove(sh *shard, it *item) {
	delete(sh.items, it.id)
	sh.expiry.remove(it)
	s.unindex(it.record.Subject, it.id)
}

// own returns r with memory of its own.
func own(r sessionstore.Record) sessionstore.Record {
	r.Data = bytes.Clone(r.Data)
	r.Expires = toUTC(r.Expires)
	return r
}

// toUTC also drops the monotonic clock: expiry is wall time, as in every store
// that outlives the process.
func toUTC(t time.Time) time.Time { return t.Round(0).UTC() }

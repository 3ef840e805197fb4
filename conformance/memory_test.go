package conformance

import (
	"context"
	"sync"
	"time"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// A memory is what a mutant remembers beside the store: by id, or by subject.
type memory[V any] struct {
	mu sync.Mutex
	m  map[string]V
}

type set struct{ memory[bool] }

func (s *set) add(key string)      { s.put(key, true) }
func (s *set) has(key string) bool { ok, _ := s.get(key); return ok }

func (m *memory[V]) put(key string, v V) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.m == nil {
		m.m = make(map[string]V)
	}
	m.m[key] = v
}

func (m *memory[V]) get(key string) (V, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	v, ok := m.m[key]
	return v, ok
}

func (m *memory[V]) remove(key string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.m, key)
}

// keys returns those for which keep holds.
func (m *memory[V]) keys(keep func(V) bool) []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	var keys []string
	for k, v := range m.m {
		if keep(v) {
			keys = append(keys, k)
		}
	}
	return keys
}

// all returns every key.
func (m *memory[V]) all() []string { return m.keys(func(V) bool { return true }) }

func dead(r sessionstore.Record) bool { return !time.Now().Before(r.Expires) }

// created makes a mutant remember every record that was created last under an
// id, until it is deleted.
func (m *mutated) created() *memory[sessionstore.Record] {
	var created memory[sessionstore.Record]
	create, remove := m.create, m.remove
	m.create = func(ctx context.Context, id string, r sessionstore.Record) error {
		err := create(ctx, id, r)
		if err == nil {
			created.put(id, r)
		}
		return err
	}
	m.remove = func(ctx context.Context, id string) error {
		created.remove(id)
		return remove(ctx, id)
	}
	return &created
}

// deleted makes a mutant remember every record that was deleted, until another
// is created under the same id.
func (m *mutated) deleted() *memory[sessionstore.Record] {
	var deleted memory[sessionstore.Record]
	create, remove := m.create, m.remove
	m.create = func(ctx context.Context, id string, r sessionstore.Record) error {
		err := create(ctx, id, r)
		if err == nil {
			deleted.remove(id)
		}
		return err
	}
	m.remove = func(ctx context.Context, id string) error {
		if r, err := m.ref.Load(ctx, id); err == nil {
			deleted.put(id, r)
		}
		return remove(ctx, id)
	}
	return &deleted
}

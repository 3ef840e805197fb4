package memstore

import (
	"context"
	"strings"
	"sync"
	"sync/atomic"
)

// watches are the calls of Watch that are under way. They are told while the record's
// shard is locked: whoever looks at the record then finds what has been written.
type watches struct {
	some atomic.Bool // so that a write takes no lock while nobody watches
	mu   sync.Mutex
	all  map[*watch]struct{}
}

// A watch has the ids that its caller has not been told yet.
type watch struct {
	ids  []string
	wake chan struct{}
}

// tell has all watches report a record.
func (w *watches) tell(id string) {
	if !w.some.Load() {
		return
	}
	id = strings.Clone(id) // it may be a part of the record
	w.mu.Lock()
	defer w.mu.Unlock()
	for one := range w.all {
		one.ids = append(one.ids, id)
		select {
		case one.wake <- struct{}{}:
		default:
		}
	}
}

func (w *watches) add(one *watch) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.all == nil {
		w.all = make(map[*watch]struct{})
	}
	w.all[one] = struct{}{}
	w.some.Store(true)
}

func (w *watches) remove(one *watch) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.all, one)
	w.some.Store(len(w.all) > 0)
}

// take returns what is to be reported.
func (w *watches) take(one *watch) []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	ids := one.ids
	one.ids = nil
	return ids
}

// Watch implements [sessionstore.Watcher], for the process that has the records.
func (s *Store) Watch(ctx context.Context, changed func(id string)) error {
	if err := s.guard.CheckContext(ctx); err != nil {
		return err
	}
	one := &watch{wake: make(chan struct{}, 1)}
	s.watches.add(one)
	defer s.watches.remove(one)
	changed("")
	for {
		select {
		case <-ctx.Done():
			return s.guard.CheckContext(ctx)
		case <-one.wake:
		}
		for _, id := range s.watches.take(one) {
			changed(id)
		}
	}
}

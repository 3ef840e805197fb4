package memstore

import (
	"context"
	"errors"
	"hash/maphash"
	"sync"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// subjects holds a part of the subject index. It changes while the shard of
// the record in question is locked, so it is never behind the records; its own
// lock is always the second one taken.
type subjects struct {
	mu  sync.Mutex
	ids map[string]map[string]struct{} // subject to set of ids
}

func (s *Store) subjectsOf(subject string) *subjects {
	return &s.subjects[maphash.String(s.seed, subject)%shardCount]
}

func (s *Store) index(subject, id string) {
	if subject == "" {
		return
	}
	x := s.subjectsOf(subject)
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.ids[subject] == nil {
		x.ids[subject] = make(map[string]struct{}, 1)
	}
	x.ids[subject][id] = struct{}{}
}

func (s *Store) unindex(subject, id string) {
	if subject == "" {
		return
	}
	x := s.subjectsOf(subject)
	x.mu.Lock()
	defer x.mu.Unlock()
	delete(x.ids[subject], id)
	if len(x.ids[subject]) == 0 {
		delete(x.ids, subject)
	}
}

func (s *Store) subjectIDs(ctx context.Context, subject string) ([]string, error) {
	if err := s.guard.CheckSubject(ctx, subject); err != nil {
		return nil, err
	}
	x := s.subjectsOf(subject)
	x.mu.Lock()
	defer x.mu.Unlock()
	ids := make([]string, 0, len(x.ids[subject]))
	for id := range x.ids[subject] {
		ids = append(ids, id)
	}
	return ids, nil
}

// ListSubject implements [sessionstore.SubjectIndex].
func (s *Store) ListSubject(ctx context.Context, subject string) ([]sessionstore.Entry, error) {
	ids, err := s.subjectIDs(ctx, subject)
	if err != nil {
		return nil, err
	}
	entries := make([]sessionstore.Entry, 0, len(ids))
	for _, id := range ids {
		r, err := s.Load(ctx, id)
		switch {
		case errors.Is(err, sessionstore.ErrNotFound): // ended since
		case err != nil:
			return nil, err
		case r.Subject == subject:
			entries = append(entries, sessionstore.Entry{ID: id, Record: r})
		}
	}
	return entries, nil
}

// DeleteSubject implements [sessionstore.SubjectIndex].
func (s *Store) DeleteSubject(ctx context.Context, subject string) (int, error) {
	entries, err := s.ListSubject(ctx, subject)
	if err != nil {
		return 0, err
	}
	deleted := 0
	for _, e := range entries {
		if err := s.guard.CheckContext(ctx); err != nil {
			return deleted, err
		}
		if s.deleteIf(e.ID, subject) {
			deleted++
		}
	}
	return deleted, nil
}

// deleteIf deletes the record under id unless it belongs to another subject by
// now.
func (s *Store) deleteIf(id, subject string) bool {
	sh := s.shard(id)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	it, ok := sh.items[id]
	if !ok || it.record.Subject != subject {
		return false
	}
	s.remove(sh, it)
	return true
}

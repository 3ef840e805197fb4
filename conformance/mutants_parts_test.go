package conformance

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// partMutants write too much, too little or into the wrong memory.
func partMutants() []mutant {
	refused := []string{"subjects/lists nothing that was refused"}
	return []mutant{
		{"Update writes the version that is there with other content", []string{"retries/with other content"}, func(m *mutated) {
			update := m.update
			m.update = func(ctx context.Context, id string, old sessionstore.Version, r sessionstore.Record) error {
				s, err := m.ref.Load(ctx, id)
				if err == nil && old != r.Version && s.Version == r.Version && writable(r) && !bytes.Equal(s.Data, r.Data) {
					return m.overwrite(ctx, id, r)
				}
				return update(ctx, id, old, r)
			}
		}},
		{"Create writes the version that is there with other content", []string{"retries/with other content"}, func(m *mutated) {
			create := m.create
			m.create = func(ctx context.Context, id string, r sessionstore.Record) error {
				s, err := m.ref.Load(ctx, id)
				if err == nil && s.Version == r.Version && writable(r) && !bytes.Equal(s.Data, r.Data) {
					return m.overwrite(ctx, id, r)
				}
				return create(ctx, id, r)
			}
		}},
		{"Create remembers its writes beyond a DeleteSubject", []string{"retries/create after the subject's end"}, func(m *mutated) {
			var made set
			rm, create := m.remove, m.create
			m.remove = func(ctx context.Context, id string) error {
				for _, k := range made.all() {
					if strings.HasPrefix(k, id) {
						made.remove(k)
					}
				}
				return rm(ctx, id)
			}
			m.create = func(ctx context.Context, id string, r sessionstore.Record) error {
				k := id + fmt.Sprint(r.Version)
				if _, absent := m.ref.Load(ctx, id); absent != nil && made.has(k) && !dead(r) {
					return nil
				}
				err := create(ctx, id, r)
				if err == nil && time.Until(r.Expires) > time.Minute {
					made.add(k)
				}
				return err
			}
		}},
		{"an Update beside the same one conflicts", []string{"retries/at the same time"}, func(m *mutated) {
			var running set
			m.update = func(ctx context.Context, id string, old sessionstore.Version, r sessionstore.Record) error {
				key := fmt.Sprint(id, r.Version)
				if running.has(key) {
					return sessionstore.ErrConflict
				}
				running.add(key)
				pause(100 * time.Microsecond)
				defer running.remove(key)
				return m.next.Update(ctx, id, old, r)
			}
		}},
		{"a Create beside the same one finds it there", []string{"retries/at the same time"}, func(m *mutated) {
			var running set
			m.create = func(ctx context.Context, id string, r sessionstore.Record) error {
				key := fmt.Sprint(id, r.Version)
				if running.has(key) {
					return sessionstore.ErrExists
				}
				running.add(key)
				pause(100 * time.Microsecond)
				defer running.remove(key)
				return m.next.Create(ctx, id, r)
			}
		}},
		{"an Update that is too large moves the entry", refused, refusedMoves(sessionstore.ErrTooLarge)},
		{"an Update that is invalid moves the entry", refused, refusedMoves(sessionstore.ErrInvalid)},
		{"a Create that is too large leaves an entry", refused, refusedEntry(sessionstore.ErrTooLarge)},
		{"a Create that is invalid leaves an entry", refused, refusedEntry(sessionstore.ErrInvalid)},
		{"the 65th Update conflicts", []string{"update/again and again"}, func(m *mutated) {
			var n memory[int]
			update := m.update
			m.update = func(ctx context.Context, id string, old sessionstore.Version, r sessionstore.Record) error {
				k, _ := n.get(id)
				n.put(id, k+1)
				if k == 64 {
					return sessionstore.ErrConflict
				}
				return update(ctx, id, old, r)
			}
		}},
		{"an Update of the version alone is left out", []string{"update/of a part"}, func(m *mutated) {
			update := m.update
			m.update = func(ctx context.Context, id string, old sessionstore.Version, r sessionstore.Record) error {
				if s, err := m.ref.Load(ctx, id); err == nil && s.Version == old && bytes.Equal(s.Data, r.Data) && s.Subject == r.Subject {
					return nil
				}
				return update(ctx, id, old, r)
			}
		}},
		{"an Update of the expiry alone is left out", []string{"update/of a part"}, func(m *mutated) {
			onUpdate(m, func(s sessionstore.Record, r *sessionstore.Record) {
				if bytes.Equal(s.Data, r.Data) && s.Version != 0 {
					r.Expires = s.Expires
				}
			})
		}},
		{"an Update of the subject alone leaves the index", []string{"update/of a part"}, func(m *mutated) {
			var out set
			update := m.update
			m.update = func(ctx context.Context, id string, old sessionstore.Version, r sessionstore.Record) error {
				s, _ := m.ref.Load(ctx, id)
				err := update(ctx, id, old, r)
				if err == nil && bytes.Equal(s.Data, r.Data) && s.Subject != r.Subject {
					out.add(id + r.Subject)
				}
				return err
			}
			m.list = func(ctx context.Context, sub string) (found, error) {
				l, err := m.next.ListSubject(ctx, sub)
				return slices.DeleteFunc(l, func(e sessionstore.Entry) bool { return out.has(e.ID + sub) }), err
			}
		}},
		{"Delete of damage leaves a mark", []string{"corruption/is deleted"}, func(m *mutated) {
			var marks set
			m.remove = func(ctx context.Context, id string) error {
				if m.ref.foreign.has(id) {
					marks.add(id)
				}
				return m.next.Delete(ctx, id)
			}
			create := m.create
			m.create = func(ctx context.Context, id string, r sessionstore.Record) error {
				if marks.has(id) {
					return sessionstore.ErrCorrupt
				}
				return create(ctx, id, r)
			}
		}},
		{"Load uses its buffer again", []string{"ownership/loaded data stays"}, func(m *mutated) {
			buf := make([]byte, 1<<20)
			var mu sync.Mutex
			m.load = func(ctx context.Context, id string) (sessionstore.Record, error) {
				r, err := m.next.Load(ctx, id)
				mu.Lock()
				defer mu.Unlock()
				if err == nil && len(r.Data) == 64 {
					n := copy(buf, r.Data)
					r.Data = buf[:n:n]
				}
				return r, err
			}
		}},
		{"ListSubject uses its buffer again", []string{"ownership/loaded data stays"}, func(m *mutated) {
			buf := make([]byte, 1<<20)
			m.list = func(ctx context.Context, sub string) (found, error) {
				l, err := m.next.ListSubject(ctx, sub)
				at := 0
				for i := range l {
					n := copy(buf[at:], l[i].Record.Data)
					if n < len(l[i].Record.Data) {
						continue
					}
					l[i].Record.Data = buf[at : at+n : at+n]
					at += n
				}
				return l, err
			}
		}},
		{"calls of Load at the same time share a slice", []string{"ownership/loaded at the same time"}, func(m *mutated) {
			var last memory[sessionstore.Record]
			var mu sync.Mutex
			loading := make(map[string]int)
			m.load = func(ctx context.Context, id string) (sessionstore.Record, error) {
				r, err := m.next.Load(ctx, id)
				mu.Lock()
				if loading[id]++; loading[id] == 1 || err != nil {
					last.put(id, r)
				}
				shared, _ := last.get(id)
				mu.Unlock()
				pause(50 * time.Microsecond)
				mu.Lock()
				loading[id]--
				mu.Unlock()
				if shared.Version == r.Version {
					r.Data = shared.Data
				}
				return r, err
			}
		}},
	}
}

func refusedMoves(sentinel error) func(m *mutated) {
	return func(m *mutated) {
		var lost set
		update := m.update
		m.update = func(ctx context.Context, id string, old sessionstore.Version, r sessionstore.Record) error {
			s, _ := m.ref.Load(ctx, id)
			err := update(ctx, id, old, r)
			if errors.Is(err, sentinel) && s.Subject != r.Subject {
				lost.add(id + s.Subject)
			}
			return err
		}
		m.list = func(ctx context.Context, sub string) (found, error) {
			l, err := m.next.ListSubject(ctx, sub)
			return slices.DeleteFunc(l, func(e sessionstore.Entry) bool { return lost.has(e.ID + sub) }), err
		}
	}
}

func refusedEntry(sentinel error) func(m *mutated) {
	return func(m *mutated) {
		var ghosts memory[sessionstore.Record]
		create := m.create
		m.create = func(ctx context.Context, id string, r sessionstore.Record) error {
			err := create(ctx, id, r)
			if errors.Is(err, sentinel) {
				ghosts.put(id, r)
			}
			return err
		}
		m.list = listWith(m, &ghosts, func(string, sessionstore.Record) bool { return true })
	}
}

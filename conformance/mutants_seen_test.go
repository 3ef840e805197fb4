package conformance

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// seenMutants go by what a process has seen of a record, though another has moved its expiry.
func seenMutants() []mutant {
	const prolonged, shortened = "peer/lets live what another has prolonged", "peer/takes for dead what another has shortened"
	return []mutant{
		onPeer("Update is of a record that has not been seen to expire", []string{prolonged}, func(m *mutated) {
			seen := remembers(m.broken)
			m.update = func(ctx context.Context, id string, old sessionstore.Version, r sessionstore.Record) error {
				if s, ok := seen.get(id); ok && s.Version == old && dead(s) && writable(r) {
					return sessionstore.ErrNotFound
				}
				return m.next.Update(ctx, id, old, r)
			}
		}),
		onPeer("Touch is of a record that has not been seen to expire", []string{prolonged}, func(m *mutated) {
			seen := remembers(m.broken)
			m.touch = func(ctx context.Context, id string, version sessionstore.Version, expires time.Time) error {
				if s, ok := seen.get(id); ok && s.Version == version && dead(s) && sessionstore.CheckExpires(expires) == nil {
					return sessionstore.ErrNotFound
				}
				return m.next.Touch(ctx, id, version, expires)
			}
		}),
		onPeer("Create replaces what has been seen to expire", []string{prolonged}, func(m *mutated) {
			seen := remembers(m.broken)
			m.create = func(ctx context.Context, id string, r sessionstore.Record) error {
				if s, ok := seen.get(id); ok && dead(s) && writable(r) {
					_ = m.next.Delete(ctx, id)
				}
				return m.next.Create(ctx, id, r)
			}
		}),
		onPeer("Prune takes what has been seen to expire", []string{prolonged}, func(m *mutated) {
			seen := remembers(m.broken)
			m.prune = func(ctx context.Context) (int, error) {
				for _, id := range seen.keys(dead) {
					_ = m.next.Delete(ctx, id)
				}
				return m.next.Prune(ctx)
			}
		}),
		onPeer("a list has no record that has been seen to expire", []string{prolonged}, func(m *mutated) {
			seen := remembers(m.broken)
			m.list = func(ctx context.Context, subject string) (found, error) {
				all, err := m.next.ListSubject(ctx, subject)
				var kept found
				for _, e := range all {
					if s, ok := seen.get(e.ID); !ok || s.Version != e.Record.Version || !dead(s) {
						kept = append(kept, e)
					}
				}
				return kept, err
			}
		}),
		onPeer("a Load finds what has been seen to live on", []string{shortened}, func(m *mutated) {
			seen := remembers(m.broken)
			load := m.load
			m.load = func(ctx context.Context, id string) (sessionstore.Record, error) {
				if s, ok := seen.get(id); ok && !dead(s) {
					return s, ctx.Err()
				}
				return load(ctx, id)
			}
		}),
		onPeer("Create meets what has been seen to live on", []string{shortened}, func(m *mutated) {
			seen := remembers(m.broken)
			m.create = func(ctx context.Context, id string, r sessionstore.Record) error {
				if s, ok := seen.get(id); ok && !dead(s) && writable(r) {
					return sessionstore.ErrExists
				}
				return m.next.Create(ctx, id, r)
			}
		}),
		onPair("a process goes on in what another has deleted with everything", []string{"all/ends for every process"}, func(m *mutated) {
			seen := remembers(m.peer)
			load := m.peer.load
			m.peer.load = func(ctx context.Context, id string) (sessionstore.Record, error) {
				if s, ok := seen.get(id); ok && !dead(s) {
					return s, ctx.Err()
				}
				return load(ctx, id)
			}
		}),
		onPair("a process creates in what another has deleted with everything", []string{"all/ends for every process"}, func(m *mutated) {
			var ended set
			m.wipe = func(ctx context.Context) (int, error) {
				for _, e := range collected(m.next.Scan(ctx)) {
					ended.add(e.ID)
				}
				return m.next.DeleteAll(ctx)
			}
			m.peer.create = func(ctx context.Context, id string, r sessionstore.Record) error {
				if ended.has(id) {
					return nil
				}
				return m.next.Create(ctx, id, r)
			}
		}),
		onPair("a process hears of its own DeleteAll", []string{"all/is reported to a peer"}, func(m *mutated) {
			m.peer.watch = func(ctx context.Context, changed func(string)) error {
				changed("")
				<-ctx.Done()
				return ctx.Err()
			}
		}),
		onPeer("Update compares the expiry that it has seen, too", []string{"peer/updates what another has touched"}, func(m *mutated) {
			seen := remembers(m.broken)
			m.update = func(ctx context.Context, id string, old sessionstore.Version, r sessionstore.Record) error {
				there, err := m.ref.Load(ctx, id)
				if s, ok := seen.get(id); ok && err == nil && there.Version == old && !there.Expires.Equal(s.Expires) {
					return sessionstore.ErrConflict
				}
				return m.next.Update(ctx, id, old, r)
			}
		}),
	}
}

// onPair returns a mutant of two processes with a namespace of their own.
func onPair(name string, breaks []string, plant func(m *mutated)) mutant {
	return mutant{name, breaks, func(m *mutated) {
		m.Pair = func(testing.TB) (store, peer sessionstore.Store) {
			ref := newReference()
			pair := &mutated{broken: newBroken(ref), ref: ref, peer: newBroken(ref)}
			plant(pair)
			return pair.broken, pair.peer
		}
	}}
}

// remembers makes a store remember each record as Load has returned it last.
func remembers(b *broken) *memory[sessionstore.Record] {
	var seen memory[sessionstore.Record]
	load := b.load
	b.load = func(ctx context.Context, id string) (sessionstore.Record, error) {
		r, err := load(ctx, id)
		if err == nil {
			seen.put(id, r)
		}
		if errors.Is(err, sessionstore.ErrNotFound) {
			seen.remove(id)
		}
		return r, err
	}
	return &seen
}

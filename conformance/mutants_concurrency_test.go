package conformance

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

func concurrencyMutants() []mutant {
	return []mutant{
		{"Create looks before it writes", orders("concurrency/one create wins"), func(m *mutated) {
			m.create = func(ctx context.Context, id string, r sessionstore.Record) error {
				_, err := m.ref.Load(ctx, id)
				pause(100 * time.Microsecond)
				if errors.Is(err, sessionstore.ErrNotFound) && sessionstore.CheckRecord(r) == nil && len(r.Data) <= referenceMaxData {
					return m.overwrite(ctx, id, r)
				}
				return m.next.Create(ctx, id, r)
			}
		}},
		{
			"Update looks before it writes",
			orders("concurrency/one update wins", "concurrency/no update is lost"),
			func(m *mutated) {
				m.update = func(ctx context.Context, id string, old sessionstore.Version, r sessionstore.Record) error {
					seen, err := m.ref.Load(ctx, id)
					pause(100 * time.Microsecond)
					stored, _ := m.ref.Load(ctx, id)
					if err == nil && seen.Version == old && stored.Version != r.Version {
						old = stored.Version
					}
					return m.next.Update(ctx, id, old, r)
				}
			},
		},
		{"ListSubject is empty if it changes meanwhile", []string{"concurrency/listed under writes"}, func(m *mutated) {
			m.list = func(ctx context.Context, subject string) ([]sessionstore.Entry, error) {
				list, err := m.next.ListSubject(ctx, subject)
				pause(100 * time.Microsecond)
				if again, err := m.next.ListSubject(ctx, subject); len(again) != len(list) {
					return nil, err
				}
				return list, err
			}
		}},
		{"Load mixes two writes", orders(), func(m *mutated) {
			m.load = func(ctx context.Context, id string) (sessionstore.Record, error) {
				first, err := m.next.Load(ctx, id)
				pause(100 * time.Microsecond)
				if second, err := m.next.Load(ctx, id); err == nil && len(second.Data) == len(first.Data) {
					first.Data = append(first.Data[:len(first.Data)/2], second.Data[len(second.Data)/2:]...)
				}
				return first, err
			}
		}},
	}
}

// peerMutants break the other handle.
func peerMutants() []mutant {
	return []mutant{
		onPeer("a process remembers that nothing is there", []string{"peer/sees a create"}, func(m *mutated) {
			var absent, existed set
			m.create = func(ctx context.Context, id string, r sessionstore.Record) error {
				existed.add(id)
				return m.next.Create(ctx, id, r)
			}
			m.peer.load = func(ctx context.Context, id string) (sessionstore.Record, error) {
				if absent.has(id) {
					return sessionstore.Record{}, sessionstore.ErrNotFound
				}
				if !existed.has(id) {
					absent.add(id)
				}
				return m.next.Load(ctx, id)
			}
		}),
		onPeer("a process keeps what it has read until it conflicts", orders("peer/sees an update"), func(m *mutated) {
			var cache memory[sessionstore.Record]
			m.peer.load = func(ctx context.Context, id string) (sessionstore.Record, error) {
				r, err := m.next.Load(ctx, id)
				if c, ok := cache.get(id); ok && err == nil {
					c.Data = bytes.Clone(c.Data)
					return c, nil
				}
				if err == nil {
					cache.put(id, r)
				}
				return r, err
			}
			m.peer.update = func(ctx context.Context, id string, old sessionstore.Version, r sessionstore.Record) error {
				err := m.next.Update(ctx, id, old, r)
				if errors.Is(err, sessionstore.ErrConflict) {
					cache.remove(id)
				}
				return err
			}
		}),
		onPeer("a process keeps what another has deleted", orders("peer/sees a delete"), func(m *mutated) {
			var cache memory[sessionstore.Record]
			m.peer.load = func(ctx context.Context, id string) (sessionstore.Record, error) {
				r, err := m.next.Load(ctx, id)
				if c, ok := cache.get(id); ok && errors.Is(err, sessionstore.ErrNotFound) {
					c.Data = bytes.Clone(c.Data)
					return c, nil
				}
				if err == nil {
					cache.put(id, r)
				}
				return r, err
			}
		}),
		onPeer(
			"a process trusts the version that it has read",
			orders("peer/loses to an update", "concurrency/no update is lost"),
			func(m *mutated) {
				var read memory[sessionstore.Version]
				m.peer.load = func(ctx context.Context, id string) (sessionstore.Record, error) {
					r, err := m.next.Load(ctx, id)
					read.put(id, r.Version)
					return r, err
				}
				m.peer.update = func(ctx context.Context, id string, old sessionstore.Version, r sessionstore.Record) error {
					stored, err := m.ref.Load(ctx, id)
					if v, _ := read.get(id); err == nil && v == old && v != 0 {
						old = stored.Version
					}
					return m.next.Update(ctx, id, old, r)
				}
			},
		),
		onPeer(
			"a process touches by any version that it has read",
			[]string{"peer/loses a touch to an update", "concurrency/one order with touch"},
			func(m *mutated) {
				var read set
				m.peer.load = func(ctx context.Context, id string) (sessionstore.Record, error) {
					r, err := m.next.Load(ctx, id)
					read.add(fmt.Sprint(id, r.Version))
					return r, err
				}
				m.peer.touch = func(ctx context.Context, id string, version sessionstore.Version, expires time.Time) error {
					if stored, err := m.ref.Load(ctx, id); err == nil && read.has(fmt.Sprint(id, version)) {
						version = stored.Version
					}
					return m.next.Touch(ctx, id, version, expires)
				}
			},
		),
		onPeer("a process lists what it has created itself", []string{"peer/lists what was created"}, func(m *mutated) {
			m.peer.list = func(context.Context, string) ([]sessionstore.Entry, error) { return nil, nil }
		}),
	}
}

// onPeer returns a mutant that has a peer.
func onPeer(name string, breaks []string, plant func(m *mutated)) mutant {
	return mutant{name, breaks, func(m *mutated) {
		m.peer = newBroken(m.ref)
		plant(m)
	}}
}

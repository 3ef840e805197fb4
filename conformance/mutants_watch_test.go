package conformance

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

func watchMutants() []mutant {
	const listens, ends, foreign = "watch/says that it listens", "watch/ends with its context", "watch/not other namespaces"
	const deletes, others, earlier = "watch/reports a delete", "watch/reports another subject", "watch/reports an earlier expiry"
	const subjects, all, peers = "watch/reports a subject's", "watch/reports everybody's", "watch/reports what a peer does"
	const everybody = "watch/reports to everybody"
	every := []string{listens, deletes, others, earlier, subjects, all, peers, everybody, foreign, ends}
	return []mutant{
		{"Watch does not say that it listens", without(every, peers), func(m *mutated) {
			m.watch = watching(m, func(id string) bool { return id != "" })
		}},
		{"Watch reports before it says that it listens", []string{listens}, func(m *mutated) {
			m.watch = func(ctx context.Context, changed func(string)) error {
				changed(randomID())
				return m.next.Watch(ctx, changed)
			}
		}},
		{"Watch gives up", without(every, peers), func(m *mutated) {
			m.watch = func(context.Context, func(string)) error { return errDown }
		}},
		{"Watch passes over Delete", []string{deletes, everybody, foreign, ends}, func(m *mutated) {
			var silent set
			remove := m.remove
			m.remove = func(ctx context.Context, id string) error {
				silent.add(id)
				return remove(ctx, id)
			}
			m.watch = watching(m, func(id string) bool { return !silent.has(id) })
		}},
		{"Watch passes over what is given away", []string{others}, silentUpdate(func(was, r sessionstore.Record) bool {
			return was.Subject != r.Subject
		})},
		{"Watch passes over what becomes nobody's", []string{others}, silentUpdate(func(_, r sessionstore.Record) bool {
			return r.Subject == ""
		})},
		{"Watch passes over what is cut short", []string{earlier}, silentUpdate(func(was, r sessionstore.Record) bool {
			return r.Expires.Before(was.Expires)
		})},
		{"Watch passes over DeleteSubject", []string{subjects}, func(m *mutated) {
			var silent set
			m.purge = func(ctx context.Context, subject string) (int, error) {
				list, _ := m.next.ListSubject(ctx, subject)
				for _, e := range list {
					silent.add(e.ID)
				}
				return m.next.DeleteSubject(ctx, subject)
			}
			m.watch = watching(m, func(id string) bool { return !silent.has(id) })
		}},
		{"Watch passes over DeleteAll", []string{all}, isolated(func(own *mutated) {
			created := own.created()
			var silent set
			own.wipe = func(ctx context.Context) (int, error) {
				for _, id := range created.all() {
					silent.add(id)
				}
				return own.next.DeleteAll(ctx)
			}
			own.watch = watching(own, func(id string) bool { return !silent.has(id) })
		})},
		onPeer("Watch reports what its own process does", []string{peers}, func(m *mutated) {
			var silent set
			remove := m.peer.remove
			m.peer.remove = func(ctx context.Context, id string) error {
				silent.add(id)
				return remove(ctx, id)
			}
			m.watch = watching(m, func(id string) bool { return !silent.has(id) })
		}),
		{"Watch reports to the last who watches", []string{everybody}, func(m *mutated) {
			var mu sync.Mutex
			last := 0
			m.watch = func(ctx context.Context, changed func(string)) error {
				mu.Lock()
				last++
				own := last
				mu.Unlock()
				return m.next.Watch(ctx, func(id string) {
					mu.Lock()
					heard := id == "" || own == last
					mu.Unlock()
					if heard {
						changed(id)
					}
				})
			}
		}},
		{"Watch reports records of other namespaces", []string{foreign}, func(m *mutated) {
			var spaces neighbours
			m.Isolated = func(testing.TB) sessionstore.Store {
				own := &mutated{ref: newReference()}
				own.broken = newBroken(own.ref)
				spaces.add(own)
				own.watch = spaces.watch
				return own.broken
			}
		}},
		{"Watch ends without an error", []string{ends}, func(m *mutated) {
			m.watch = func(ctx context.Context, changed func(string)) error {
				_ = m.next.Watch(ctx, changed)
				return nil
			}
		}},
		{"Watch takes its time to end", []string{ends}, func(m *mutated) {
			m.watch = func(ctx context.Context, changed func(string)) error {
				err := m.next.Watch(ctx, changed)
				pause(2 * contextLimit)
				return err
			}
		}},
		{"Watch reports after its end", []string{ends}, func(m *mutated) {
			m.watch = func(ctx context.Context, changed func(string)) error {
				go func() {
					ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
					defer cancel()
					_ = m.next.Watch(ctx, func(id string) {
						if id != "" {
							changed(id)
						}
					})
				}()
				return m.next.Watch(ctx, changed)
			}
		}},
	}
}

func without(names []string, one string) []string {
	return slices.DeleteFunc(slices.Clone(names), func(name string) bool { return name == one })
}

// watching reports those ids for which heard holds.
func watching(m *mutated, heard func(id string) bool) func(context.Context, func(string)) error {
	return func(ctx context.Context, changed func(string)) error {
		return m.next.Watch(ctx, func(id string) {
			if heard(id) {
				changed(id)
			}
		})
	}
}

// silentUpdate has Watch pass over some updates.
func silentUpdate(silent func(was, r sessionstore.Record) bool) func(*mutated) {
	return func(m *mutated) {
		var passed set
		update := m.update
		m.update = func(ctx context.Context, id string, old sessionstore.Version, r sessionstore.Record) error {
			if was, err := m.ref.Load(ctx, id); err == nil && silent(was, r) {
				passed.add(id)
			}
			return update(ctx, id, old, r)
		}
		m.watch = watching(m, func(id string) bool { return !passed.has(id) })
	}
}

// watch reports what ends in all namespaces that there are.
func (n *neighbours) watch(ctx context.Context, changed func(string)) error {
	n.mu.Lock()
	all := slices.Clone(n.all)
	n.mu.Unlock()
	var mu sync.Mutex
	var wg sync.WaitGroup
	errs := make(chan error, len(all))
	for _, m := range all {
		wg.Go(func() {
			errs <- m.next.Watch(ctx, func(id string) {
				mu.Lock()
				defer mu.Unlock()
				changed(id)
			})
		})
	}
	wg.Wait()
	return <-errs
}

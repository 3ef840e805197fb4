package conformance

import (
	"context"
	"sync"
	"time"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// reportMutants break what Watch reports of some records only, or when.
func reportMutants() []mutant {
	const deletes, again = "watch/reports a delete", "watch/reports it again"
	const others, earlier = "watch/reports another subject", "watch/reports an earlier expiry"
	const looks, one = "watch/reports what has happened", "watch/reports one by one"
	const subject, all = "pages/deletes a subject", "pages/deletes all"
	return []mutant{
		{
			"Watch passes over nobody's that is deleted",
			[]string{deletes, "watch/reports everybody's"},
			silentFor(func(r sessionstore.Record) bool { return r.Subject == "" }),
		},
		{"Watch passes over what was touched before it is deleted", []string{deletes}, func(m *mutated) {
			var touched set
			touch := m.touch
			m.touch = func(ctx context.Context, id string, version sessionstore.Version, expires time.Time) error {
				touched.add(id)
				return touch(ctx, id, version, expires)
			}
			m.watch = watching(m, func(id string) bool { return !touched.has(id) })
		}},
		{"Watch passes over what was there before it", []string{deletes}, func(m *mutated) {
			m.watch = func(ctx context.Context, changed func(string)) error {
				var before set
				for e, err := range m.ref.Scan(context.WithoutCancel(ctx)) {
					if err == nil {
						before.add(e.ID)
					}
				}
				return m.next.Watch(ctx, func(id string) {
					if !before.has(id) {
						changed(id)
					}
				})
			}
		}},
		{"Watch reports an id once", []string{again}, func(m *mutated) {
			m.watch = func(ctx context.Context, changed func(string)) error {
				var told set
				return m.next.Watch(ctx, func(id string) {
					if !told.has(id) {
						told.add(id)
						changed(id)
					}
				})
			}
		}},
		{"Watch passes over nobody's that is given to somebody", []string{others}, silentUpdate(func(was, r sessionstore.Record) bool {
			return was.Subject == "" && r.Subject != ""
		})},
		{"Watch passes over what is given away for longer", []string{others}, silentUpdate(func(was, r sessionstore.Record) bool {
			return was.Subject != r.Subject && r.Expires.After(was.Expires)
		})},
		{"Watch passes over what is cut by less than a second", []string{earlier}, silentUpdate(func(was, r sessionstore.Record) bool {
			return was.Subject == r.Subject && was.Expires.Sub(r.Expires) < time.Second
		})},
		{"Watch reports before it has happened", []string{looks}, func(m *mutated) {
			var mu sync.Mutex
			var all []func(id string)
			m.watch = func(ctx context.Context, changed func(string)) error {
				changed("")
				mu.Lock()
				all = append(all, func(id string) {
					if ctx.Err() == nil {
						changed(id)
					}
				})
				mu.Unlock()
				<-ctx.Done()
				return ctx.Err()
			}
			remove := m.remove
			m.remove = func(ctx context.Context, id string) error {
				mu.Lock()
				defer mu.Unlock()
				for _, tell := range all {
					tell(id)
				}
				return remove(ctx, id)
			}
		}},
		{"Watch reports from many goroutines", []string{one}, func(m *mutated) {
			m.watch = func(ctx context.Context, changed func(string)) error {
				var wg sync.WaitGroup
				defer wg.Wait()
				return m.next.Watch(ctx, func(id string) {
					if id == "" {
						changed(id)
						return
					}
					wg.Go(func() { changed(id) })
				})
			}
		}},
		{"Watch passes over what DeleteAll deletes that was given away", []string{"watch/reports everybody's"}, func(m *mutated) {
			m.Isolated = isolatedAs(func(own *mutated) {
				var given set
				onGiven(own, func(id string, _, _ sessionstore.Record) { given.add(id) })
				own.watch = watching(own, func(id string) bool { return !given.has(id) })
			})
		}},
		onPeer("Watch passes over a peer's DeleteSubject", []string{"watch/reports what a peer does"}, func(m *mutated) {
			var passed set
			m.peer.purge = func(ctx context.Context, subject string) (int, error) {
				list, _ := m.ref.ListSubject(ctx, subject)
				for _, e := range list {
					passed.add(e.ID)
				}
				return m.next.DeleteSubject(ctx, subject)
			}
			m.watch = watching(m, func(id string) bool { return !passed.has(id) })
		}),
		{"Watch passes over nobody's that is cut short", []string{earlier}, silentUpdate(func(was, r sessionstore.Record) bool {
			return was.Subject == "" && r.Subject == ""
		})},
		{"Watch compares with the expiry from before Touch", []string{earlier}, func(m *mutated) {
			var before memory[time.Time]
			m.touch = func(ctx context.Context, id string, version sessionstore.Version, expires time.Time) error {
				if was, err := m.ref.Load(ctx, id); err == nil {
					before.put(id+was.Subject, was.Expires)
				}
				return m.next.Touch(ctx, id, version, expires)
			}
			var passed set
			m.update = func(ctx context.Context, id string, old sessionstore.Version, r sessionstore.Record) error {
				if was, ok := before.get(id + r.Subject); ok && !r.Expires.Before(was) {
					passed.add(id)
				}
				return m.next.Update(ctx, id, old, r)
			}
			m.watch = watching(m, func(id string) bool { return !passed.has(id) })
		}},
		{"Watch passes over what took the place of an expired record", []string{again}, func(m *mutated) {
			created := m.created()
			var passed set
			create := m.create
			m.create = func(ctx context.Context, id string, r sessionstore.Record) error {
				if was, ok := created.get(id); ok && dead(was) {
					passed.add(id)
				}
				return create(ctx, id, r)
			}
			m.watch = watching(m, func(id string) bool { return !passed.has(id) })
		}},
		{"Watch drops what it has no room for", []string{one, subject, all}, dropsReports},
	}
}

// silentFor has Watch pass over some of what is deleted.
func silentFor(silent func(r sessionstore.Record) bool) func(*mutated) {
	return func(m *mutated) {
		var passed set
		create, update := m.create, m.update
		note := func(id string, r sessionstore.Record, err error) error {
			if err == nil && silent(r) {
				passed.add(id)
			}
			return err
		}
		m.create = func(ctx context.Context, id string, r sessionstore.Record) error {
			return note(id, r, create(ctx, id, r))
		}
		m.update = func(ctx context.Context, id string, old sessionstore.Version, r sessionstore.Record) error {
			passed.remove(id)
			return note(id, r, update(ctx, id, old, r))
		}
		m.watch = watching(m, func(id string) bool { return !passed.has(id) })
	}
}

// dropsReports has Watch keep a few reports for a caller who is slow, and drop others.
func dropsReports(m *mutated) { drops(m, 4, 10*time.Microsecond) }

// drops has Watch keep so many reports, and wait after each.
func drops(m *mutated, room int, wait time.Duration) {
	m.watch = func(ctx context.Context, changed func(string)) error {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		kept, ended := make(chan string, room), make(chan error, 1)
		go func() {
			ended <- m.next.Watch(ctx, func(id string) {
				select {
				case kept <- id:
				default:
				}
			})
		}()
		for {
			select {
			case id := <-kept:
				changed(id)
				pause(wait)
			case err := <-ended:
				return err
			}
		}
	}
}

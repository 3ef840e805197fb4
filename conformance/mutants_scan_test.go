package conformance

import (
	"context"
	"errors"
	"iter"
	"slices"
	"testing"
	"time"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

type (
	entries = iter.Seq2[sessionstore.Entry, error]
	yield   = func(sessionstore.Entry, error) bool
)

func scanMutants() []mutant {
	const live, every, last = "scan/finds the live records", "pages/scans every one", "scan/finds what was written last"
	const again, writes, updates = "scan/begins anew", "scan/under writes", "scan/under updates"
	const foreign, deleted, expired = "scan/not other namespaces", "scan/not what was deleted", "scan/not what has expired"
	return []mutant{
		scanMutant("Scan passes over what is nobody's",
			keeping(func(_ int, e sessionstore.Entry) bool { return e.Record.Subject != "" }), live),
		scanMutant("Scan ends after a thousand", keeping(func(i int, _ sessionstore.Entry) bool { return i < 1000 }), every),
		scanMutant("Scan repeats the last of a page", func(_ *mutated, all entries) entries {
			return func(yield yield) {
				n := 0
				for e, err := range all {
					if n++; !yield(e, err) || n%1000 == 0 && !yield(e, err) {
						return
					}
				}
			}
		}, every),
		scanMutant("Scan yields no data", changing(func(e *sessionstore.Entry) { e.Record.Data = nil }), live, last, foreign),
		scanMutant("Scan yields the time now",
			changing(func(e *sessionstore.Entry) { e.Record.Expires = time.Now() }), live, last, foreign),
		scanMutant("Scan finds a phantom", func(_ *mutated, all entries) entries {
			return also(all, sessionstore.Entry{ID: randomID()})
		}, live, every, "scan/finds nothing", deleted, expired, foreign, again),
		scanMutant("Scan does not stop", func(_ *mutated, all entries) entries {
			return func(yield yield) {
				for e, err := range all {
					yield(e, err)
				}
			}
		}, "scan/stops"),
		scanMutant("Scan is empty if it changes meanwhile", func(_ *mutated, all entries) entries {
			return func(yield yield) {
				before := len(collected(all))
				pause(100 * time.Microsecond)
				if found := collected(all); len(found) == before {
					each(found, yield)
				}
			}
		}, writes),
		scanMutant("Scan passes over what is updated meanwhile", func(own *mutated, all entries) entries {
			return func(yield yield) {
				found := collected(all)
				pause(100 * time.Microsecond)
				each(slices.DeleteFunc(found, func(e sessionstore.Entry) bool {
					r, err := own.ref.Load(context.Background(), e.ID)
					return err == nil && r.Version != e.Record.Version
				}), yield)
			}
		}, updates),
		scanMutant("an iteration goes on where the last one stopped", func(_ *mutated, all entries) entries {
			done := 0
			return func(yield yield) {
				for _, e := range collected(all)[done:] {
					if done++; !yield(e, nil) {
						return
					}
				}
			}
		}, again),
		{"Scan yields what was created", []string{last}, isolated(func(own *mutated) {
			created := own.created()
			own.scan = scanning(own, changing(func(e *sessionstore.Entry) {
				if r, ok := created.get(e.ID); ok {
					e.Record = r
				}
			}))
		})},
		{"Scan yields what was deleted", []string{deleted}, isolated(func(own *mutated) {
			gone := own.deleted()
			own.scan = scanning(own, func(_ *mutated, all entries) entries {
				for _, id := range gone.all() {
					all = also(all, sessionstore.Entry{ID: id})
				}
				return all
			})
		})},
		{"Scan yields what has expired", []string{expired}, isolated(func(own *mutated) {
			created := own.created()
			own.scan = scanning(own, func(_ *mutated, all entries) entries {
				for _, id := range created.keys(dead) {
					all = also(all, sessionstore.Entry{ID: id})
				}
				return all
			})
		})},
		{"Scan yields records of other namespaces", []string{foreign}, func(m *mutated) {
			var spaces neighbours
			m.Isolated = func(testing.TB) sessionstore.Store {
				own := &mutated{ref: newReference()}
				own.broken = newBroken(own.ref)
				spaces.add(own)
				own.scan = func(ctx context.Context) entries {
					return changing(func(e *sessionstore.Entry) {
						if r, err := spaces.load(ctx, own, e.ID); err == nil {
							e.Record = r
						}
					})(own, own.next.Scan(ctx))
				}
				return own.broken
			}
		}},
	}
}

// scanDamageMutants break Scan in the shared namespace, where the damage is.
func scanDamageMutants() []mutant {
	const damaged, anothers = "scan/names what is damaged", "scan/names another's record"
	onDamage := func(then func(id string, yield yield) bool) func(*mutated) {
		return func(m *mutated) {
			m.scan = func(ctx context.Context) entries {
				return func(yield yield) {
					for e, err := range m.next.Scan(ctx) {
						var goOn bool
						if errors.Is(err, sessionstore.ErrCorrupt) {
							goOn = then(e.ID, yield)
						} else {
							goOn = yield(e, err)
						}
						if !goOn {
							return
						}
					}
				}
			}
		}
	}
	return []mutant{
		{"Scan passes over what is damaged", []string{damaged, anothers}, onDamage(func(string, yield) bool { return true })},
		{"Scan does not name what is damaged", []string{damaged, anothers}, onDamage(func(_ string, yield yield) bool {
			return yield(sessionstore.Entry{}, sessionstore.ErrCorrupt)
		})},
		{"Scan takes damage for a record", []string{damaged, anothers}, onDamage(func(id string, yield yield) bool {
			return yield(sessionstore.Entry{ID: id}, nil)
		})},
		{"Scan ends at what is damaged", []string{damaged, anothers}, onDamage(func(id string, yield yield) bool {
			yield(sessionstore.Entry{ID: id}, sessionstore.ErrCorrupt)
			return false
		})},
		{"Scan yields another's record", []string{anothers}, func(m *mutated) {
			var misplaced set
			m.Misplace = func(_ testing.TB, _, to string) {
				misplaced.add(to)
				m.ref.foreign.add(to)
			}
			onDamage(func(id string, yield yield) bool {
				if misplaced.has(id) {
					return yield(sessionstore.Entry{ID: id}, nil)
				}
				return yield(sessionstore.Entry{ID: id}, sessionstore.ErrCorrupt)
			})(m)
		}},
	}
}

// isolated returns what plants a mistake in the isolated namespaces alone: in the
// shared one, others write while it is scanned.
func isolated(plant func(own *mutated)) func(*mutated) {
	return func(m *mutated) { m.Isolated = isolatedAs(plant) }
}

func isolatedAs(plant func(own *mutated)) func(testing.TB) sessionstore.Store {
	return func(testing.TB) sessionstore.Store {
		own := &mutated{ref: newReference()}
		own.broken = newBroken(own.ref)
		plant(own)
		return own.broken
	}
}

// scanMutant returns a mutant that yields what it makes of all that is right.
func scanMutant(name string, wrong func(own *mutated, all entries) entries, breaks ...string) mutant {
	return mutant{name, breaks, isolated(func(own *mutated) { own.scan = scanning(own, wrong) })}
}

func scanning(own *mutated, wrong func(own *mutated, all entries) entries) func(context.Context) entries {
	return func(ctx context.Context) entries { return wrong(own, own.next.Scan(ctx)) }
}

// keeping yields those for which keep holds.
func keeping(keep func(i int, e sessionstore.Entry) bool) func(*mutated, entries) entries {
	return func(_ *mutated, all entries) entries {
		return func(yield yield) {
			i := -1
			for e, err := range all {
				if i++; keep(i, e) && !yield(e, err) {
					return
				}
			}
		}
	}
}

func changing(change func(*sessionstore.Entry)) func(*mutated, entries) entries {
	return func(_ *mutated, all entries) entries {
		return func(yield yield) {
			for e, err := range all {
				if change(&e); !yield(e, err) {
					return
				}
			}
		}
	}
}

// also yields one entry more.
func also(all entries, more sessionstore.Entry) entries {
	return func(yield yield) {
		if !yield(more, nil) {
			return
		}
		for e, err := range all {
			if !yield(e, err) {
				return
			}
		}
	}
}

// collected returns the entries without those that have an error.
func collected(all entries) []sessionstore.Entry {
	var found []sessionstore.Entry
	for e, err := range all {
		if err == nil {
			found = append(found, e)
		}
	}
	return found
}

func each(found []sessionstore.Entry, yield yield) {
	for _, e := range found {
		if !yield(e, nil) {
			return
		}
	}
}

// load returns the record under id in another namespace.
func (n *neighbours) load(ctx context.Context, but *mutated, id string) (sessionstore.Record, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, m := range n.all {
		if r, err := m.next.Load(ctx, id); m != but && err == nil {
			return r, nil
		}
	}
	return sessionstore.Record{}, sessionstore.ErrNotFound
}

package conformance

import (
	"context"
	"testing"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// spaceMutants have all namespaces in one table, and forget in one method to say which.
func spaceMutants() []mutant {
	const elsewhere = "ids/the same elsewhere"
	return []mutant{
		{"Delete deletes the same id elsewhere", []string{elsewhere}, elsewhereToo(func(own *mutated, spaces *neighbours) {
			own.remove = func(ctx context.Context, id string) error {
				return spaces.remove(ctx, nil, []string{id})
			}
		})},
		{"Update writes the same id elsewhere", []string{elsewhere}, elsewhereToo(func(own *mutated, spaces *neighbours) {
			own.update = func(ctx context.Context, id string, old sessionstore.Version, r sessionstore.Record) error {
				spaces.others(own, func(other *mutated) { _ = other.next.Update(ctx, id, old, r) }) // where it matches
				return own.next.Update(ctx, id, old, r)
			}
		})},
		{"Load finds the same id elsewhere", []string{elsewhere}, elsewhereToo(func(own *mutated, spaces *neighbours) {
			own.load = func(ctx context.Context, id string) (sessionstore.Record, error) {
				r, err := own.next.Load(ctx, id)
				spaces.others(own, func(other *mutated) {
					if err != nil {
						r, err = other.next.Load(ctx, id)
					}
				})
				return r, err
			}
		})},
		{"Prune removes and counts what is elsewhere", []string{"prune/leaves other namespaces"}, elsewhereToo(
			func(own *mutated, spaces *neighbours) {
				own.prune = func(ctx context.Context) (int, error) {
					n, err := own.next.Prune(ctx)
					spaces.others(own, func(other *mutated) {
						more, _ := other.next.Prune(ctx)
						n += more
					})
					return n, err
				}
			})},
	}
}

// elsewhereToo plants a mutant in every namespace, which knows the others.
func elsewhereToo(plant func(own *mutated, spaces *neighbours)) func(*mutated) {
	return func(m *mutated) {
		spaces := new(neighbours)
		m.Isolated = func(testing.TB) sessionstore.Store {
			own := &mutated{ref: newReference()}
			own.broken = newBroken(own.ref)
			plant(own, spaces)
			spaces.add(own)
			return own.broken
		}
	}
}

// others calls do with each namespace but one.
func (n *neighbours) others(but *mutated, do func(other *mutated)) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, m := range n.all {
		if m != but {
			do(m)
		}
	}
}

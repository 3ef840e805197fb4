package conformance

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/cloakroom-go/cloakroom/core/memstore"
	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

const referenceMaxData = 1 << 16

var errDown = errors.New("connection refused")

// A complete store has every capability.
type complete interface {
	sessionstore.Toucher
	sessionstore.Pruner
	sessionstore.SubjectIndex
	sessionstore.AllDeleter
	sessionstore.Scanner
	sessionstore.Watcher
}

// A reference is a memstore in which foreign bytes can be planted.
type reference struct {
	*memstore.Store

	foreign set
}

func newReference() *reference {
	return &reference{Store: memstore.New(memstore.Options{MaxData: referenceMaxData})}
}

func (f *reference) Load(ctx context.Context, id string) (sessionstore.Record, error) {
	if f.foreign.has(id) {
		return sessionstore.Record{}, sessionstore.ErrCorrupt
	}
	return f.Store.Load(ctx, id)
}

func (f *reference) Create(ctx context.Context, id string, r sessionstore.Record) error {
	if f.foreign.has(id) {
		return sessionstore.ErrCorrupt
	}
	return f.Store.Create(ctx, id, r)
}

func (f *reference) Update(ctx context.Context, id string, old sessionstore.Version, r sessionstore.Record) error {
	if f.foreign.has(id) {
		return sessionstore.ErrCorrupt
	}
	return f.Store.Update(ctx, id, old, r)
}

func (f *reference) Delete(ctx context.Context, id string) error {
	f.foreign.remove(id)
	return f.Store.Delete(ctx, id)
}

func (f *reference) Touch(ctx context.Context, id string, version sessionstore.Version, expires time.Time) error {
	if f.foreign.has(id) {
		return sessionstore.ErrCorrupt
	}
	return f.Store.Touch(ctx, id, version, expires)
}

func (f *reference) Scan(ctx context.Context) iter.Seq2[sessionstore.Entry, error] {
	return func(yield func(sessionstore.Entry, error) bool) {
		if err := ctx.Err(); err != nil {
			yield(sessionstore.Entry{}, err)
			return
		}
		for _, id := range f.foreign.all() {
			if !yield(sessionstore.Entry{ID: id}, sessionstore.ErrCorrupt) {
				return
			}
		}
		for e, err := range f.Store.Scan(ctx) {
			if !f.foreign.has(e.ID) && !yield(e, err) {
				return
			}
		}
	}
}

// harness returns a Harness with all that a reference can have.
func (f *reference) harness() Harness {
	return Harness{
		Open:     func(*testing.T) sessionstore.Store { return f },
		Peer:     func(*testing.T) sessionstore.Store { return f },
		Isolated: func(testing.TB) sessionstore.Store { return newReference() },
		Pair: func(testing.TB) (store, peer sessionstore.Store) {
			ref := newReference()
			return newBroken(ref), newBroken(ref)
		},
		Require:  []Capability{Toucher, Pruner, SubjectIndex, AllDeleter, Scanner, Watcher},
		MaxData:  referenceMaxData,
		Corrupt:  func(_ testing.TB, id string) { f.foreign.add(id) },
		Misplace: func(_ testing.TB, _, to string) { f.foreign.add(to) },
		Outage:   func(testing.TB) (sessionstore.Store, error) { return down(), errDown },
		Stall:    func(testing.TB) sessionstore.Store { return stalled("") },
		Full:     full(nil),
	}
}

// down returns a store whose backend is out of reach.
func down() *broken {
	b := newBroken(newReference())
	b.around = func(context.Context, string, string, func(context.Context) error) error {
		return fmt.Errorf("memstore: %w", errDown)
	}
	return b
}

// trusting returns a store that waits until the context is done, and longer in one method
// where its driver is trusted to keep to deadlines.
func trusting(longer string) *broken {
	b := newBroken(newReference())
	b.around = func(ctx context.Context, method, _ string, _ func(context.Context) error) error {
		g := sessionstore.Guard{Package: "trusting", EndsByDeadline: func(time.Duration) bool { return method == longer }}
		return g.Do(ctx, func() error {
			<-ctx.Done()
			if method == longer {
				pause(2 * contextLimit)
			}
			return ctx.Err()
		})
	}
	return b
}

// stalled returns a store that waits until the context is done, and in one
// method longer.
func stalled(longer string) *broken {
	b := newBroken(newReference())
	b.around = func(ctx context.Context, method, _ string, _ func(context.Context) error) error {
		<-ctx.Done()
		if method == longer {
			pause(2 * contextLimit)
		}
		return ctx.Err()
	}
	return b
}

// full returns a Harness.Full: a store that has no room, and in which Delete
// fails with this error.
func full(deletes error) func(tb testing.TB, id string, r sessionstore.Record) sessionstore.Store {
	return func(tb testing.TB, id string, r sessionstore.Record) sessionstore.Store {
		tb.Helper()
		b := newBroken(newReference())
		if err := b.next.Create(tb.Context(), id, r); err != nil {
			tb.Fatal(err)
		}
		b.around = func(ctx context.Context, method, _ string, next func(context.Context) error) error {
			if method == "Delete" && deletes != nil {
				return deletes
			}
			return next(ctx)
		}
		return b
	}
}

// A broken store passes calls to one that is right, until its functions are
// replaced. A call takes some time, as if a network were in between, so that
// concurrent calls overlap on every machine.
type broken struct {
	next complete

	load   func(ctx context.Context, id string) (sessionstore.Record, error)
	create func(ctx context.Context, id string, r sessionstore.Record) error
	update func(ctx context.Context, id string, old sessionstore.Version, r sessionstore.Record) error
	remove func(ctx context.Context, id string) error
	touch  func(ctx context.Context, id string, version sessionstore.Version, expires time.Time) error
	prune  func(ctx context.Context) (int, error)
	list   func(ctx context.Context, subject string) ([]sessionstore.Entry, error)
	purge  func(ctx context.Context, subject string) (int, error)
	wipe   func(ctx context.Context) (int, error)
	scan   func(ctx context.Context) iter.Seq2[sessionstore.Entry, error]
	watch  func(ctx context.Context, changed func(id string)) error
	unwrap func() sessionstore.Store

	// around is called around every method, with its name and id; nil for none.
	around func(ctx context.Context, method, id string, next func(context.Context) error) error
}

func newBroken(next complete) *broken {
	return &broken{
		next: next, load: next.Load, create: next.Create, update: next.Update, remove: next.Delete,
		touch: next.Touch, prune: next.Prune, list: next.ListSubject, purge: next.DeleteSubject, wipe: next.DeleteAll, scan: next.Scan,
		watch: next.Watch, unwrap: func() sessionstore.Store { return next },
	}
}

func (b *broken) call(ctx context.Context, method, id string, next func(context.Context) error) error {
	pause(rand.N(100 * time.Microsecond))
	defer func() { pause(rand.N(100 * time.Microsecond)) }()
	if b.around != nil {
		return b.around(ctx, method, id, next)
	}
	return next(ctx)
}

func (b *broken) Load(ctx context.Context, id string) (sessionstore.Record, error) {
	var r sessionstore.Record
	err := b.call(ctx, "Load", id, func(ctx context.Context) (err error) {
		r, err = b.load(ctx, id)
		return err
	})
	return r, err
}

func (b *broken) Create(ctx context.Context, id string, r sessionstore.Record) error {
	return b.call(ctx, "Create", id, func(ctx context.Context) error { return b.create(ctx, id, r) })
}

func (b *broken) Update(ctx context.Context, id string, old sessionstore.Version, r sessionstore.Record) error {
	return b.call(ctx, "Update", id, func(ctx context.Context) error { return b.update(ctx, id, old, r) })
}

func (b *broken) Delete(ctx context.Context, id string) error {
	return b.call(ctx, "Delete", id, func(ctx context.Context) error { return b.remove(ctx, id) })
}

func (b *broken) Touch(ctx context.Context, id string, version sessionstore.Version, expires time.Time) error {
	return b.call(ctx, "Touch", id, func(ctx context.Context) error { return b.touch(ctx, id, version, expires) })
}

func (b *broken) Prune(ctx context.Context) (int, error) {
	var n int
	err := b.call(ctx, "Prune", "", func(ctx context.Context) (err error) {
		n, err = b.prune(ctx)
		return err
	})
	return n, err
}

func (b *broken) ListSubject(ctx context.Context, subject string) ([]sessionstore.Entry, error) {
	var list []sessionstore.Entry
	err := b.call(ctx, "ListSubject", "", func(ctx context.Context) (err error) {
		list, err = b.list(ctx, subject)
		return err
	})
	return list, err
}

func (b *broken) DeleteSubject(ctx context.Context, subject string) (int, error) {
	var n int
	err := b.call(ctx, "DeleteSubject", "", func(ctx context.Context) (err error) {
		n, err = b.purge(ctx, subject)
		return err
	})
	return n, err
}

func (b *broken) DeleteAll(ctx context.Context) (int, error) {
	var n int
	err := b.call(ctx, "DeleteAll", "", func(ctx context.Context) (err error) {
		n, err = b.wipe(ctx)
		return err
	})
	return n, err
}

func (b *broken) Scan(ctx context.Context) iter.Seq2[sessionstore.Entry, error] {
	var all iter.Seq2[sessionstore.Entry, error]
	return func(yield func(sessionstore.Entry, error) bool) {
		err := b.call(ctx, "Scan", "", func(ctx context.Context) error {
			if all == nil {
				all = b.scan(ctx)
			}
			all(yield)
			return nil
		})
		if err != nil {
			yield(sessionstore.Entry{}, err)
		}
	}
}

// Watch ends some time, also if a mutant ignores its context.
func (b *broken) Watch(ctx context.Context, changed func(id string)) error {
	return b.call(ctx, "Watch", "", func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, 2*wholeCase*defaultDeadline)
		defer cancel()
		return b.watch(ctx, changed)
	})
}

func (b *broken) Unwrap() sessionstore.Store { return b.unwrap() }

// pause sleeps in fake time.
func pause(d time.Duration) {
	time.Sleep(d) //nolint:forbidigo // in a bubble of testing/synctest it only orders what goes on
}

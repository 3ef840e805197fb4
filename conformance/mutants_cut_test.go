package conformance

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// cutMutants are stores that a call that was cut short disturbs.
func cutMutants() []mutant {
	return []mutant{
		{"the answer to a Load that was cut short goes to the next", []string{"cut/answers stay with their calls"}, func(m *mutated) {
			var mu sync.Mutex
			var pending *sessionstore.Record
			m.load = func(ctx context.Context, id string) (sessionstore.Record, error) {
				if err := ctx.Err(); err != nil {
					return sessionstore.Record{}, err
				}
				r, err := m.next.Load(ctx, id)
				mu.Lock()
				if pending != nil {
					p := *pending
					pending = nil
					mu.Unlock()
					return p, nil
				}
				mu.Unlock()
				pause(50 * time.Microsecond)
				if ctx.Err() != nil && err == nil {
					mu.Lock()
					pending = &r
					mu.Unlock()
					return sessionstore.Record{}, ctx.Err()
				}
				return r, err
			}
		}},
		{"a deadline outlives its call", []string{"cut/a deadline ends with its call"}, func(m *mutated) {
			var until atomic.Int64
			m.around = func(ctx context.Context, _, _ string, next func(context.Context) error) error {
				if u := until.Load(); u != 0 && time.Now().UnixNano() > u && ctx.Err() == nil {
					return errors.New("memstore: i/o timeout")
				}
				if d, ok := ctx.Deadline(); ok && ctx.Err() == nil {
					until.Store(d.UnixNano())
				}
				return next(ctx)
			}
		}},
		{"Load joins another's, and ends with its context", []string{"cut/others go on"}, func(m *mutated) { m.load = joined(m) }},
		{"DeleteSubject that was cut short has lost its list", []string{"cut/subject made again"}, func(m *mutated) {
			var gone set
			m.purge = func(ctx context.Context, sub string) (int, error) {
				l, err := m.next.ListSubject(ctx, sub)
				if err != nil {
					return 0, err
				}
				l = slices.DeleteFunc(l, func(e sessionstore.Entry) bool { return gone.has(e.ID + sub) })
				for _, e := range l {
					gone.add(e.ID + sub)
				}
				n := 0
				for _, e := range l {
					pause(20 * time.Microsecond)
					if err := ctx.Err(); err != nil {
						return n, err
					}
					_ = m.next.Delete(ctx, e.ID)
					gone.remove(e.ID + sub)
					n++
				}
				return n, nil
			}
		}},
		cutShort("Create"), cutShort("Update"), cutShort("Delete"),
	}
}

// cutShort returns a mutant in which a call leaves its work half done when its context ends,
// and finds it done when it is made again.
func cutShort(method string) mutant {
	breaks := map[string]string{"Delete": "cut/deletes made again"}
	if breaks[method] == "" {
		breaks[method] = "cut/writes made again"
	}
	return mutant{method + " that was cut short leaves the list as it was", []string{breaks[method]}, func(m *mutated) {
		var missing set
		var ghosts memory[sessionstore.Record]
		m.around = func(ctx context.Context, name, id string, next func(context.Context) error) error {
			former, _ := m.ref.Load(ctx, id)
			err := next(ctx)
			if err != nil || name != method {
				return err
			}
			if pause(50 * time.Microsecond); ctx.Err() == nil {
				return nil
			}
			if now, err := m.ref.Load(context.WithoutCancel(ctx), id); err == nil {
				missing.add(id + now.Subject)
			} else {
				ghosts.put(id, former)
			}
			return ctx.Err()
		}
		m.list = func(ctx context.Context, subject string) (found, error) {
			list, err := listWith(m, &ghosts, func(string, sessionstore.Record) bool { return true })(ctx, subject)
			return slices.DeleteFunc(list, func(e sessionstore.Entry) bool { return missing.has(e.ID + subject) }), err
		}
	}}
}

// joined returns a Load that waits for another's answer about the same record, whatever
// has become of that one's context.
func joined(m *mutated) func(context.Context, string) (sessionstore.Record, error) {
	type flight struct {
		done chan struct{}
		err  error
	}
	var mu sync.Mutex
	flights := make(map[string]*flight)
	return func(ctx context.Context, id string) (sessionstore.Record, error) {
		mu.Lock()
		if f, ok := flights[id]; ok {
			mu.Unlock()
			if <-f.done; f.err != nil {
				return sessionstore.Record{}, f.err
			}
			return m.next.Load(ctx, id)
		}
		f := &flight{done: make(chan struct{})}
		flights[id] = f
		mu.Unlock()
		pause(50 * time.Microsecond)
		r, err := m.next.Load(ctx, id)
		f.err = ctx.Err()
		mu.Lock()
		defer mu.Unlock()
		delete(flights, id)
		close(f.done)
		return r, err
	}
}

package conformance

import (
	"errors"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// beingWritten has a version that tells the data.
func (v view) beingWritten(t *tester) {
	t = v.space(t)
	subject := newSubject()
	h := &recorder{tester: t}
	r := h.recordOf(t.version())
	r.Subject = subject
	ids := []string{t.newID()}
	t.create(ids[0], r)
	writers := []func(s sessionstore.Store, id string, seen sessionstore.Version) error{
		func(s sessionstore.Store, id string, seen sessionstore.Version) error {
			r := h.recordOf(t.version())
			r.Subject = subject
			return s.Update(t.Context(), id, seen, r)
		},
		func(s sessionstore.Store, id string, seen sessionstore.Version) error {
			return sessionstore.Touch(t.Context(), s, id, seen, inAnHour().Add(rand.N(time.Hour))) //nolint:gosec // a mixture, no secret
		},
		func(s sessionstore.Store, id string, _ sessionstore.Version) error {
			return s.Update(t.Context(), id, t.version(), t.record())
		},
		func(s sessionstore.Store, id string, _ sessionstore.Version) error {
			return s.Create(t.Context(), id, t.record())
		},
	}
	t.beside(len(ids)*len(writers), func(n int) error {
		id := ids[n/len(writers)]
		s := t.handle(n)
		seen, err := s.Load(t.Context(), id)
		if err == nil {
			err = writers[n%len(writers)](s, id, seen.Version)
		}
		return unless(err, sessionstore.ErrConflict, sessionstore.ErrExists)
	}, func() {
		for range 2 * raceRounds {
			found := v.find(t, subject)
			for _, id := range ids {
				i := slices.IndexFunc(found, func(e sessionstore.Entry) bool { return e.ID == id })
				switch {
				case i < 0:
					t.Errorf("%s does not have a record while it is written", v.method)
				case slices.ContainsFunc(found[i+1:], func(e sessionstore.Entry) bool { return e.ID == id }):
					t.Errorf("%s has a record twice while it is written", v.method)
				case writtenWith(found[i].Record.Data) != found[i].Record.Version:
					t.Errorf("%s has a record of version %s with the data of version %s", v.method,
						name(found[i].Record.Version), name(writtenWith(found[i].Record.Data)))
				}
			}
			if len(found) > len(ids) {
				t.Errorf("%s has %d records of %d", v.method, len(found), len(ids))
			}
			if t.Failed() {
				return
			}
		}
	})
}

// toAndFro judges when all clients are done: each record has one subject then.
func (v view) toAndFro(t *tester) {
	t = v.space(t)
	for range raceRounds {
		subjects := []string{newSubject(), newSubject(), ""}
		id := t.createdFor(subjects[0], 1)[0]
		t.race(func(n int, s sessionstore.Store) {
			for i := range subjects {
				r, err := s.Load(t.Context(), id)
				old := r.Version
				if err == nil {
					r = t.record()
					r.Subject = subjects[(n+i)%len(subjects)]
					err = s.Update(t.Context(), id, old, r)
				}
				if err := unless(err, sessionstore.ErrConflict); err != nil {
					t.Errorf("load and update: %v", err)
				}
			}
		})
		now := t.load(id).Subject
		for _, subject := range subjects[:2] {
			if subject == now {
				v.want(t, subject, "given to and fro", id)
			} else {
				v.want(t, subject, "given to and fro")
			}
		}
		if t.Failed() {
			return
		}
	}
}

// beside calls do while n clients do something again and again, until it returns
// ErrNotFound.
func (t *tester) beside(n int, again func(n int) error, do func()) {
	var started, stopped sync.WaitGroup
	var stop atomic.Bool
	defer stopped.Wait()
	defer stop.Store(true)
	for i := range n {
		started.Add(1)
		once := sync.OnceFunc(started.Done)
		stopped.Go(func() {
			defer once()
			for ; !stop.Load(); runtime.Gosched() {
				switch err := again(i); {
				case errors.Is(err, sessionstore.ErrNotFound):
					return // it has ended: more calls would only hold others up
				case err != nil:
					t.Errorf("a call beside others: %v", err)
					return
				}
				once()
			}
		})
	}
	started.Wait()
	do()
}

// createdMany creates n records from many goroutines: one after the other they would
// take some stores long. change may change each; their ids are appended to to.
func (t *tester) createdMany(n int, change func(*sessionstore.Record), to ...*[]string) error {
	var mu sync.Mutex
	var failed error
	t.race(func(i int, _ sessionstore.Store) {
		for ; i < n; i += racers {
			r := t.record()
			change(&r)
			id := t.newID()
			err := t.store.Create(t.Context(), id, r)
			mu.Lock()
			for _, ids := range to {
				*ids = append(*ids, id)
			}
			if err != nil {
				failed = err
			}
			stop := failed != nil
			mu.Unlock()
			if stop {
				return
			}
		}
	})
	return failed
}

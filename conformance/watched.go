package conformance

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"runtime/debug"
	"time"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// A watched store notes each call, and makes an error of a panic: elsewhere than in a case's own
// goroutine, a panic would end the run, and nobody would learn in which case it was.
type watched struct {
	store sessionstore.Store
	calls *calls
	name  string
}

// call makes a call, which returns its answer in words.
func (w *watched) call(n noted, do func() (answer func() string, err error)) (err error) {
	n.store = w.name
	done := w.calls.begin(n)
	defer func() {
		if p := recover(); p != nil {
			err = w.calls.panicked(n, p, debug.Stack())
			done(nil, err)
		}
	}()
	answer, err := do()
	done(answer, err)
	return err
}

func (w *watched) Unwrap() sessionstore.Store { return w.store }

func (w *watched) Load(ctx context.Context, id string) (r sessionstore.Record, err error) {
	err = w.call(noted{method: "Load", id: id}, func() (func() string, error) {
		r, err = w.store.Load(ctx, id)
		version, subject, expires, now := r.Version, r.Subject, r.Expires, time.Now()
		return func() string {
			return fmt.Sprintf("version %s of %s until %s", name(version), whose(subject), moment(now, expires))
		}, err
	})
	return r, err
}

func (w *watched) Create(ctx context.Context, id string, r sessionstore.Record) error {
	return w.call(noted{method: "Create", id: id, record: r}, func() (func() string, error) {
		return nil, w.store.Create(ctx, id, r)
	})
}

func (w *watched) Update(ctx context.Context, id string, old sessionstore.Version, r sessionstore.Record) error {
	return w.call(noted{method: "Update", id: id, old: old, record: r}, func() (func() string, error) {
		return nil, w.store.Update(ctx, id, old, r)
	})
}

func (w *watched) Delete(ctx context.Context, id string) error {
	return w.call(noted{method: "Delete", id: id}, func() (func() string, error) { return nil, w.store.Delete(ctx, id) })
}

func (w *watched) Touch(ctx context.Context, id string, version sessionstore.Version, expires time.Time) error {
	n := noted{method: "Touch", id: id, old: version, record: sessionstore.Record{Expires: expires}}
	return w.call(n, func() (func() string, error) { return nil, sessionstore.Touch(ctx, w.store, id, version, expires) })
}

func (w *watched) Prune(ctx context.Context) (int, error) {
	return w.counts("Prune", "", func() (int, error) { return sessionstore.Prune(ctx, w.store) })
}

func (w *watched) DeleteSubject(ctx context.Context, subject string) (int, error) {
	return w.counts("DeleteSubject", subject, func() (int, error) { return sessionstore.DeleteSubject(ctx, w.store, subject) })
}

func (w *watched) DeleteAll(ctx context.Context) (int, error) {
	return w.counts("DeleteAll", "", func() (int, error) { return sessionstore.DeleteAll(ctx, w.store) })
}

func (w *watched) counts(method, subject string, count func() (int, error)) (n int, err error) {
	err = w.call(noted{method: method, subject: subject}, func() (func() string, error) {
		n, err = count()
		return records(n), err
	})
	return n, err
}

func (w *watched) ListSubject(ctx context.Context, subject string) (list []sessionstore.Entry, err error) {
	err = w.call(noted{method: "ListSubject", subject: subject}, func() (func() string, error) {
		list, err = sessionstore.ListSubject(ctx, w.store, subject)
		return records(len(list)), err
	})
	return list, err
}

func (w *watched) Watch(ctx context.Context, changed func(id string)) error {
	return w.call(noted{method: "Watch"}, func() (func() string, error) { return nil, sessionstore.Watch(ctx, w.store, changed) })
}

// Scan notes each step: what its caller does in between is not the store's time. A panic of the
// caller's goes on.
func (w *watched) Scan(ctx context.Context) iter.Seq2[sessionstore.Entry, error] {
	all := sessionstore.Scan(ctx, w.store)
	return func(yield func(sessionstore.Entry, error) bool) {
		n, failed, yielding := 0, error(nil), false
		asked := noted{store: w.name, method: "Scan"}
		done := w.calls.begin(asked)
		defer func() {
			if !yielding {
				if p := recover(); p != nil {
					failed = w.calls.panicked(asked, p, debug.Stack())
				}
			}
			done(records(n), failed)
		}()
		all(func(e sessionstore.Entry, err error) bool {
			w.calls.waits(0)
			if n++; err != nil && !errors.Is(err, sessionstore.ErrCorrupt) {
				failed = err
			}
			yielding = true
			more := yield(e, err)
			yielding = false
			return more
		})
	}
}

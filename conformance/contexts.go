package conformance

import (
	"context"
	"errors"
	"time"
)

const (
	// contextLimit is how long a method may take to notice that its context is
	// done.
	contextLimit = 50 * time.Millisecond

	// contextGiveUp is how long a case waits for a call that doesn't return, and
	// for one that returns in time: a busy machine makes many calls slow, a store
	// that waits is slow each time.
	contextGiveUp = 5 * time.Second
)

func contextCases() []testCase {
	var cases []testCase
	for _, m := range methods() {
		cases = append(cases, testCase{
			name:  "done before " + m.name,
			rule:  "If ctx is done before the call, " + m.name + " returns within 50 ms with an error for which errors.Is(err, ctx.Err()) holds.",
			needs: m.needs,
			run:   func(t *tester) { contextDoneBefore(t, m) },
		})
	}
	for _, m := range methods() {
		cases = append(cases, testCase{
			name:  "done during " + m.name,
			rule:  "If ctx is done during the call, " + m.name + " returns within 50 ms with an error for which errors.Is(err, ctx.Err()) holds.",
			needs: m.needs,
			run:   func(t *tester) { contextDoneDuring(t, m) },
		})
	}
	return cases
}

func contextDoneBefore(t *tester, m method) {
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	expired, cancel := context.WithDeadline(t.Context(), time.Now().Add(-time.Second))
	defer cancel()
	caused, cancelCause := context.WithCancelCause(t.Context())
	cancelCause(errors.New("the case's own cause"))

	store, id, r := t.storeFor(m), t.newID(), t.record()
	for _, ctx := range []context.Context{cancelled, expired, caused} {
		t.promptly(m, ctx.Err(), func() (time.Duration, error) {
			start := time.Now()
			err := t.finish(m, func() error { return m.call(ctx, store, id, r) })
			return time.Since(start), err
		})
	}
}

func contextDoneDuring(t *tester, m method) {
	t.needsHook(t.Stall != nil, "Stall")
	store := t.Stall(t)
	id, r := t.newID(), t.record()
	t.promptly(m, context.Canceled, func() (time.Duration, error) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		var cancelled time.Time
		timer := time.AfterFunc(contextLimit, func() {
			cancelled = time.Now()
			cancel()
		})
		defer timer.Stop()
		err := t.finish(m, func() error { return m.call(ctx, store, id, r) })
		if ctx.Err() == nil {
			t.Fatalf("%s of the store of Harness.Stall returned before its context was done: %v", m.name, err)
		}
		return time.Since(cancelled), err
	})
}

// promptly fails the case if call does not return the error that is wanted, or,
// called again and again, never does so within the limit.
func (t *tester) promptly(m method, want error, call func() (time.Duration, error)) {
	t.Helper()
	for start := time.Now(); ; {
		took, err := call()
		t.want(want, err, m.name)
		switch {
		case took <= contextLimit:
			return
		case time.Since(start) > contextGiveUp:
			t.Fatalf("%s took %v to notice that its context was done, and more than %v each time", m.name, took, contextLimit)
		}
	}
}

// finish makes a call of m and returns its error, or fails the case if that takes
// too long.
func (t *tester) finish(m method, call func() error) error {
	t.Helper()
	result := make(chan error, 1)
	go func() { result <- call() }()
	timer := time.NewTimer(contextGiveUp)
	defer timer.Stop()
	select {
	case err := <-result:
		return err
	case <-timer.C:
		t.Fatalf("%s has not returned after %v", m.name, contextGiveUp)
		return nil
	}
}

package conformance

import (
	"context"
	"errors"
	"math"
	"sync"
	"time"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

const (
	// contextLimit is how long a method may take to notice that its context is
	// done.
	contextLimit = 50 * time.Millisecond

	// contextTries is how often a call may be late before the case fails: a busy
	// machine makes many calls slow, a store that waits is slow each time.
	contextTries = 100
)

func contextCases() []testCase {
	var cases []testCase
	for _, m := range methods() {
		cases = append(cases, testCase{
			name:  "done before " + m.name,
			rule:  "If ctx is done before the call, " + m.name + " returns within 50 ms with an error for which errors.Is(err, ctx.Err()) holds, and which is not Certain.",
			needs: m.needs,
			run:   func(t *tester) { contextDoneBefore(t, m) },
		})
	}
	for _, m := range methods() {
		cases = append(cases, testCase{
			name:  "done during " + m.name,
			rule:  "If ctx is done during the call, " + m.name + " returns within 50 ms with an error for which errors.Is(err, ctx.Err()) holds, and which is not Certain.",
			needs: m.needs,
			run:   func(t *tester) { contextDoneDuring(t, m) },
		})
	}
	return append(cases, testCase{
		name: "done behind others",
		rule: "If ctx is done while a call waits for its turn behind others, for a free connection say, it returns within 50 ms with an error for which errors.Is(err, ctx.Err()) holds.",
		run:  contextDoneBehind,
	}, testCase{
		name: "done behind one that goes on",
		rule: "If ctx is done while a call waits behind one whose own context goes on, for a lock on the record say, it returns within 50 ms with an error for which errors.Is(err, ctx.Err()) holds.",
		run:  contextDoneBehindOther,
	}, testCase{
		name: "done at the first call",
		rule: "A context ends its own call: where the first call of a store comes with one that is done, what the store sets up then is not spoiled.",
		run:  contextDoneFirst,
	}, testCase{
		name: "without an end",
		rule: "A context need not end: with one that never does, or whose deadline is months or a lifetime away, each method does what it does with others.",
		run:  contextEndless,
	})
}

// errOwnCause is why a case ends a context. What a method returns is that it has ended.
var errOwnCause = errors.New("the case's own cause")

// contextDoneBehind makes more calls at the same time than a small pool has connections. One
// that gives up before its deadline has a limit of its own.
func contextDoneBehind(t *tester) {
	const calls = 24
	t.needsHook(t.Stall != nil, "Stall")
	store, id := t.Stall(t), t.newID()
	t.promptly(method{name: "Load, one of many at the same time,"}, context.DeadlineExceeded, func() (time.Duration, error) {
		deadline := time.Now().Add(contextLimit)
		ctx, cancel := context.WithDeadline(t.Context(), deadline)
		defer cancel()
		var wg sync.WaitGroup
		var mu sync.Mutex
		var latest time.Duration
		answer := context.DeadlineExceeded
		for range calls {
			wg.Go(func() {
				_, err := store.Load(ctx, id)
				took := time.Since(deadline)
				mu.Lock()
				defer mu.Unlock()
				latest = max(latest, took)
				if took >= 0 && !errors.Is(err, context.DeadlineExceeded) {
					answer = err
				}
			})
		}
		wg.Wait()
		return latest, answer
	})
}

// contextDoneBehindOther makes each call while others with the same id and subject, which
// have more time, are under way.
func contextDoneBehindOther(t *tester) {
	t.needsHook(t.Stall != nil, "Stall")
	store, id, r := t.Stall(t), t.newID(), t.record()
	all := t.usable()
	for _, m := range all {
		behind := method{name: m.name + ", behind calls that go on,"}
		t.promptly(behind, context.DeadlineExceeded, func() (time.Duration, error) {
			ctx, cancel := context.WithCancel(t.Context())
			var others sync.WaitGroup
			defer others.Wait()
			defer cancel()
			for _, other := range all {
				others.Go(func() { _ = other.call(ctx, store, id, r) }) // other cases check what it returns
			}
			<-time.After(contextLimit) // they have begun

			deadline := time.Now().Add(contextLimit)
			defer time.AfterFunc(4*contextLimit, cancel).Stop()
			own, cancel := context.WithDeadline(t.Context(), deadline)
			defer cancel()
			err := m.call(own, store, id, r)
			return time.Since(deadline), err
		})
	}
}

func contextDoneFirst(t *tester) {
	t = t.isolated()
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	id, r := t.newID(), t.record()
	_, _ = t.store.Load(cancelled, id) // other cases check what it returns
	t.again("Create, when the store's first call had a context that was done,", func(ctx context.Context) error {
		return t.store.Create(ctx, id, r)
	})
	t.wantLive(id, r.Version)
}

func contextEndless(t *tester) {
	contexts := []context.Context{context.WithoutCancel(t.Context())}
	for _, withDeadline := range deadlines() {
		for _, left := range []time.Duration{30 * day, 100 * 365 * day} {
			ctx, cancel := withDeadline(t.Context(), time.Now().Add(left))
			t.own.tidied(cancel)
			contexts = append(contexts, ctx)
		}
	}
	for _, ctx := range contexts {
		id, r := t.newID(), t.record()
		t.want(nil, t.store.Create(ctx, id, r), "Create")
		_, err := t.store.Load(ctx, id)
		t.want(nil, err, "Load")
		t.want(nil, sessionstore.Touch(ctx, t.store, id, r.Version, r.Expires.Add(time.Minute)), "Touch")
		next := t.recordOf(r.Subject)
		t.want(nil, t.store.Update(ctx, id, t.load(id).Version, next), "Update") // the fallback of Touch changes it
		if t.has(SubjectIndex) {
			list, err := sessionstore.ListSubject(ctx, t.store, r.Subject)
			t.want(nil, err, "ListSubject")
			n, err := sessionstore.DeleteSubject(ctx, t.store, r.Subject)
			t.want(nil, err, "DeleteSubject")
			if len(list) != 1 || n != 1 {
				t.Fatalf("ListSubject returns %d records and DeleteSubject deletes %d, want 1", len(list), n)
			}
		}
		t.want(nil, t.store.Delete(ctx, id), "Delete")
		t.wantGone(id)
	}
}

func contextDoneBefore(t *tester, m method) {
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	expired, cancel := context.WithDeadline(t.Context(), time.Now().Add(-time.Second))
	defer cancel()
	caused, cancelCause := context.WithCancelCause(t.Context())
	cancelCause(errOwnCause)

	absent, r := t.newID(), t.record()
	there, stored := t.created()
	r.Subject, r.Version = stored.Subject, stored.Version+1 // Update is called with the one before
	store := t.storeFor(m)
	for _, id := range []string{absent, there} {
		for _, ctx := range []context.Context{cancelled, expired, caused} {
			t.promptly(m, ctx.Err(), func() (time.Duration, error) {
				start := time.Now()
				err := m.call(ctx, store, id, r)
				return time.Since(start), err
			})
		}
	}
}

func contextDoneDuring(t *tester, m method) {
	t.needsHook(t.Stall != nil, "Stall")
	store := t.Stall(t)
	id, r := t.newID(), t.record()
	t.promptly(m, context.Canceled, func() (time.Duration, error) {
		ctx, cancel := context.WithCancelCause(t.Context())
		defer cancel(nil)
		var cancelled time.Time
		timer := time.AfterFunc(contextLimit, func() {
			cancelled = time.Now()
			cancel(errOwnCause)
		})
		defer timer.Stop()
		err := m.call(ctx, store, id, r)
		if ctx.Err() == nil {
			t.Fatalf("%s of the store of Harness.Stall returned before its context was done: %v", m.name, err)
		}
		return time.Since(cancelled), err
	})
	for _, withDeadline := range deadlines() {
		t.promptly(m, context.DeadlineExceeded, func() (time.Duration, error) {
			deadline := time.Now().Add(contextLimit)
			ctx, cancel := withDeadline(t.Context(), deadline)
			defer cancel()
			err := m.call(ctx, store, id, r)
			if time.Now().Before(deadline) {
				t.Fatalf("%s of the store of Harness.Stall returned before the deadline of its context: %v", m.name, err)
			}
			return time.Since(deadline), err
		})
	}
}

// deadlines are the ways to give a context a deadline: the second is that of requests.
func deadlines() []func(context.Context, time.Time) (context.Context, context.CancelFunc) {
	return []func(context.Context, time.Time) (context.Context, context.CancelFunc){context.WithDeadline, sessionstore.WithDeadlineOnly}
}

// promptly fails the case if call does not return the error that is wanted, or,
// called again and again, never does so within the limit.
func (t *tester) promptly(m method, want error, call func() (time.Duration, error)) {
	t.Helper()
	least := time.Duration(math.MaxInt64)
	for range contextTries {
		took, err := call()
		t.want(want, err, m.name+" with a context that is done")
		if sessionstore.Certain(err) {
			t.Fatalf("%s with a context that is done: the error %q is Certain: a request that was cancelled would be a logout",
				m.name, err)
		}
		if took <= contextLimit {
			return
		}
		least = min(least, took)
	}
	t.Fatalf("%s takes %v and longer to notice that its context is done, want %v at most", m.name, least, contextLimit)
}

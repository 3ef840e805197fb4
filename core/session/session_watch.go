package session

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// A watcher tells requests that their sessions have ended.
type watcher struct {
	mu      sync.Mutex
	tickets map[token]*watched
	records map[string][]*watched // by the ids of the records that they lead to
	urgent  []*watched            // not to wait for all that is due
	running bool
	unheard bool          // it was said that the store does not report what ends
	wake    chan struct{} // somebody has come or gone, or the store has reported something
}

// A watched ticket is looked at when it is due.
type watched struct {
	presented presented
	records   []string  // of its session, and of the one in which its holder acts
	due       time.Time // by the monotonic clock: nobody sets that
	again     bool      // a look that has begun before is not enough
	urgent    bool      // it is among the watcher's
	failing   bool      // the last look has failed
	requests  map[*context.CancelCauseFunc]struct{}
}

// now has a ticket looked at.
func (t *watched) now() { t.due, t.again = time.Now(), true }

// watch adds a request, until it is over. record is that of its session.
func (w *watcher) watch(ctx context.Context, cancel context.CancelCauseFunc, m *Manager, p presented, record string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.tickets == nil {
		w.tickets, w.records, w.wake = make(map[token]*watched), make(map[string][]*watched), make(chan struct{}, 1)
	}
	t := w.tickets[p.token]
	if t == nil {
		t = &watched{presented: p, records: []string{p.token.id()}, requests: make(map[*context.CancelCauseFunc]struct{})}
		if record != t.records[0] {
			t.records = append(t.records, record)
		}
		w.tickets[p.token] = t
		for _, id := range t.records {
			w.records[id] = append(w.records[id], t)
		}
	}
	t.requests[&cancel] = struct{}{}
	w.hurry(t) // how long it has, the look will show
	context.AfterFunc(ctx, func() { w.forget(t, &cancel) })
	if !w.running {
		w.running = true
		go w.run(m) //nolint:contextcheck,gosec // it outlives this request, if others wait
	}
}

// hurry has a ticket looked at before most others.
func (w *watcher) hurry(t *watched) {
	t.now()
	if !t.urgent {
		t.urgent = true
		w.urgent = append(w.urgent, t)
	}
	w.signal()
}

// forget removes a request that is over.
func (w *watcher) forget(t *watched, cancel *context.CancelCauseFunc) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(t.requests, cancel)
	if len(t.requests) == 0 {
		w.drop(t)
	}
	w.signal()
}

// drop has a ticket watched no more.
func (w *watcher) drop(t *watched) {
	if w.tickets[t.presented.token] != t {
		return // it is watched anew, or no more already
	}
	delete(w.tickets, t.presented.token)
	for _, id := range t.records {
		if w.records[id] = slices.DeleteFunc(w.records[id], func(other *watched) bool { return other == t }); len(w.records[id]) == 0 {
			delete(w.records, id)
		}
	}
}

// signal wakes the goroutine up.
func (w *watcher) signal() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// run looks at what is due until nothing is watched any more.
func (w *watcher) run(m *Manager) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	if _, ok := sessionstore.As[sessionstore.Watcher](m.store); ok {
		go w.listen(ctx, m)
	}
	for {
		due, next := w.due()
		switch {
		case len(due) > 0:
			w.look(m, due)
		case next.IsZero():
			return
		default:
			w.pause(next)
		}
	}
}

// due returns what is due now, or else when something will be; the zero time, if nothing
// is watched any more. What has failed comes last.
func (w *watcher) due() (due []*watched, next time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := time.Now()
	var failing []*watched
	for _, t := range w.tickets {
		switch {
		case now.Before(t.due):
			if next.IsZero() || t.due.Before(next) {
				next = t.due
			}
		case t.failing:
			failing = append(failing, t)
		default:
			due = append(due, t)
		}
	}
	w.running = len(w.tickets) > 0
	return append(due, failing...), next
}

// pause waits until a ticket is due, or somebody wakes it up.
func (w *watcher) pause(until time.Time) {
	timer := time.NewTimer(time.Until(until))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-w.wake:
	}
}

// listen has the store report what ends until ctx is done, and after a failure again.
func (w *watcher) listen(ctx context.Context, m *Manager) {
	for failures := 0; ; failures++ {
		began := time.Now()
		err := guarded(func() error { return sessionstore.Watch(ctx, m.store, w.reported) })
		if ctx.Err() != nil || errors.Is(err, ErrUnsupported) {
			return
		}
		if time.Since(began) > longListen {
			failures = 0
		}
		if failures == 0 && w.missed() {
			m.log().Warn("session: the store does not report what ends, streams learn of it within WatchEvery", "error", err)
		}
		if sleep(ctx, jitter(min(shortListen<<min(failures, 10), longListen))) != nil {
			return
		}
	}
}

// missed notes that the store does not report, and says whether that is news: streams that
// come and go begin to listen each time.
func (w *watcher) missed() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	was := w.unheard
	w.unheard = true
	return !was
}

// The store is listened to again after a pause, which doubles with each failure, from
// shortListen to longListen, until one has lasted.
const (
	shortListen = 100 * time.Millisecond
	longListen  = 30 * time.Second
)

// reported has the tickets looked at that lead to a record that may have ended; all of
// them, if the store has just begun to report.
func (w *watcher) reported(id string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if id == "" {
		w.unheard = false
		for _, t := range w.tickets {
			t.now()
		}
		w.signal()
	}
	for _, t := range w.records[id] {
		w.hurry(t)
	}
}

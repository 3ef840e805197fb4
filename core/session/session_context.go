package session

import (
	"context"
	"sync"
	"time"
)

// Context returns the request's context, which is also done when the session has ended or
// its time is over, for a stream or a WebSocket that only listens. [context.Cause] says
// why: [ErrNotFound] then, and [ErrRetired] if the visitor's browser has a newer ticket and
// the grace of the request's own is over. What ends the request is its own cause.
//
// One goroutine of the Manager looks after all requests that ask for it: it asks the
// store about each of their tickets once in [Options].WatchEvery, and when its time should
// be over. So a timeout is noticed at once, and an end within WatchEvery. A failure of the
// store ends nothing, and is logged. The goroutine ends with the last of the requests.
//
// Asking does not extend the session. A session that travels in its cookie ends with its
// time only, and one that is not stored yet has no end.
func (s *Session) Context() context.Context {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.watched != nil {
		return s.watched
	}
	gone := s.ended || s.quiet
	if s.stored == nil && !gone {
		s.watched = s.x.r.Context()
		return s.watched
	}
	ctx, cancel := context.WithCancelCause(s.x.r.Context())
	s.watched = ctx
	switch {
	case gone:
		cancel(ErrNotFound)
	case s.m.store == nil:
		ends := s.stored.expires
		timer := time.AfterFunc(time.Until(ends), func() { cancel(ErrNotFound) })
		context.AfterFunc(ctx, func() { timer.Stop() })
	default:
		s.m.watcher.watch(ctx, cancel, s.m, s.ticket.presented)
	}
	return ctx
}

// A watcher tells requests that their sessions have ended.
type watcher struct {
	mu      sync.Mutex
	tickets map[token]*watched
	running bool
	wake    chan struct{} // somebody has come or gone
}

// A watched ticket is looked at when it is due.
type watched struct {
	presented presented
	due       time.Time
	requests  map[*context.CancelCauseFunc]struct{}
}

// watch adds a request, until it is over.
func (w *watcher) watch(ctx context.Context, cancel context.CancelCauseFunc, m *Manager, p presented) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.tickets == nil {
		w.tickets, w.wake = make(map[token]*watched), make(chan struct{}, 1)
	}
	t := w.tickets[p.token]
	if t == nil {
		t = &watched{presented: p, requests: make(map[*context.CancelCauseFunc]struct{})}
		w.tickets[p.token] = t
	}
	t.requests[&cancel] = struct{}{}
	t.due = wallNow() // how long it has, the look will show
	context.AfterFunc(ctx, func() { w.forget(t, &cancel) })
	if !w.running {
		w.running = true
		go w.run(m) //nolint:contextcheck // it outlives this request, if others wait
	}
	w.signal()
}

// forget removes a request that is over.
func (w *watcher) forget(t *watched, cancel *context.CancelCauseFunc) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(t.requests, cancel)
	if len(t.requests) == 0 && w.tickets[t.presented.token] == t {
		delete(w.tickets, t.presented.token)
	}
	w.signal()
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
// is watched any more.
func (w *watcher) due() (due []*watched, next time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := wallNow()
	for _, t := range w.tickets {
		if !now.Before(t.due) {
			due = append(due, t)
		} else if next.IsZero() || t.due.Before(next) {
			next = t.due
		}
	}
	w.running = len(w.tickets) > 0
	return due, next
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

// look asks the store about tickets, and tells those whose session has ended.
func (w *watcher) look(m *Manager, tickets []*watched) {
	for i, t := range tickets {
		ctx := m.storeContext(context.Background())
		f, err := m.load(ctx, t.presented, m.opts.RenewGrace)
		ctx.release()
		if err == nil {
			w.found(m, t, &f)
			continue
		}
		m.log().Warn("session: not known whether a session has ended that a stream waits for, asked again later", "error", err)
		_ = m.tellError(context.Background(), err)
		w.putOff(tickets[i:], m.opts.WatchEvery)
		return // the others may have to wait as long for the store
	}
}

// putOff has tickets looked at later.
func (w *watcher) putOff(tickets []*watched, d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, t := range tickets {
		t.due = wallNow().Add(d)
	}
}

// found tells what a look at a ticket has shown.
func (w *watcher) found(m *Manager, t *watched, f *found) {
	w.mu.Lock()
	defer w.mu.Unlock()
	why := ErrNotFound
	switch {
	case f.verdict.standing >= retired:
		now := wallNow()
		t.due = earlier(now.Add(m.opts.WatchEvery), later(f.ends(m, t.presented.token.hash()), now.Add(soonest)))
		return
	case f.verdict.reason == isRetired:
		why = ErrRetired
	}
	for cancel := range t.requests {
		(*cancel)(why)
	}
	delete(w.tickets, t.presented.token)
}

// soonest is when a ticket is looked at again whose time should be over: the clock of
// the store may be behind.
const soonest = 10 * time.Millisecond

// ends returns when the session ends for a ticket if nobody uses it until then.
func (f *found) ends(m *Manager, hash ticketHash) time.Time {
	end := earlier(f.stored.expires, f.view.endsBy(m.opts.AbsoluteTimeout))
	if e := f.view.entry(hash); e != nil {
		end = earlier(end, e.endedBy(end))
		if e.isRetired() {
			end = earlier(end, e.retired.Add(m.opts.RenewGrace))
		}
	}
	if f.own != nil {
		end = earlier(end, f.own.ends(m, hash))
	}
	return end
}

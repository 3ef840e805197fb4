package session

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"time"
)

// look asks the store about tickets, in turn with those that have become urgent: however
// many streams come and go, no other waits for ever.
func (w *watcher) look(m *Manager, tickets []*watched) {
	var failed time.Duration // what failures have taken
	for inTurn := false; len(tickets) > 0; {
		var t *watched
		if !inTurn {
			t = w.hurried()
		}
		if t == nil {
			t, tickets = tickets[0], tickets[1:]
		}
		if !w.begin(t) {
			continue
		}
		inTurn = !inTurn
		began := time.Now()
		f, err := m.ask(t)
		if err == nil {
			w.found(m, t, &f)
			continue
		}
		if failed == 0 { // once for an outage
			m.tellUnknown(err)
		}
		w.putOff(m, true, t) // it may be damaged, or on a server of its own: the others go on
		if failed += max(time.Since(began), 1); failed >= m.opts.StoreTimeout {
			w.putOff(m, false, tickets...) // they may have to wait as long for the store
			return
		}
	}
}

// ask loads the session of a ticket.
func (m *Manager) ask(t *watched) (f found, err error) {
	ctx := m.storeContext(context.Background())
	defer ctx.Release()
	err = guarded(func() (err error) {
		ticket := t.presented.held()
		return f.load(ctx, m, &ticket, m.opts.RenewGrace)
	})
	return f, err
}

// tellUnknown tells of a failure of the store's.
func (m *Manager) tellUnknown(err error) {
	m.log().Warn("session: not known whether a session has ended that a stream waits for, asked again later", "error", err)
	if err := guarded(func() error {
		_ = m.tellError(context.Background(), err)
		return nil
	}); err != nil {
		m.log().Error("session: Options.OnEvent", "error", err)
	}
}

// guarded returns what f panics with as an error, also if it is a store's, or the
// application's. Around the watcher's goroutines is no net/http that recovers, and a panic
// would end the process.
func guarded(f func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("session: panic: %v%s", p, callers())
		}
	}()
	return f()
}

// callers returns where a function was called that has recovered, without the arguments,
// which a stack shows: a ticket may be among them.
func callers() string {
	const above = 3 // this function and the one that has recovered
	var b strings.Builder
	pc := make([]uintptr, 32)
	for frames := runtime.CallersFrames(pc[:runtime.Callers(above, pc)]); ; {
		frame, more := frames.Next()
		fmt.Fprintf(&b, "\n\t%s %s:%d", frame.Function, frame.File, frame.Line)
		if !more {
			return b.String()
		}
	}
}

// hurried returns a ticket that has become urgent.
func (w *watcher) hurried() *watched {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.urgent) == 0 {
		return nil
	}
	t := w.urgent[0]
	w.urgent, t.urgent = w.urgent[1:], false
	return t
}

// begin reports whether a ticket is to be looked at still.
func (w *watcher) begin(t *watched) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.tickets[t.presented.token] != t || !t.again && time.Now().Before(t.due) {
		return false
	}
	t.again = false
	return true
}

// putOff has tickets looked at later that could not be now. They may have been reported, so
// not too late.
func (w *watcher) putOff(m *Manager, failing bool, tickets ...*watched) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, t := range tickets {
		t.due, t.failing = time.Now().Add(min(m.opts.WatchEvery, DefaultWatchEvery)), t.failing || failing
	}
}

// found tells what a look at a ticket has shown.
func (w *watcher) found(m *Manager, t *watched, f *found) {
	w.mu.Lock()
	defer w.mu.Unlock()
	why := ErrNotFound
	switch {
	case f.verdict.standing >= retired:
		if t.again {
			return
		}
		left := f.ends(m, t.presented.token.hash()).Sub(wallNow())
		t.due, t.failing = time.Now().Add(min(m.opts.WatchEvery, max(left, soonest))), false
		return
	case f.verdict.reason == isRetired:
		why = ErrRetired
	}
	for cancel := range t.requests {
		(*cancel)(why)
	}
	w.drop(t)
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

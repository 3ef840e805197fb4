package torture

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

const (
	late       = 100 * time.Millisecond // an answer takes a few milliseconds where nothing fails
	recovery   = 2 * time.Second        // after the last fault, until every request is answered
	everyone   = -1                     // the applications that meet a fault: all
	remembered = time.Minute            // no request takes longer
)

// A ledger knows which faults were made, and which of them a request has met.
type ledger struct {
	rough atomic.Bool // lines lose and hold back what passes

	mu       sync.Mutex
	kinds    map[string]*tally
	recent   []*mishap // which requests that are under way may have met
	calm     int       // requests sent when the last fault had been over for a while
	calmBad  int       // of these failed
	calmLate int       // of these were late
}

// A tally counts the faults of one kind.
type tally struct {
	made   int
	failed int  // with one of these, a request failed
	late   int  // with one of these, a request was late
	loses  bool // the backend may lose what it has acknowledged
}

// A mishap is one fault, from its beginning to its end.
type mishap struct {
	kind     string
	app      int  // which meets it
	fails    bool // a request may fail because of it
	delays   bool // a request may be late because of it
	observed bool
	began    time.Time
	ended    time.Time // when it will, if that is known; zero if not
}

func newLedger() *ledger { return &ledger{kinds: make(map[string]*tally)} }

// begins notes that a fault happens now.
func (l *ledger) begins(m mishap) *mishap {
	l.mu.Lock()
	defer l.mu.Unlock()
	t := l.kinds[m.kind]
	if t == nil {
		t = new(tally)
		l.kinds[m.kind] = t
	}
	t.made++
	m.began = time.Now()
	l.recent = append(l.recent, &m)
	return &m
}

// ends notes that a fault is over.
func (l *ledger) ends(m *mishap) {
	l.mu.Lock()
	defer l.mu.Unlock()
	m.ended = time.Now()
}

// met looks for the fault that explains what became of a request. A fault is observed once,
// and a request has met one fault. It reports whether the last fault was over for a while
// when the request was sent, and there was none since.
func (l *ledger) met(app int, a answer) (calm bool) {
	failed := a.failed()
	slow := !failed && a.took > late
	l.mu.Lock()
	defer l.mu.Unlock()
	l.recent = slices.DeleteFunc(l.recent, func(m *mishap) bool {
		return !m.ended.IsZero() && time.Since(m.ended) > remembered
	})
	calm = true
	explained := !failed && !slow
	for _, m := range l.recent {
		if !m.ended.IsZero() && m.ended.Add(recovery).Before(a.sent) {
			continue
		}
		calm = false
		if explained || m.observed || !m.explains(app, a) {
			continue
		}
		if failed {
			l.kinds[m.kind].failed++
		} else {
			l.kinds[m.kind].late++
		}
		m.observed, explained = true, true
	}
	if calm {
		l.calm++
		switch {
		case failed:
			l.calmBad++
		case slow:
			l.calmLate++
		}
	}
	return calm
}

// explains reports whether it was because of the fault that a request failed or was late, as
// far as it can be seen from outside: it was made while the request was under way, at its
// application. A piece that is held back is held from its beginning to its end by the
// request that it belongs to.
func (m *mishap) explains(app int, a answer) bool {
	end := a.sent.Add(a.took)
	switch {
	case m.app == everyone:
		return m.ended.IsZero() || m.ended.After(a.sent)
	case m.app != app || m.began.Before(a.sent) || m.began.After(end):
		return false
	case a.failed():
		return m.fails
	default:
		return m.delays && !m.ended.After(end)
	}
}

// mayLose notes that with a kind of fault the backend may lose what it has acknowledged.
func (l *ledger) mayLose(kind string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.kinds[kind].loses = true
}

// table prints the faults by kind.
func (l *ledger) table() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var b strings.Builder
	line := func(kind string, t tally) {
		fmt.Fprintf(&b, "  %-42s %6d made, %6d observed: with %6d a request failed, with %6d it was late\n",
			kind, t.made, t.failed+t.late, t.failed, t.late)
	}
	var all tally
	for _, kind := range sortedKeys(l.kinds) {
		t := l.kinds[kind]
		all.made, all.failed, all.late = all.made+t.made, all.failed+t.failed, all.late+t.late
		if t.loses {
			kind += ", may lose"
		}
		line(kind, *t)
	}
	line(fmt.Sprintf("in all, %d kinds", len(l.kinds)), all)
	fmt.Fprintf(&b, "  %d requests met none and were sent %v after the last: %d failed, %d were late",
		l.calm, recovery, l.calmBad, l.calmLate)
	return b.String()
}

// failed reports whether there was no answer, or one that blames the server.
func (a answer) failed() bool { return a.status == 0 || a.status >= http.StatusInternalServerError }

package torture

import (
	"bytes"
	"fmt"
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
	oneIn int         // of so many pieces that pass, one meets a fault on the average
	cuts  int         // of ten of these faults; the others hold back

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
	failed int  // with these, a request failed
	late   int  // with these, a request was late
	again  int  // with these, a driver sent again what a request had called for
	loses  bool // the backend may lose what it has acknowledged
}

// A mishap is one fault, from its beginning to its end.
type mishap struct {
	kind     string
	app      int    // which meets it
	asked    []byte // what a line was used for; nil if everything stops
	fails    bool   // a request may fail because of it
	delays   bool   // a request may be late because of it
	again    bool   // what was called for has to be sent again
	observed bool
	began    time.Time
	ended    time.Time // when it will, if that is known; zero if not
}

func newLedger() *ledger { return &ledger{kinds: make(map[string]*tally), oneIn: 8, cuts: 3} }

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

// met looks for the faults that a request has observed. A fault is observed once. It
// reports whether the last fault was over for a while when the request was sent, and there
// was none since.
func (l *ledger) met(app int, a answer) (calm bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.recent = slices.DeleteFunc(l.recent, func(m *mishap) bool {
		return !m.ended.IsZero() && time.Since(m.ended) > remembered
	})
	calm = true
	for _, m := range l.recent {
		if !m.ended.IsZero() && m.ended.Add(recovery).Before(a.sent) {
			continue
		}
		calm = false
		if m.observed || m.app != app && m.app != everyone {
			continue
		}
		t := l.kinds[m.kind]
		m.observed = true
		switch {
		case a.failed() && m.failed(a):
			t.failed++
		case a.late() && m.delayed(a):
			t.late++
		case m.repeated(a):
			t.again++
		default:
			m.observed = false
		}
	}
	if calm {
		l.calm++
		switch {
		case a.failed():
			l.calmBad++
		case a.late():
			l.calmLate++
		}
	}
	return calm
}

// failed reports whether a request failed because of the fault.
func (m *mishap) failed(a answer) bool {
	if m.app == everyone {
		return m.ended.IsZero() || m.ended.After(a.sent)
	}
	return m.fails && slices.ContainsFunc(a.calls, func(c call) bool { return c.Failed && m.during(c) })
}

// delayed reports whether a request was late because of the fault.
func (m *mishap) delayed(a answer) bool {
	if m.app == everyone {
		return m.ended.IsZero() || m.ended.After(a.sent)
	}
	return m.delays && slices.ContainsFunc(a.calls, func(c call) bool { return m.during(c) && !m.ended.After(c.Ended) })
}

// repeated reports whether a call of a request went well although what it had sent, or its
// answer, was lost.
func (m *mishap) repeated(a answer) bool {
	return m.again && slices.ContainsFunc(a.calls, func(c call) bool { return !c.Failed && m.during(c) })
}

// during reports whether a line was used for a call when it met the fault.
func (m *mishap) during(c call) bool {
	return !m.began.Before(c.Began) && !m.began.After(c.Ended) && bytes.Contains(m.asked, []byte(c.Mark))
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
		fmt.Fprintf(&b, "  %-42s %6d made, %6d observed: %6d requests failed, %6d were late, %6d calls made again\n",
			kind, t.made, t.failed+t.late+t.again, t.failed, t.late, t.again)
	}
	var all tally
	kinds := 0
	for _, kind := range sortedKeys(l.kinds) {
		t := l.kinds[kind]
		if kind == asIfCut || kind == asIfHeld {
			line(kind, *t)
			continue
		}
		kinds++
		all.made, all.failed, all.late, all.again = all.made+t.made, all.failed+t.failed, all.late+t.late, all.again+t.again
		if t.loses {
			kind += ", may lose"
		}
		line(kind, *t)
	}
	line(fmt.Sprintf("in all, %d kinds", kinds), all)
	fmt.Fprintf(&b, "  %d requests met none and were sent %v after the last: %d failed, %d were late",
		l.calm, recovery, l.calmBad, l.calmLate)
	return b.String()
}

package conformance

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// A listener keeps what a call of Watch reports.
type listener struct {
	cancel context.CancelFunc
	ended  chan struct{} // closed when Watch has returned
	news   chan struct{} // something has been reported
	err    error         // what Watch has returned

	mu    sync.Mutex
	first string
	told  map[string]bool
	over  bool // Watch has returned
	late  bool // it has reported something after that

	look   func(id string) // called with each report; may be nil
	inside atomic.Int32    // calls of changed under way
	beside atomic.Bool     // there was more than one
}

func (l *listener) changed(id string) {
	if l.inside.Add(1) > 1 {
		l.beside.Store(true)
	}
	defer l.inside.Add(-1)
	if l.look != nil {
		l.look(id)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.told) == 0 {
		l.first = id
	}
	l.told[id] = true
	l.late = l.late || l.over
	select {
	case l.news <- struct{}{}:
	default:
	}
}

// forget takes a report for not made.
func (l *listener) forget(id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.told, id)
}

func (l *listener) has(id string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.told[id]
}

// listen calls Watch, until the case ends, and returns when it says that it listens.
func (t *tester) listen(s sessionstore.Store) *listener {
	t.Helper()
	return t.listenAnd(s, nil)
}

// listenAnd is listen, and calls look with each report while Watch waits.
func (t *tester) listenAnd(s sessionstore.Store, look func(id string)) *listener {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	l := &listener{
		cancel: cancel, told: make(map[string]bool), ended: make(chan struct{}), news: make(chan struct{}, 1), look: look,
	}
	go func() {
		defer close(l.ended)
		err := sessionstore.Watch(ctx, s, l.changed)
		l.mu.Lock()
		defer l.mu.Unlock()
		l.err, l.over = err, true
	}()
	t.own.tidied(func() {
		cancel()
		<-l.ended
	})
	t.wantTold(l, "", "that it listens")
	if l.first != "" {
		t.Fatal("Watch reports a record before it says that it listens")
	}
	return l
}

// wantTold waits until Watch has reported an id.
func (t *tester) wantTold(l *listener, id, what string) {
	t.Helper()
	if t.told(l, id, what) {
		return
	}
	if t.own.listensAgain && l.lost() {
		panic(lost{l.err})
	}
	t.Fatalf("Watch has returned before its context was done: %v", l.err)
}

// lost reports whether Watch has returned with an error that says that reports may be lost.
func (l *listener) lost() bool {
	return l.err != nil && !errors.Is(l.err, context.Canceled) && !errors.Is(l.err, sessionstore.ErrUnsupported)
}

// A lost attempt is one in which Watch has said that reports may be lost.
type lost struct{ err error }

// listenTries is how often a case is tried for that reason. Others, who write a good deal at
// the same time, may be the cause, so it waits longer each time.
const listenTries = 10

// listening returns a case that begins again where Watch returns with such an error.
func listening(run func(t *tester)) func(t *tester) {
	return func(t *tester) {
		t.own.listensAgain = true
		var err error
		for n := range listenTries {
			t.sleep(time.Duration(n) * 100 * time.Millisecond)
			if err = t.attemptsToListen(run); err == nil {
				return
			}
		}
		t.Fatalf("Watch has returned before its context was done, each of %d times: %v", listenTries, err)
	}
}

// attemptsToListen returns with what a Watch of the case has lost reports, if one has.
func (t *tester) attemptsToListen(run func(*tester)) (why error) {
	defer func() {
		switch p := recover().(type) {
		case nil:
		case lost:
			why = p.err
		default:
			panic(p)
		}
	}()
	run(t)
	return nil
}

// wantToldAll is wantTold for many, unless Watch has returned because it has lost reports.
func (t *tester) wantToldAll(l *listener, ids []string, what string) {
	t.Helper()
	for _, id := range ids {
		if t.told(l, id, what) {
			continue
		}
		if !l.lost() {
			t.Fatalf("Watch has returned before its context was done: %v", l.err)
		}
		return
	}
}

// told waits until Watch has reported an id, or returns false if it has returned.
func (t *tester) told(l *listener, id, what string) bool {
	t.Helper()
	timer := time.NewTimer(t.deadline() / 2) // so that it is not taken for a call that hangs
	defer timer.Stop()
	for !l.has(id) {
		select {
		case <-l.news:
		case <-l.ended:
			return l.has(id)
		case <-timer.C:
			t.Fatalf("Watch does not report %s", what)
		}
	}
	return true
}

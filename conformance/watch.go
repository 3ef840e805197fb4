package conformance

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

func watchCases() []testCase {
	return withNeeds(Watch, []testCase{
		{
			name: "says that it listens",
			rule: "Watch first calls changed with an empty id: it listens from now on.",
			run:  func(t *tester) { t.listen(t.store) },
		},
		{
			name: "reports a delete",
			rule: "Watch reports a record that Delete has deleted.",
			run:  watchDelete,
		},
		{
			name: "reports another subject",
			rule: "Watch reports a record to which Update has given another subject, or nobody.",
			run:  watchGivenAway,
		},
		{
			name: "reports an earlier expiry",
			rule: "Watch reports a record to which Update has given an earlier expiry.",
			run:  watchShortened,
		},
		{
			name: "reports a subject's",
			rule: "Watch reports the records that DeleteSubject has deleted.",
			run:  watchSubject,
		},
		{
			name: "reports everybody's",
			rule: "Watch reports the records that DeleteAll has deleted.",
			run:  watchAll,
		},
		{
			name: "reports what a peer does",
			rule: "Watch reports what has ended whichever process has done it.",
			run:  watchPeer,
		},
		{
			name: "reports to everybody",
			rule: "Each call of Watch reports everything, in whichever process it is.",
			run:  watchEverybody,
		},
		{
			name: "not other namespaces",
			rule: "Watch reports nothing from outside the store's own namespace.",
			run:  watchForeign,
		},
		{
			name: "ends with its context",
			rule: "When ctx is done, Watch returns within 50 ms with an error for which errors.Is(err, ctx.Err()) holds, and calls changed no more.",
			run:  watchEnds,
		},
	})
}

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
}

func (l *listener) changed(id string) {
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

func (l *listener) has(id string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.told[id]
}

// listen calls Watch, until the case ends, and returns when it says that it listens.
func (t *tester) listen(s sessionstore.Store) *listener {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	l := &listener{
		cancel: cancel, told: make(map[string]bool), ended: make(chan struct{}), news: make(chan struct{}, 1),
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
	timer := time.NewTimer(t.deadline() / 2) // so that it is not taken for a call that hangs
	defer timer.Stop()
	for !l.has(id) {
		select {
		case <-l.news:
		case <-l.ended:
			t.Fatalf("Watch has returned before its context was done: %v", l.err)
		case <-timer.C:
			t.Fatalf("Watch does not report %s", what)
		}
	}
}

func watchDelete(t *tester) {
	l := t.listen(t.store)
	id, _ := t.created()
	t.remove(id)
	t.wantTold(l, id, "a record that was deleted")
}

func watchGivenAway(t *tester) {
	l := t.listen(t.store)
	for _, subject := range []string{newSubject(), ""} {
		id, old := t.created()
		r := t.record()
		r.Subject, r.Expires = subject, old.Expires
		t.update(id, old.Version, r)
		t.wantTold(l, id, "a record that was given to another subject")
	}
}

func watchShortened(t *tester) {
	l := t.listen(t.store)
	id, old := t.created()
	r := t.record()
	r.Subject, r.Expires = old.Subject, old.Expires.Add(-time.Minute)
	t.update(id, old.Version, r)
	t.wantTold(l, id, "a record that was given an earlier expiry")
}

func watchSubject(t *tester) {
	t.needsSubjects()
	l := t.listen(t.store)
	subject := newSubject()
	ids := t.createdFor(subject, 3)
	_, err := sessionstore.DeleteSubject(t.Context(), t.store, subject)
	t.want(nil, err, "DeleteSubject")
	for _, id := range ids {
		t.wantTold(l, id, "a record that DeleteSubject has deleted")
	}
}

func watchAll(t *tester) {
	if !t.has(All) {
		t.Skipf("not applicable: %T is no sessionstore.AllDeleter", unwatched(t.store))
	}
	t = t.isolated()
	l := t.listen(t.store)
	ids := t.createdFor(newSubject(), 3)
	_, err := sessionstore.DeleteAll(t.Context(), t.store)
	t.want(nil, err, "DeleteAll")
	for _, id := range ids {
		t.wantTold(l, id, "a record that DeleteAll has deleted")
	}
}

func watchPeer(t *tester) {
	t.needsHook(t.Peer != nil, "Peer")
	l := t.listen(t.store)
	deleted, _ := t.created()
	t.want(nil, t.peer.Delete(t.Context(), deleted), "Delete by the peer")
	t.wantTold(l, deleted, "a record that the peer has deleted")
	given, old := t.created()
	r := t.record()
	r.Subject = ""
	t.want(nil, t.peer.Update(t.Context(), given, old.Version, r), "Update by the peer")
	t.wantTold(l, given, "a record that the peer has taken from its subject")
}

func watchEverybody(t *tester) {
	all := []*listener{t.listen(t.store), t.listen(t.store)}
	if t.peer != nil {
		all = append(all, t.listen(t.peer))
	}
	id, _ := t.created()
	t.remove(id)
	for _, l := range all {
		t.wantTold(l, id, "a record to each of those who watch")
	}
}

func watchForeign(t *tester) {
	t, other := t.isolated(), t.isolated()
	l := t.listen(t.store)
	foreign, _ := other.created()
	other.remove(foreign)
	id, _ := t.created()
	t.remove(id)
	t.wantTold(l, id, "a record of its own namespace")
	if l.has(foreign) {
		t.Error("Watch reports a record of another namespace")
	}
}

func watchEnds(t *tester) {
	var all []*listener
	t.promptly(method{name: "Watch"}, context.Canceled, func() (time.Duration, error) {
		l := t.listen(t.store)
		all = append(all, l)
		ended, _ := t.created()
		t.remove(ended) // whose report is under way, or has come
		start := time.Now()
		l.cancel()
		<-l.ended
		return time.Since(start), l.err
	})
	id, _ := t.created()
	witness := t.listen(t.store)
	t.remove(id)
	t.wantTold(witness, id, "a record that was deleted")
	t.sleep(contextLimit) // for a report that comes late
	for _, l := range all {
		l.mu.Lock()
		if l.late {
			t.Error("Watch calls changed after it has returned")
		}
		l.mu.Unlock()
	}
}

// watches reports whether the store is set up to say when records end. One that is not
// says so at once; one that hangs is no matter of this question.
func watches(s sessionstore.Store, deadline time.Duration) bool {
	if !hasCapability[sessionstore.Watcher](s) {
		return false
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	answer := make(chan error, 1)
	go func() { answer <- sessionstore.Watch(ctx, s, func(string) {}) }()
	timer := time.NewTimer(deadline)
	defer timer.Stop()
	select {
	case err := <-answer:
		return !errors.Is(err, sessionstore.ErrUnsupported)
	case <-timer.C:
		return true
	}
}

package conformance

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

func watchCases() []testCase {
	cases := withNeeds(Watcher, []testCase{
		{
			name: "says that it listens",
			rule: "Watch first calls changed with an empty id: it listens from now on.",
			run:  func(t *tester) { t.listen(t.store) },
		},
		{
			name: "reports a delete",
			rule: "Watch reports a record that Delete has deleted, whosever it was, and whatever was done to it before.",
			run:  watchDelete,
		},
		{
			name: "reports it again",
			rule: "Watch reports each record that was deleted, also one that was created anew since it has been reported, or in place of one that had expired.",
			run:  watchAgain,
		},
		{
			name: "reports what has happened",
			rule: "Watch reports a record soon after its end: whoever looks at it then sees what has become of it.",
			run:  watchLooks,
		},
		{
			name: "reports one by one",
			rule: "Watch calls changed from one goroutine, for each record, however many end at once.",
			run:  watchOneByOne,
		},
		{
			name: "reports another subject",
			rule: "Watch reports a record to which Update has given another subject, or nobody, or from nobody a subject, whatever its expiry.",
			run:  watchGivenAway,
		},
		{
			name: "reports an earlier expiry",
			rule: "Watch reports a record to which Update has given an earlier expiry than it had, however little, also if Touch had set that.",
			run:  watchShortened,
		},
		{
			name: "reports a subject's",
			rule: "Watch reports the records that DeleteSubject has deleted, and what ends later.",
			run:  watchSubject,
		},
		{
			name: "reports everybody's",
			rule: "Watch reports the records that DeleteAll has deleted, and what ends later.",
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
	for i := range cases {
		cases[i].run = listening(cases[i].run)
	}
	return cases
}

func watchDelete(t *tester) {
	old, _ := t.created()
	l := t.listen(t.store)
	t.remove(old)
	t.wantTold(l, old, "a record that was created before, and deleted")
	id := t.createdForNobody()
	t.remove(id)
	t.wantTold(l, id, "a record of nobody's that was deleted")
	touched, r := t.created()
	t.touch(touched, r.Version, r.Expires.Add(time.Minute))
	t.remove(touched)
	t.wantTold(l, touched, "a record that was touched and deleted")
	updated, r := t.created()
	t.update(updated, r.Version, t.recordOf(r.Subject))
	l.forget(updated)
	t.remove(updated)
	t.wantTold(l, updated, "a record that was updated and deleted")
}

// recordOf is record of a subject.
func (t *tester) recordOf(subject string) sessionstore.Record {
	r := t.record()
	r.Subject = subject
	return r
}

// watchAgain has nothing else reported in between.
func watchAgain(t *tester) {
	t = t.alone()
	l := t.listen(t.store)
	id := t.newID()
	for range 2 {
		t.create(id, t.record())
		l.forget(id)
		t.remove(id)
		t.wantTold(l, id, "a record that was deleted, as others under its id before")
	}
	anew, _ := t.expired()
	t.create(anew, t.record())
	l.forget(anew)
	t.remove(anew)
	t.wantTold(l, anew, "a record that was deleted, and had taken the place of an expired one")
}

// watchLooks takes only a report for one that finds the record as it is then.
func watchLooks(t *tester) {
	ended := func(what string, end func(id string, r sessionstore.Record) error) {
		id, r := t.created()
		var seen atomic.Bool
		l := t.listenAnd(t.store, func(told string) {
			if told == id {
				got, err := t.store.Load(t.Context(), id)
				seen.Store(errors.Is(err, sessionstore.ErrNotFound) || err == nil && got.Version != r.Version)
			}
		})
		t.want(nil, end(id, r), what)
		for t.wantTold(l, id, what+" to whoever looks at the record then"); !seen.Load(); {
			l.forget(id)
			if seen.Load() {
				break
			}
			t.wantTold(l, id, what+" to whoever looks at the record then")
		}
		l.cancel()
	}
	for range raceRounds {
		ended("Delete", func(id string, _ sessionstore.Record) error { return t.store.Delete(t.Context(), id) })
		ended("Update", func(id string, r sessionstore.Record) error {
			return t.store.Update(t.Context(), id, r.Version, t.record())
		})
	}
	if t.has(SubjectIndex) {
		ended("DeleteSubject", func(_ string, r sessionstore.Record) error {
			_, err := sessionstore.DeleteSubject(t.Context(), t.store, r.Subject)
			return err
		})
	}
}

// watchOneByOne has records end faster than they are looked at.
func watchOneByOne(t *tester) {
	subject := newSubject()
	ids := t.createdFor(subject, 40)
	l := t.listenAnd(t.store, func(string) { t.rest(time.Millisecond) })
	t.race(func(n int, s sessionstore.Store) {
		for ; n < len(ids); n += racers {
			if err := s.Delete(t.Context(), ids[n]); err != nil {
				t.Errorf("Delete: %v", err)
			}
		}
	})
	t.wantToldAll(l, ids, "records that were deleted at the same time")
	if l.beside.Load() {
		t.Error("Watch has called changed while another call of it was under way")
	}
}

func watchGivenAway(t *tester) {
	l := t.listen(t.store)
	for _, later := range []time.Duration{0, time.Minute} {
		for _, to := range [][2]string{{newSubject(), newSubject()}, {newSubject(), ""}, {"", newSubject()}} {
			id, old := t.newID(), t.recordOf(to[0])
			t.create(id, old)
			r := t.recordOf(to[1])
			r.Expires = old.Expires.Add(later)
			t.update(id, old.Version, r)
			t.wantTold(l, id, "a record that was given from "+whose(to[0])+" to "+whose(to[1]))
		}
	}
}

func watchShortened(t *tester) {
	l := t.listen(t.store)
	for _, sooner := range []time.Duration{time.Minute, max(2*t.Precision, time.Millisecond)} {
		for _, subject := range []string{newSubject(), ""} {
			id, old := t.newID(), t.recordOf(subject)
			t.create(id, old)
			r := t.recordOf(subject)
			r.Expires = old.Expires.Add(-sooner)
			t.update(id, old.Version, r)
			t.wantTold(l, id, "a record of "+whose(subject)+" that was given an expiry "+sooner.String()+" earlier")
		}
		id, old := t.created()
		later := old.Expires.Add(time.Hour)
		t.touch(id, old.Version, later)
		r := t.recordOf(old.Subject)
		r.Expires = later.Add(-sooner)
		t.update(id, t.load(id).Version, r) // the fallback of Touch changes it
		t.wantTold(l, id, "a record that was given an expiry "+sooner.String()+" earlier than the one that Touch had set")
	}
}

func watchSubject(t *tester) {
	t.needsSubjects()
	subject := newSubject()
	ids := append(t.createdFor(subject, 3), t.createdForNobody())
	t.give(ids[3], subject)
	l := t.listen(t.store) // and to nothing of that
	_, err := sessionstore.DeleteSubject(t.Context(), t.store, subject)
	t.want(nil, err, "DeleteSubject")
	for _, id := range ids {
		t.wantTold(l, id, "a record that DeleteSubject has deleted")
	}
	t.wantToldLater(l, subject, "DeleteSubject")
}

// wantToldLater fails the case unless Watch goes on with what is created later.
func (t *tester) wantToldLater(l *listener, subject, after string) {
	t.Helper()
	id := t.createdFor(subject, 1)[0]
	t.remove(id)
	t.wantTold(l, id, "a record that was created after a "+after+", and deleted")
}

func watchAll(t *tester) {
	if !t.has(AllDeleter) {
		t.Skipf("not applicable: %T is no sessionstore.AllDeleter", unwatched(t.store))
	}
	t = t.isolated()
	ids := append(t.createdFor(newSubject(), 3), t.createdForNobody(), t.createdForNobody())
	t.give(ids[0], newSubject())
	t.give(ids[1], "")
	t.give(ids[4], newSubject())
	l := t.listen(t.store) // and to nothing of that
	_, err := sessionstore.DeleteAll(t.Context(), t.store)
	t.want(nil, err, "DeleteAll")
	for _, id := range ids {
		t.wantTold(l, id, "a record that DeleteAll has deleted")
	}
	t.wantToldLater(l, newSubject(), "DeleteAll")
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
	t.wantToldShortened(l)
	if !t.has(SubjectIndex) {
		return
	}
	id, r := t.created()
	_, err := sessionstore.DeleteSubject(t.Context(), t.peer, r.Subject)
	t.want(nil, err, "DeleteSubject by the peer")
	t.wantTold(l, id, "a record of a subject that the peer has deleted")
}

// wantToldShortened has the peer put off an expiry that this process has written, and this one
// bring it forward: to one that is no earlier than what it knows.
func (t *tester) wantToldShortened(l *listener) {
	t.Helper()
	id, old := t.created()
	known := t.recordOf(old.Subject)
	t.update(id, old.Version, known)
	err := sessionstore.Touch(t.Context(), t.peer, id, known.Version, known.Expires.Add(2*time.Hour))
	t.want(nil, err, "Touch by the peer")
	next := t.recordOf(old.Subject)
	next.Expires = known.Expires.Add(time.Hour)
	version := t.loadPeer(id).Version // the fallback of Touch changes it
	l.forget(id)
	t.want(nil, t.store.Update(t.Context(), id, version, next), "Update of what the peer has touched")
	t.wantTold(l, id, "a record that was given an expiry an hour earlier than the one that the peer had set")
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
	t.apart(func(one, other *tester) {
		l := one.listen(one.store)
		foreign, _ := other.created()
		other.remove(foreign)
		id, _ := one.created()
		one.remove(id)
		one.wantTold(l, id, "a record of its own namespace")
		if l.has(foreign) {
			t.Error("Watch reports a record of another namespace")
		}
	})
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
		took := time.Since(start)
		if l.lost() {
			panic(lost{l.err}) // before that
		}
		return took, l.err
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

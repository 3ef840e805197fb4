package conformance

import (
	"errors"
	"time"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// A driver that gets no answer sends a write again, at once or much later. What others have
// done in between decides then, and not what the store remembers of the write.

func retryCases() []testCase {
	return []testCase{
		{
			name: "create after an update",
			rule: "Create reports success only if the live record has r.Version: made again when another has updated the record, it returns ErrExists and writes nothing.",
			run:  func(t *tester) { t.eachHandle(retryCreateUpdated) },
		},
		{
			name: "create after a delete",
			rule: "Create that reports success has stored the record: made again after a Delete, it stores it anew.",
			run:  func(t *tester) { t.eachHandle(retryCreateDeleted) },
		},
		{
			name: "create after delete and create",
			rule: "Create made again when another has deleted the record and created a new one returns ErrExists and writes nothing.",
			run:  func(t *tester) { t.eachHandle(retryCreateReplaced) },
		},
		{
			name: "update after an update",
			rule: "Update reports success for r.Version only while it is stored: made again when another has updated the record since, it returns ErrConflict and writes nothing.",
			run:  func(t *tester) { t.eachHandle(retryUpdateUpdated) },
		},
		{
			name: "update after delete and create",
			rule: "Update made again when another has deleted the record and created a new one returns ErrConflict and writes nothing.",
			run:  func(t *tester) { t.eachHandle(retryUpdateReplaced) },
		},
		{
			name: "update with any old version",
			rule: "Update reports success if the stored version is r.Version already, whatever old is.",
			run:  retryUpdateAnyOld,
		},
		{
			name: "a write after a touch",
			rule: "Create and Update that have been made before write nothing: the expiry that Touch has set since stays.",
			run:  func(t *tester) { t.eachHandle(retryTouched) },
		},
		{
			name: "with other content",
			rule: "Create and Update write nothing if the stored version is r.Version already, whatever else r says, and whatever other version old is.",
			run:  retryOther,
		},
		{
			name: "at the same time",
			rule: "Create and Update report success if the stored version is r.Version: of several equal calls at the same time, which a driver may make of one, each does.",
			run:  retryBeside,
		},
		{
			name:  "create after the subject's end",
			rule:  "Create that reports success has stored the record: made again after a DeleteSubject, it stores it anew.",
			needs: SubjectIndex,
			run:   retryCreateSubject,
		},
		{
			name: "touch after an update",
			rule: "Touch goes by the stored version: made again when another has updated the record since, it returns ErrConflict and the expiry stays.",
			run:  func(t *tester) { t.eachHandle(retryTouch) },
		},
	}
}

// eachHandle calls do with the store for the others' writes, and with the peer if there is
// one: what a process remembers of its own writes is not what others have done.
func (t *tester) eachHandle(do func(t *tester, others sessionstore.Store)) {
	do(t, t.store)
	if t.peer != nil {
		do(t, t.peer)
	}
}

// others makes a write of another client, which has to succeed.
func (t *tester) others(call string, err error) {
	t.Helper()
	if err != nil {
		t.noSetUp(call+" by another client", err)
	}
}

// wantUnchanged fails the case unless the record under id is as it was.
func (t *tester) wantUnchanged(id string, was sessionstore.Record, after string) {
	t.Helper()
	if got := t.load(id); !sameRecord(got, was) {
		t.Fatalf("after %s the record is version %s until %v, was %s until %v",
			after, name(got.Version), got.Expires, name(was.Version), was.Expires)
	}
}

func retryCreateUpdated(t *tester, others sessionstore.Store) {
	id, r := t.created()
	next := t.record()
	for range 3 {
		t.others("Update", others.Update(t.Context(), id, r.Version, next))
		was := t.load(id)
		t.want(sessionstore.ErrExists, t.store.Create(t.Context(), id, r), "Create, made again after an Update by another")
		t.wantUnchanged(id, was, "a Create that was made again")
		old := next
		next = t.record()
		t.others("Update", others.Update(t.Context(), id, old.Version, next))
		r, next = next, t.record()
		t.want(nil, t.store.Create(t.Context(), id, r), "Create with the version that is stored")
	}
}

func retryCreateDeleted(t *tester, others sessionstore.Store) {
	id, r := t.created()
	t.others("Delete", others.Delete(t.Context(), id))
	t.want(nil, t.store.Create(t.Context(), id, r), "Create, made again after a Delete by another")
	t.wantWritten(id, r, "")
}

func retryCreateReplaced(t *tester, others sessionstore.Store) {
	id, r := t.created()
	t.others("Delete", others.Delete(t.Context(), id))
	t.others("Create", others.Create(t.Context(), id, t.record()))
	was := t.load(id)
	t.want(sessionstore.ErrExists, t.store.Create(t.Context(), id, r), "Create, made again after Delete and Create by another")
	t.wantUnchanged(id, was, "a Create that was made again")
}

func retryUpdateUpdated(t *tester, others sessionstore.Store) {
	id, first := t.created()
	r := t.record()
	t.update(id, first.Version, r)
	for old := r.Version; ; {
		next := t.record()
		t.others("Update", others.Update(t.Context(), id, old, next))
		t.wantLive(id, next.Version) // to who has written before
		was := t.load(id)
		err := t.store.Update(t.Context(), id, first.Version, r)
		t.want(sessionstore.ErrConflict, err, "Update, made again after another Update by another")
		t.wantUnchanged(id, was, "an Update that was made again")
		if old != r.Version {
			return
		}
		old = next.Version
	}
}

func retryUpdateReplaced(t *tester, others sessionstore.Store) {
	id, first := t.created()
	r := t.record()
	t.update(id, first.Version, r)
	t.others("Delete", others.Delete(t.Context(), id))
	t.others("Create", others.Create(t.Context(), id, t.record()))
	was := t.load(id)
	err := t.store.Update(t.Context(), id, first.Version, r)
	t.want(sessionstore.ErrConflict, err, "Update, made again after Delete and Create by another")
	t.wantUnchanged(id, was, "an Update that was made again")
}

func retryUpdateAnyOld(t *tester) {
	id, first := t.created()
	t.want(nil, t.store.Update(t.Context(), id, t.version(), first), "Update to the version that Create has stored")
	r := t.record()
	t.update(id, first.Version, r)
	for _, old := range []sessionstore.Version{r.Version, t.version(), first.Version} {
		t.want(nil, t.store.Update(t.Context(), id, old, r), "Update with r.Version stored already")
		t.wantLive(id, r.Version)
	}
}

func retryOther(t *tester) {
	id, first := t.created()
	was := t.load(id)
	other := func() sessionstore.Record {
		r := t.record()
		r.Version, r.Expires = first.Version, r.Expires.Add(time.Hour)
		return r
	}
	created := other()
	t.want(nil, t.store.Create(t.Context(), id, created), "Create with the version that is stored")
	t.wantUnchanged(id, was, "a Create with the version that is stored")
	for _, old := range []sessionstore.Version{t.version(), 0} {
		r := other()
		t.want(nil, t.store.Update(t.Context(), id, old, r), "Update with r.Version stored already")
		t.wantUnchanged(id, was, "an Update with r.Version stored already")
		if t.has(SubjectIndex) {
			t.wantList(r.Subject)
			t.wantList(created.Subject)
			t.wantList(first.Subject, id)
		}
	}
}

func retryBeside(t *tester) {
	for range raceRounds {
		id, r := t.newID(), t.record()
		t.race(func(_ int, s sessionstore.Store) {
			if err := s.Create(t.Context(), id, r); err != nil {
				t.Errorf("Create, made several times at once: %v", err)
			}
		})
		next := t.record()
		t.race(func(_ int, s sessionstore.Store) {
			if err := s.Update(t.Context(), id, r.Version, next); err != nil {
				t.Errorf("Update, made several times at once: %v", err)
			}
		})
		if t.Failed() {
			return
		}
		t.wantWritten(id, next, r.Subject)
	}
}

func retryCreateSubject(t *tester) {
	id, r := t.created()
	t.wantDeleted(r.Subject, 1)
	t.want(nil, t.store.Create(t.Context(), id, r), "Create, made again after DeleteSubject")
	t.wantWritten(id, r, "")
}

func retryTouched(t *tester, others sessionstore.Store) {
	if !t.has(Toucher) {
		t.Skip("not applicable: the fallback of Touch changes the version")
	}
	touch := func(id string, r sessionstore.Record, shift time.Duration) sessionstore.Record {
		t.others("Touch", sessionstore.Touch(t.Context(), others, id, r.Version, r.Expires.Add(shift)))
		return t.load(id)
	}
	for _, shift := range []time.Duration{time.Hour, -10 * time.Minute} {
		id, r := t.created()
		was := touch(id, r, shift)
		t.want(nil, t.store.Create(t.Context(), id, r), "Create, made again after a Touch by another")
		t.wantUnchanged(id, was, "a Create that was made again")
		next := t.record()
		t.update(id, r.Version, next)
		was = touch(id, next, shift)
		t.want(nil, t.store.Update(t.Context(), id, r.Version, next), "Update, made again after a Touch by another")
		t.wantUnchanged(id, was, "an Update that was made again")
	}
}

func retryTouch(t *tester, others sessionstore.Store) {
	id, r := t.created()
	expires := r.Expires.Add(time.Hour)
	t.touch(id, r.Version, expires)
	now := t.load(id).Version // the fallback of Touch changes it
	t.others("Update", others.Update(t.Context(), id, now, t.record()))
	was := t.load(id)
	err := sessionstore.Touch(t.Context(), t.store, id, r.Version, expires)
	t.want(sessionstore.ErrConflict, err, "Touch, made again after an Update by another")
	t.wantUnchanged(id, was, "a Touch that was made again")
	t.others("Delete", others.Delete(t.Context(), id))
	if err := sessionstore.Touch(t.Context(), t.store, id, r.Version, expires); !errors.Is(err, sessionstore.ErrNotFound) {
		t.Fatalf("Touch, made again after a Delete by another: got error %v, want %v", err, sessionstore.ErrNotFound)
	}
}

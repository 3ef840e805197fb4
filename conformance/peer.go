package conformance

import (
	"bytes"
	"time"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

func peerCases() []testCase {
	return []testCase{
		{
			name: "sees a create",
			rule: "Processes share the backend: once Create has returned in one, Load in another finds the record.",
			run:  peerCreate,
		},
		{
			name: "sees an update",
			rule: "Processes share the backend: once Update has returned in one, Load in another returns the new record.",
			run:  peerUpdate,
		},
		{
			name: "sees a delete",
			rule: "Once Delete has returned in one process, no Load in another that starts later finds the record.",
			run:  peerDelete,
		},
		{
			name: "loses to an update",
			rule: "An Update with a version that another process has replaced returns ErrConflict.",
			run:  peerConflict,
		},
		{
			name: "loses a touch to an update",
			rule: "A Touch with a version that another process has replaced returns ErrConflict.",
			run:  peerTouch,
		},
		{
			name: "sees a touch",
			rule: "Processes share the backend: once Touch has returned in one, Load in another returns the new expiry, and Touch moves it back.",
			run:  peerSeesTouch,
		},
		{
			name: "writes by what is there",
			rule: "Processes share the backend: Load, Create, Update and Touch go by what another has written, not by what this one has seen, written or deleted before.",
			run:  peerWrites,
		},
		{
			name:  "sees a subject's end",
			rule:  "Once DeleteSubject has returned in one process, the records are absent in another, also those that it has seen: Load, Update and Touch return ErrNotFound.",
			needs: SubjectIndex,
			run:   peerSubjectEnds,
		},
		{
			name:  "lists what was created",
			rule:  "ListSubject is complete across processes.",
			needs: SubjectIndex,
			run:   peerLists,
		},
		{
			name:  "lists what is there now",
			rule:  "ListSubject in one process has what others have written until then, also if it was called before.",
			needs: SubjectIndex,
			run:   func(t *tester) { t.peerFinds(viewList()) },
		},
		{
			name:  "scans what is there now",
			rule:  "Scan in one process has what others have written until then, also if it was called before.",
			needs: Scanner,
			run:   func(t *tester) { t.peerFinds(viewScan()) },
		},
		{
			name:  "deletes what is there now",
			rule:  "DeleteSubject in one process deletes what others have written until then, also if it has listed or deleted the subject before.",
			needs: SubjectIndex,
			run:   peerDeletes,
		},
	}
}

func peerSeesTouch(t *tester) {
	id, r := createdForPeer(t)
	expires := r.Expires.Add(time.Hour)
	t.touch(id, r.Version, expires)
	got := t.loadPeer(id)
	t.compareExpires(got, expires)
	t.touch(id, got.Version, r.Expires)
	got.Version = t.load(id).Version // the fallback of Touch changes it
	err := sessionstore.Touch(t.Context(), t.peer, id, got.Version, expires)
	t.want(nil, err, "Touch by the peer to the expiry that it has seen, and that another has moved since")
	t.wantExpires(id, expires)
}

func peerWrites(t *tester) {
	id, first := createdForPeer(t)
	// What the peer has seen deleted, or written itself, is there no more.
	t.remove(id)
	ctx := t.Context()
	t.want(sessionstore.ErrNotFound, t.peer.Update(ctx, id, first.Version, t.record()), "Update by the peer of what was deleted")
	t.want(sessionstore.ErrNotFound, sessionstore.Touch(ctx, t.peer, id, first.Version, inAnHour()),
		"Touch by the peer of what was deleted")
	anew := t.record()
	t.want(nil, t.peer.Create(ctx, id, anew), "Create by the peer of what was deleted")
	t.wantLive(id, anew.Version) // to who has deleted it
	t.remove(id)
	again := t.record()
	t.want(nil, t.peer.Create(ctx, id, again), "Create by the peer of what it has created before and another has deleted")
	next := t.record()
	t.update(id, again.Version, next)
	t.want(sessionstore.ErrConflict, t.peer.Update(ctx, id, again.Version, t.record()), "Update by the peer of what another has updated")
	err := sessionstore.Touch(ctx, t.peer, id, next.Version, again.Expires.Add(time.Hour))
	t.want(nil, err, "Touch by the peer with the version of another")
	next.Version = t.load(id).Version // the fallback of Touch changes it
	last := again                     // all but the version is what the peer has written before
	last.Version = t.version()
	t.want(nil, t.peer.Update(ctx, id, next.Version, last), "Update by the peer with the version of another")
	t.wantWritten(id, last, next.Subject)
	t.want(nil, t.peer.Delete(ctx, id), "Delete by the peer")
	t.create(id, t.record())
	t.want(sessionstore.ErrExists, t.peer.Create(ctx, id, t.record()), "Create by the peer over what another has created")
	t.want(nil, t.peer.Delete(ctx, id), "Delete by the peer of what it has deleted before and another has created")
	t.wantGone(id)
}

// peerFinds has the peer look after every write of another.
func (t *tester) peerFinds(v view) {
	t.Helper()
	t.needsHook(t.Peer != nil, "Peer")
	subject := newSubject()
	look := func(when string, ids ...string) {
		t.Helper()
		got := make(map[string]sessionstore.Record)
		for _, e := range t.peerHas(v, subject) {
			got[e.ID] = e.Record
		}
		for _, id := range ids {
			if r, want := got[id], t.load(id); !sameRecord(r, want) {
				t.Errorf("after %s, %s by the peer has version %s until %v of a record, Load returns %s until %v",
					when, v.method, name(r.Version), r.Expires, name(want.Version), want.Expires)
			}
		}
		if len(got) != len(ids) {
			t.Errorf("after %s, %s by the peer has %d records, want %d", when, v.method, len(got), len(ids))
		}
	}
	look("nothing")
	one := t.createdFor(subject, 1)[0]
	look("Create", one)
	two := t.createdForNobody()
	t.give(two, subject)
	look("Update to the subject", one, two)
	t.give(one, subject)
	look("Update", one, two)
	t.touch(two, t.load(two).Version, inAnHour().Add(time.Hour))
	look("Touch", one, two)
	t.give(two, "")
	look("Update to nobody", one)
	t.remove(one)
	look("Delete")
	r := t.record()
	r.Subject = subject
	t.create(one, r)
	look("Create of what was deleted", one)
	if t.has(SubjectIndex) {
		t.wantDeleted(subject, 1)
		look("DeleteSubject")
	}
}

// peerHas returns what the peer finds of a subject.
func (t *tester) peerHas(v view, subject string) []sessionstore.Entry {
	t.Helper()
	if v.needs == SubjectIndex {
		list, err := sessionstore.ListSubject(t.Context(), t.peer, subject)
		t.want(nil, err, "ListSubject by the peer")
		return list
	}
	var found []sessionstore.Entry
	for e, err := range sessionstore.Scan(t.Context(), t.peer) {
		if e.Record.Subject == subject && err == nil {
			found = append(found, e)
		}
		t.want(nil, unless(err, sessionstore.ErrCorrupt), "Scan by the peer")
	}
	return found
}

func peerDeletes(t *tester) {
	t.needsHook(t.Peer != nil, "Peer")
	subject := newSubject()
	for n := range 3 {
		ids := append(t.createdFor(subject, n), t.createdForNobody())
		t.give(ids[n], subject)
		gone := t.createdFor(subject, 1)[0]
		t.peerHas(viewList(), subject)
		t.give(gone, newSubject())
		late := t.createdFor(subject, 1)[0]
		got, err := sessionstore.DeleteSubject(t.Context(), t.peer, subject)
		t.want(nil, err, "DeleteSubject by the peer")
		if want := len(ids) + 1; got != want {
			t.Fatalf("DeleteSubject by the peer deletes %d records, want %d", got, want)
		}
		for _, id := range append(ids, late) {
			t.wantGone(id)
		}
		t.load(gone)
	}
}

// loadPeer loads by way of the peer.
func (t *tester) loadPeer(id string) sessionstore.Record {
	t.Helper()
	r, err := t.peer.Load(t.Context(), id)
	t.want(nil, err, "Load by the peer")
	return r
}

// createdForPeer returns a new record that the peer has seen.
func createdForPeer(t *tester) (string, sessionstore.Record) {
	t.Helper()
	t.needsHook(t.Peer != nil, "Peer")
	id, r := t.created()
	if got := t.loadPeer(id); got.Version != r.Version {
		t.Fatalf("the peer loads version %d, want %d", got.Version, r.Version)
	}
	return id, r
}

func peerCreate(t *tester) {
	t.needsHook(t.Peer != nil, "Peer")
	id := t.newID()
	_, err := t.peer.Load(t.Context(), id)
	t.want(sessionstore.ErrNotFound, err, "Load by the peer before Create")
	r := t.record()
	t.create(id, r)
	if got := t.loadPeer(id); got.Version != r.Version || !bytes.Equal(got.Data, r.Data) {
		t.Fatalf("the peer loads version %d with %q, want %d with %q", got.Version, got.Data, r.Version, r.Data)
	}
}

func peerUpdate(t *tester) {
	id, old := createdForPeer(t)
	r := t.record()
	t.update(id, old.Version, r)
	if got := t.loadPeer(id); got.Version != r.Version || !bytes.Equal(got.Data, r.Data) {
		t.Fatalf("the peer loads version %d with %q, want %d with %q", got.Version, got.Data, r.Version, r.Data)
	}
}

func peerDelete(t *tester) {
	id, _ := createdForPeer(t)
	t.remove(id)
	_, err := t.peer.Load(t.Context(), id)
	t.want(sessionstore.ErrNotFound, err, "Load by the peer after Delete")
}

func peerConflict(t *tester) {
	id, old := createdForPeer(t)
	t.update(id, old.Version, t.record())
	err := t.peer.Update(t.Context(), id, old.Version, t.record())
	t.want(sessionstore.ErrConflict, err, "Update by the peer with the version from before")
}

func peerTouch(t *tester) {
	id, old := createdForPeer(t)
	r := t.record()
	t.update(id, old.Version, r)
	err := sessionstore.Touch(t.Context(), t.peer, id, old.Version, r.Expires.Add(time.Hour))
	t.want(sessionstore.ErrConflict, err, "Touch by the peer with the version from before")
	t.wantExpires(id, r.Expires)
}

func peerLists(t *tester) {
	t.needsHook(t.Peer != nil, "Peer")
	id, r := t.created()
	entries, err := sessionstore.ListSubject(t.Context(), t.peer, r.Subject)
	t.want(nil, err, "ListSubject by the peer")
	if len(entries) != 1 || entries[0].ID != id {
		t.Fatalf("the peer lists %d records, want the one that was created", len(entries))
	}
}

func peerSubjectEnds(t *tester) {
	id, r := createdForPeer(t)
	t.wantDeleted(r.Subject, 1)
	_, err := t.peer.Load(t.Context(), id)
	t.want(sessionstore.ErrNotFound, err, "Load by the peer after DeleteSubject")
	err = t.peer.Update(t.Context(), id, r.Version, t.record())
	t.want(sessionstore.ErrNotFound, err, "Update by the peer after DeleteSubject")
	err = sessionstore.Touch(t.Context(), t.peer, id, r.Version, inAnHour())
	t.want(sessionstore.ErrNotFound, err, "Touch by the peer after DeleteSubject")
}

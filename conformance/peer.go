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
			name:  "lists what was created",
			rule:  "ListSubject is complete across processes.",
			needs: Subjects,
			run:   peerLists,
		},
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

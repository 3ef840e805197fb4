package conformance

import (
	"bytes"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

func createCases() []testCase {
	return []testCase{
		{
			name: "refuses a live record",
			rule: "If a live record is there, Create returns ErrExists.",
			run:  createRefusesLive,
		},
		{
			name: "leaves a live record alone",
			rule: "ErrExists says that nothing was written.",
			run:  createLeavesLive,
		},
		{
			name: "succeeds again",
			rule: "Create reports success if the live record has r.Version: this very write has been made before.",
			run:  createAgain,
		},
		{
			name: "replaces an expired record",
			rule: "An expired record is replaced, and nothing of it is left.",
			run:  createOverExpired,
		},
		{
			name: "writes again what has expired",
			rule: "Only a live record makes Create report success without writing: the same version is written again once it has expired, and listed.",
			run:  createExpiredAgain,
		},
		{
			name: "after delete",
			rule: "A record that was deleted, alone, with its subject or with all, is no obstacle to a later Create under the same id, and nothing of it comes back.",
			run:  createAfterDelete,
		},
	}
}

func createRefusesLive(t *tester) {
	id, r := t.created()
	err := t.store.Create(t.Context(), id, t.record())
	t.want(sessionstore.ErrExists, err, "Create over a live record")
	r.Version = t.version()
	t.want(sessionstore.ErrExists, t.store.Create(t.Context(), id, r), "Create over a live record that differs in its version alone")
}

func createLeavesLive(t *tester) {
	id, _ := t.created()
	before := t.load(id)
	_ = t.store.Create(t.Context(), id, t.record()) // another case checks that it fails
	if got := t.load(id); !sameRecord(got, before) {
		t.Fatalf("after a refused Create the record is another: version %d, was %d", got.Version, before.Version)
	}
}

func createAgain(t *tester) {
	id, r := t.created()
	t.want(nil, t.store.Create(t.Context(), id, r), "Create with the version that is stored")
	t.wantLive(id, r.Version)
}

func createOverExpired(t *tester) {
	shorter := t.shorter()
	longer := func(r *sessionstore.Record, _ int) { r.Subject, r.Data = "", randomBytes(t.largeSize()) }
	for i, of := range t.plantExpiredOf(len(shorter), longer) {
		t.want(nil, t.store.Create(t.Context(), of.ID, shorter[i]), "Create over an expired record")
		t.wantStored(of.ID, shorter[i])
	}
}

// shorter returns records of which less is left each time.
func (t *tester) shorter() []sessionstore.Record {
	all := []sessionstore.Record{t.record(), t.record(), t.record(), t.record()}
	all[1].Data = all[1].Data[:1]
	all[2].Data = nil
	all[3].Data, all[3].Subject = nil, ""
	return all
}

// wantStored fails the case unless nothing but r is stored under id.
func (t *tester) wantStored(id string, r sessionstore.Record) {
	t.Helper()
	got := t.load(id)
	if got.Version != r.Version || !bytes.Equal(got.Data, r.Data) || got.Subject != r.Subject {
		t.Fatalf("read version %s of %s with %d bytes, want %s of %s with %d", name(got.Version), whose(got.Subject), len(got.Data),
			name(r.Version), whose(r.Subject), len(r.Data))
	}
}

func createExpiredAgain(t *tester) {
	id, r := t.expired()
	r.Expires = inAnHour()
	t.want(nil, t.store.Create(t.Context(), id, r), "Create with the version of the expired record")
	t.wantWritten(id, r, "")
}

// createAfterDelete has long records end in each way in which records are deleted.
func createAfterDelete(t *tester) {
	t = t.alone()
	ends := map[string]func(id, subject string){"Delete": func(id, _ string) { t.remove(id) }}
	if t.has(SubjectIndex) {
		ends["DeleteSubject"] = func(_, subject string) { t.wantDeleted(subject, 1) }
	}
	if t.has(AllDeleter) && t.Isolated != nil {
		ends["DeleteAll"] = func(string, string) { t.wantAllDeleted(1) }
	}
	for _, r := range t.shorter() {
		for how, end := range ends {
			id, longer := t.newID(), t.record()
			longer.Data = randomBytes(t.largeBeside())
			t.create(id, longer)
			end(id, longer.Subject)
			t.want(nil, t.store.Create(t.Context(), id, r), "Create after "+how)
			t.wantStored(id, r)
			t.remove(id) // DeleteAll counts what is there
		}
	}
}

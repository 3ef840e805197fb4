package conformance

import (
	"strings"
	"time"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

func idCases() []testCase {
	cases := []testCase{
		{
			name: "edges of the alphabet",
			rule: "An id is any 43 characters of A–Z a–z 0–9 - _, also at its start and end.",
			run:  idEdges,
		},
		{
			name: "differ in case",
			rule: "Ids that differ only in upper and lower case are different, to each method.",
			run:  idCaseMatters,
		},
		{
			name: "differ in one character",
			rule: "Ids that differ in one character are different, wherever it is, to each method, and none is a pattern.",
			run:  idEveryCharacter,
		},
	}
	cases = append(cases,
		testCase{
			name: "digits alone",
			rule: "Ids are text, also those that look like numbers: ids of digits are different if one digit is, to each method.",
			run:  idDigits,
		},
		testCase{
			name: "the same elsewhere",
			rule: "No method reads or changes what is outside of the store's own namespace, also under the same id and of the same version.",
			run:  idElsewhere,
		})
	for _, m := range methods() {
		if m.byID {
			cases = append(cases, testCase{
				name: m.name + " refuses others",
				rule: "Given any other id, " + m.name + " returns ErrInvalid.",
				run:  func(t *tester) { idRefused(t, m) },
			})
		}
	}
	return append(cases, testCase{
		name: "others touch nothing",
		rule: "A method given any other id touches nothing, whatever the id resembles.",
		run:  idTouchesNothing,
	})
}

func idEdges(t *tester) {
	for _, edge := range []string{"A", "Z", "a", "z", "0", "9", "-", "_", "----", "____", "-_-"} {
		for _, id := range []string{edge + t.newID()[len(edge):], t.newID()[len(edge):] + edge} {
			r := t.record()
			t.want(nil, t.store.Create(t.Context(), t.discard(id), r), "Create under an id with "+edge+" at its edge")
			t.wantLive(id, r.Version)
			t.remove(id)
			t.wantGone(id)
		}
	}
}

func idCaseMatters(t *tester) {
	upper := strings.ToUpper(t.newID()[:40]) + "ABC"
	wantDifferent(t, upper, strings.ToLower(upper))
}

func idEveryCharacter(t *tester) {
	id := t.newID()
	ids := []string{id}
	for i := range len(id) {
		other := "0" // so that they differ in more than upper and lower case
		if id[i] == '0' {
			other = "1"
		}
		ids = append(ids, id[:i]+other+id[i+1:])
	}
	wantDifferent(t, ids...)
	pattern := []byte(id) // in which _ is no wildcard
	for i := 0; i < len(pattern); i += 3 {
		pattern[i] = '_'
	}
	if string(pattern) != id {
		wantDifferent(t, string(pattern), id)
	}
}

func idDigits(t *tester) {
	id := (newNumber() + newNumber() + newNumber())[:sessionstore.IDLen]
	last := id[:len(id)-1]
	wantDifferent(t, last+"0", last+"1", "0"+id[1:], "00"+id[2:], id[:1]+"e"+id[2:], id[:1]+"e0"+id[3:], "0x"+id[2:], "-"+id[1:])
}

// idElsewhere has two records that differ in all but id and version.
func idElsewhere(t *tester) {
	t, other := t.isolated(), t.isolated()
	id, r := t.newID(), t.record()
	theirs := other.record()
	theirs.Version, theirs.Expires = r.Version, theirs.Expires.Add(time.Hour)
	other.create(other.discard(id), theirs)
	was := other.load(id)
	t.wantGone(id)
	t.want(sessionstore.ErrNotFound, t.store.Update(t.Context(), id, r.Version, t.record()), "Update of what is in another namespace")
	err := sessionstore.Touch(t.Context(), t.store, id, r.Version, inAnHour())
	t.want(sessionstore.ErrNotFound, err, "Touch of what is in another namespace")
	t.want(nil, t.store.Create(t.Context(), id, r), "Create of what is in another namespace")
	other.wantUnchanged(id, was, "Create in another namespace")
	t.touch(id, r.Version, r.Expires.Add(time.Minute))
	other.wantUnchanged(id, was, "Touch in another namespace")
	t.update(id, t.load(id).Version, t.record()) // the fallback of Touch changes it
	other.wantUnchanged(id, was, "Update in another namespace")
	t.remove(id)
	other.wantUnchanged(id, was, "Delete in another namespace")
	t.wantGone(id)
}

// wantDifferent fails the case unless each id has a record of its own.
func wantDifferent(t *tester, ids ...string) {
	t.Helper()
	versions, subject := make(map[string]sessionstore.Version, len(ids)), newSubject()
	first := t.recordOf(subject)
	for _, id := range ids {
		r := t.record()
		r.Subject, r.Expires = subject, first.Expires
		versions[t.discard(id)] = r.Version
		if err := t.store.Create(t.Context(), id, r); err != nil {
			t.Fatalf("Create under an id that resembles another: %v", err)
		}
	}
	for id, v := range versions {
		t.wantLive(id, v)
	}
	if t.has(SubjectIndex) {
		t.wantList(subject, ids...)
	}
	if t.has(Scanner) && t.Isolated != nil {
		on := t.isolated()
		few := ids[max(0, len(ids)-4):]
		for _, id := range few {
			on.create(on.discard(id), on.record())
		}
		on.wantScanned(few...)
	}
	t.touch(ids[0], versions[ids[0]], first.Expires.Add(day))
	t.update(ids[0], t.load(ids[0]).Version, t.record()) // the fallback of Touch changes it
	for _, id := range ids[1:] {
		t.wantLive(id, versions[id])
		t.wantExpires(id, first.Expires)
	}
	t.remove(ids[0])
	for _, id := range ids[1:] {
		t.wantLive(id, versions[id])
	}
}

// otherIDs returns what a store has to refuse, made to resemble id.
func otherIDs(id string) map[string]string {
	return map[string]string{
		"empty":             "",
		"one short":         id[:len(id)-1],
		"one long":          id + "A",
		"very long":         strings.Repeat(id, 100),
		"space before":      " " + id[1:],
		"space added":       id + " ",
		"newline added":     id + "\n",
		"NUL at the end":    id[:len(id)-1] + "\x00",
		"NUL added":         id + "\x00",
		"parent folder":     "../" + id[3:],
		"path added":        id + "/../" + id,
		"slash":             id[:20] + "/" + id[21:],
		"backslash":         id[:20] + `\` + id[21:],
		"dot":               "." + id[1:],
		"colon":             id[:20] + ":" + id[21:],
		"wildcard":          id[:len(id)-1] + "*",
		"percent":           id[:len(id)-1] + "%",
		"plain base64":      id[:20] + "+" + id[21:],
		"padding":           id[:len(id)-1] + "=",
		"padding added":     id + "=",
		"quote":             id[:20] + "'" + id[21:],
		"line break within": id[:20] + "\r\n" + id[22:],
		"not ASCII":         id[:len(id)-2] + "é",
		"not UTF-8":         id[:len(id)-1] + "\xff",
	}
}

func idRefused(t *tester, m method) {
	r := t.record()
	for what, id := range otherIDs(t.newID()) {
		t.want(sessionstore.ErrInvalid, m.call(t.Context(), t.store, id, r), m.name+" with id: "+what)
	}
}

func idTouchesNothing(t *tester) {
	id, _ := t.created()
	before := t.load(id)
	for what, other := range otherIDs(id) {
		for _, m := range methods() {
			if !m.byID {
				continue
			}
			r := t.record()
			r.Version = before.Version + 1             // Update is called with the version before
			_ = m.call(t.Context(), t.store, other, r) // other cases check that it fails
			if got, err := t.store.Load(t.Context(), id); err != nil || !sameRecord(got, before) {
				t.Fatalf("after %s with another id (%s) the record is version %d until %v (error %v), was %d until %v",
					m.name, what, got.Version, got.Expires, err, before.Version, before.Expires)
			}
		}
	}
}

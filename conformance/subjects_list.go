package conformance

import (
	"strings"
	"time"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

func subjectListCases() []testCase {
	return withNeeds(SubjectIndex, []testCase{
		{
			name: "lists the live records",
			rule: "ListSubject returns the live records of a subject with what is stored in them.",
			run:  listRecords,
		},
		{
			name: "lists each once",
			rule: "ListSubject returns each record once, however often it was written, and two that are equal in all but the id twice.",
			run:  listOnce,
		},
		{
			name: "lists what it was given by update",
			rule: "ListSubject is complete: a record that Update has given to the subject, from another or from nobody, is in the list.",
			run:  listUpdated,
		},
		{
			name: "lists what was prolonged",
			rule: "A record that Touch has prolonged is in the list past its old expiry.",
			run:  listTouched,
		},
		{
			name: "not what was deleted",
			rule: "A record that was deleted is not in the list.",
			run:  listDeleted,
		},
		{
			name: "not what has expired",
			rule: "A record that has expired is not in the list, and takes no other with it.",
			run:  listExpired,
		},
		{
			name: "not what was given away",
			rule: "A record that Update has given to another subject, or to nobody, is not in the list.",
			run:  listGivenAway,
		},
		{
			name: "not what was replaced after expiry",
			rule: "An expired record that was replaced by one of another subject is not in the list.",
			run:  listReplaced,
		},
		{
			name: "not other subjects",
			rule: "ListSubject returns records of that subject only: subjects are compared byte for byte.",
			run:  listForeign,
		},
		{
			name: "not other namespaces",
			rule: "ListSubject returns records of the store's own namespace only.",
			run:  listNamespaces,
		},
		{
			name: "longest subject",
			rule: "The longest subject is found as any other.",
			run:  listLongest,
		},
		{
			name: "unknown subject",
			rule: "A subject without records has an empty list.",
			run:  func(t *tester) { t.wantList(newSubject()) },
		},
		{
			name: "refused subject",
			rule: "A subject that CheckSubject refuses gives ErrInvalid from ListSubject.",
			run: func(t *tester) {
				for what, subject := range refusedSubjects() {
					_, err := sessionstore.ListSubject(t.Context(), t.store, subject)
					t.want(sessionstore.ErrInvalid, err, "ListSubject of "+what)
				}
			},
		},
	})
}

// refusedSubjects returns what CheckSubject refuses, by what it is.
func refusedSubjects() map[string]string {
	return map[string]string{
		"nobody":                     "",
		"a subject of 256 bytes":     longestSubject() + "x",
		"one in fewer letters":       tooLongSubject(),
		"a subject with NUL":         newSubject() + "\x00",
		"a subject that isn't UTF-8": newSubject() + "\xc3",
		"half a surrogate pair":      newSubject() + surrogate,
	}
}

func withNeeds(c Capability, cases []testCase) []testCase {
	for i := range cases {
		cases[i].needs = c
	}
	return cases
}

// createdFor returns the ids of n new records of one subject.
func (t *tester) createdFor(subject string, n int) []string {
	t.Helper()
	ids := make([]string, n)
	for i := range ids {
		r := t.record()
		r.Subject = subject
		ids[i] = t.newID()
		t.create(ids[i], r)
	}
	return ids
}

func (t *tester) list(subject string) []sessionstore.Entry {
	t.Helper()
	entries, err := sessionstore.ListSubject(t.Context(), t.store, subject)
	t.want(nil, err, "ListSubject")
	for _, e := range entries {
		if e.Record.Subject != subject {
			t.Errorf("the list of %s has a record with the subject %s", whose(subject), whose(e.Record.Subject))
			break
		}
	}
	return entries
}

// wantList fails the case unless the subject's list holds exactly these ids,
// each once.
func (t *tester) wantList(subject string, ids ...string) {
	t.Helper()
	count := make(map[string]int, len(ids))
	for _, e := range t.list(subject) {
		count[e.ID]++
	}
	t.wantOnce("the list of "+whose(subject), count, ids)
}

func listRecords(t *tester) {
	id, r := t.created()
	t.createdFor(r.Subject, 2)
	stored := t.load(id)
	for _, e := range t.list(r.Subject) {
		if e.ID == id && !sameRecord(e.Record, stored) {
			t.Fatalf("the list holds version %d with %q until %v, Load returns %d with %q until %v",
				e.Record.Version, e.Record.Data, e.Record.Expires, stored.Version, stored.Data, stored.Expires)
		}
	}
}

func listOnce(t *tester) {
	id, r := t.created()
	for range 3 {
		old := t.load(id).Version // the fallback of Touch changes it
		r.Version = t.version()
		t.update(id, old, r)
		t.touch(id, r.Version, r.Expires.Add(time.Minute))
	}
	t.wantList(r.Subject, id)
	other := t.newID()
	t.create(other, r)
	t.wantList(r.Subject, id, other)
}

func listUpdated(t *tester) {
	somebodys, _ := t.created()
	for _, id := range []string{t.createdForNobody(), somebodys} {
		t.wantList(t.give(id, newSubject()).Subject, id)
	}
}

func listTouched(t *tester) {
	id, r := t.dying(func(id string, r sessionstore.Record) error {
		return sessionstore.Touch(t.Context(), t.store, id, r.Version, inAnHour())
	})
	t.waitExpired(r.Expires)
	t.wantList(r.Subject, id)
}

func listDeleted(t *tester) {
	subject := newSubject()
	ids := t.createdFor(subject, 2)
	t.remove(ids[0])
	t.wantList(subject, ids[1])
}

// listExpired has a live record from before one that expires, in each way in which a
// write brings a short life into the list, and one from after it.
func listExpired(t *tester) {
	type pair struct{ how, subject, live string }
	var pairs []pair
	expires := t.soon(func(expires time.Time) error {
		pairs = nil
		for i := range 1 + len(moves()) {
			subject := newSubject()
			how := "Create has set"
			if i > 0 {
				how = moves()[i-1].how
			}
			pairs = append(pairs, pair{how, subject, t.createdFor(subject, 1)[0]})
			id, r := t.newID(), t.record()
			r.Subject = subject
			if i == 0 {
				r.Expires = expires
			}
			err := t.store.Create(t.Context(), id, r)
			if err == nil && i > 0 {
				_, err = moves()[i-1].make(t, id, r, expires)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
	t.waitExpired(expires)
	for _, p := range pairs {
		when := "with another record of the subject, whose expiry " + p.how + ", " + t.past(expires)
		viewList().want(t, p.subject, when, p.live)
		viewList().want(t, p.subject, when, p.live, t.createdFor(p.subject, 1)[0])
	}
}

func listGivenAway(t *tester) {
	for _, to := range []string{newSubject(), ""} {
		id, r := t.created()
		next := t.record()
		next.Subject = to
		t.update(id, r.Version, next)
		t.wantList(r.Subject)
	}
}

func listReplaced(t *tester) {
	id, former := t.expired()
	r := t.record()
	t.create(id, r)
	t.wantList(former.Subject)
	t.wantList(r.Subject, id)
}

// similarSubjects returns a subject, and others that a database may take for it: by its
// collation, as a pattern, or because it looks at a part.
func similarSubjects() (subject string, others []string) {
	subject = "Straße à Genève/" + newSubject()
	return subject, []string{
		subject + "x",
		subject + " ",
		" " + subject,
		subject[:len(subject)-1],
		subject[:len(subject)-1] + "%",
		subject[:len(subject)-1] + "_",
		subject[:len(subject)-1] + "*",
		strings.ToUpper(subject),
		strings.ToLower(subject),
		strings.ReplaceAll(subject, "ß", "ss"),
		strings.ReplaceAll(subject, "è", "e"),
		strings.ReplaceAll(subject, "à", "a\u0300"), // the same letter in two code points
	}
}

func listForeign(t *tester) {
	subject, others := similarSubjects()
	ids := t.createdFor(subject, 1)
	for _, other := range others {
		t.wantList(other)
		t.createdFor(other, 1)
	}
	t.wantList(subject, ids...)
}

func listNamespaces(t *tester) {
	t.apart(func(one, other *tester) {
		subject := newSubject()
		other.createdFor(subject, 1)
		one.wantList(subject)
		one.wantList(subject, one.createdFor(subject, 1)...)
	})
}

func listLongest(t *tester) {
	for _, subject := range longestSubjects() {
		t.wantList(subject, t.createdFor(subject, 1)...)
		t.wantList(strings.TrimSuffix(strings.TrimSuffix(subject, "é"), "x"))
	}
}

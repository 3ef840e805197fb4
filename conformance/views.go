package conformance

import (
	"errors"
	"slices"
	"time"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// A view is a way to find records without their ids. What holds for one holds for the
// other.
type view struct {
	method string
	verb   string // what it does with a record
	needs  Capability
	space  func(t *tester) *tester // where it can be used
	find   func(t *tester, subject string) []sessionstore.Entry
}

func viewList() view {
	return view{
		method: "ListSubject", verb: "lists", needs: SubjectIndex,
		space: func(t *tester) *tester { return t },
		find: func(t *tester, subject string) []sessionstore.Entry {
			t.Helper()
			return t.list(subject)
		},
	}
}

// viewScan takes those of a subject from all.
func viewScan() view {
	return view{
		method: "Scan", verb: "yields", needs: Scanner,
		space: func(t *tester) *tester { t.Helper(); return t.isolated() },
		find: func(t *tester, subject string) []sessionstore.Entry {
			t.Helper()
			var found []sessionstore.Entry
			for e, err := range sessionstore.Scan(t.Context(), t.store) {
				t.want(nil, err, "Scan")
				if e.Record.Subject == subject {
					found = append(found, e)
				}
			}
			return found
		},
	}
}

func viewCases(v view) []testCase {
	return withNeeds(v.needs, []testCase{
		{
			name: v.verb + " what is there now",
			rule: v.method + " returns a record as Load does, whatever has happened to it: data, version, subject, and expiry in UTC.",
			run:  v.shown,
		},
		{
			name: v.verb + " what was given away and back",
			rule: v.method + " is complete and returns each record once: also one that Update has given to others and back.",
			run:  v.givenBack,
		},
		{
			name: v.verb + " what was created anew",
			rule: v.method + " is complete and returns each record once: also one that was created in place of one that had expired or was deleted.",
			run:  v.createdAnew,
		},
		{
			name: v.verb + " nothing that was refused",
			rule: "What Create, Update and Touch refuse, for whatever reason, or report as done before, changes nothing in what " + v.method + " returns, nor later, and gives a record to nobody.",
			run:  v.refused,
		},
		{
			name: v.verb + " large records",
			rule: v.method + " is complete, however many bytes its records have together: each is there as Load returns it.",
			run:  v.large,
		},
		{
			name: v.verb + " what is being written",
			rule: v.method + " is complete: a record that is updated, touched and refused to others meanwhile is there, once, as it was at one moment.",
			run:  v.beingWritten,
		},
		{
			name: v.verb + " what is given to and fro",
			rule: v.method + " is complete: when several clients have given a record to others and back at the same time, it is found with the subject that it has now, and no other.",
			run:  v.toAndFro,
		},
	})
}

// want fails the case unless the view has exactly these records of a subject, each once.
func (v view) want(t *tester, subject, when string, ids ...string) {
	t.Helper()
	count := make(map[string]int, len(ids))
	for _, e := range v.find(t, subject) {
		count[e.ID]++
	}
	t.wantOnce(when+", what "+v.method+" returns of "+whose(subject), count, ids)
}

// wantAsLoaded fails the case if what the view has of a record is not what Load returns.
func (v view) wantAsLoaded(t *tester, id, when string) {
	t.Helper()
	r := t.load(id)
	found := false
	for _, e := range v.find(t, r.Subject) {
		if e.ID != id {
			continue
		}
		found = true
		if got := e.Record; !sameRecord(got, r) || got.Expires.Location() != time.UTC {
			t.Errorf("%s, %s has version %s of %s with %.20q until %v, Load returns %s of %s with %.20q until %v", when, v.method,
				name(got.Version), whose(got.Subject), got.Data, got.Expires, name(r.Version), whose(r.Subject), r.Data, r.Expires)
		}
	}
	if !found {
		t.Errorf("%s, %s does not have the record, version %d of %s", when, v.method, r.Version, whose(r.Subject))
	}
}

// give has Update give the record under id to a subject.
func (t *tester) give(id, subject string) sessionstore.Record {
	t.Helper()
	old := t.load(id).Version
	r := t.record()
	r.Subject = subject
	t.update(id, old, r)
	return r
}

func (v view) shown(t *tester) {
	t = v.space(t)
	id, r := t.created()
	v.wantAsLoaded(t, id, "after Create")
	t.give(id, r.Subject)
	v.wantAsLoaded(t, id, "after Update")
	t.touch(id, t.load(id).Version, r.Expires.Add(time.Hour))
	v.wantAsLoaded(t, id, "after Update and Touch")
	t.touch(id, t.load(id).Version, r.Expires.Add(-10*time.Minute))
	v.wantAsLoaded(t, id, "after a second Touch")
	t.give(id, newSubject())
	v.wantAsLoaded(t, id, "after Update has given it away")
	r = t.give(id, r.Subject)
	v.wantAsLoaded(t, id, "after Update has given it back")
	empty := t.record()
	empty.Subject, empty.Data = r.Subject, nil
	t.update(id, r.Version, empty)
	v.want(t, r.Subject, "after Update to empty data", id)
	v.wantAsLoaded(t, id, "after Update to empty data")
	for _, size := range []int{5000, 10, 5000} { // what is kept in another way if it is long
		old := t.load(id).Version
		next := t.recordOf(r.Subject)
		if t.MaxData > 0 {
			size = min(size, t.MaxData)
		}
		next.Data = randomBytes(size)
		t.update(id, old, next)
		v.wantAsLoaded(t, id, "after Update to longer or shorter data")
	}
	t.remove(id)
	for _, version := range []sessionstore.Version{1<<64 - 1, 1<<53 + 1, 1<<63 + 1} {
		next := t.record()
		next.Subject, next.Version, next.Data = r.Subject, version, []byte("\x00 odd\r\n\xff\x00")
		next.Expires = next.Expires.Add(123_456_789)
		t.create(id, next)
		v.wantAsLoaded(t, id, "after Delete and Create")
		t.remove(id)
	}
	id, former := t.expired()
	_ = v.find(t, former.Subject)
	next := t.record()
	next.Subject = former.Subject
	t.create(id, next)
	v.wantAsLoaded(t, id, "after Create over an expired record")
}

// givenBack looks at the lists in between for one record and not for the other: what a
// list tidies when it is read must not be missed later.
func (v view) givenBack(t *tester) {
	t = v.space(t)
	for _, look := range []bool{false, true} {
		for _, others := range [][]string{{newSubject()}, {""}, {newSubject(), ""}, {"", newSubject(), newSubject()}} {
			id, r := t.created()
			for _, subject := range slices.Concat(others, []string{r.Subject}, others, []string{r.Subject}) {
				t.give(id, subject)
				if look && subject != "" {
					v.want(t, subject, "given", id)
				}
			}
			v.want(t, r.Subject, "given away and back", id)
			for _, subject := range others {
				if subject != "" {
					v.want(t, subject, "given back")
				}
			}
		}
	}
}

// createdAnew has every way from one subject to another, with nobody among them.
func (v view) createdAnew(t *tester) {
	t = v.space(t)
	one, other := newSubject(), newSubject()
	ways := [][2]string{{one, one}, {one, other}, {"", one}, {one, ""}}
	var ids []string
	expires := t.soon(func(expires time.Time) error {
		ids = nil
		for _, w := range ways {
			r := t.record()
			r.Subject, r.Expires = w[0], expires
			id := t.newID()
			if err := t.store.Create(t.Context(), id, r); err != nil {
				return err
			}
			ids = append(ids, id)
		}
		return nil
	})
	deleted := make([]string, len(ways))
	for i, w := range ways {
		r := t.record()
		r.Subject = w[0]
		deleted[i] = t.newID()
		t.create(deleted[i], r)
		t.remove(deleted[i])
	}
	t.waitExpired(expires)
	want := map[string][]string{one: nil, other: nil}
	for i, w := range ways {
		for _, id := range []string{ids[i], deleted[i]} {
			r := t.record()
			r.Subject = w[1]
			t.create(id, r)
			want[w[1]] = append(want[w[1]], id)
		}
	}
	delete(want, "")
	for range 2 { // what the first look tidies must not be missed by the second
		for subject, ids := range want {
			v.want(t, subject, "created anew", ids...)
		}
	}
}

func (v view) refused(t *tester) {
	t = v.space(t)
	id, r := t.created()
	other := newSubject()
	write := func(subject string) sessionstore.Record {
		w := t.record()
		w.Subject = subject
		return w
	}
	for _, subject := range []string{other, "", r.Subject} {
		_ = t.store.Create(t.Context(), id, write(subject))              // other cases check that it fails
		_ = t.store.Update(t.Context(), id, t.version(), write(subject)) // the same
		_ = t.store.Update(t.Context(), t.newID(), r.Version, write(subject))
		_ = t.store.Create(t.Context(), id, r) // and that these succeed
		_ = t.store.Update(t.Context(), id, t.version(), r)
	}
	_ = sessionstore.Touch(t.Context(), t.store, id, t.version(), inAnHour().Add(-30*time.Minute))
	spoils := []func(*sessionstore.Record){func(r *sessionstore.Record) { r.Expires = time.Now().Add(-time.Minute) }}
	if t.MaxData > 0 && v.needs != Scanner { // Harness.MaxData is not about isolated stores
		spoils = append(spoils, func(r *sessionstore.Record) { r.Data = randomBytes(t.MaxData + 1) })
	}
	for _, spoil := range spoils {
		bad := write(other)
		spoil(&bad)
		_ = t.store.Create(t.Context(), t.newID(), bad) // other cases check that these fail
		_ = t.store.Update(t.Context(), id, r.Version, bad)
	}
	v.want(t, r.Subject, "after writes that were refused", id)
	v.want(t, other, "after writes that were refused")
	v.wantAsLoaded(t, id, "after writes that were refused")
	if v.needs == SubjectIndex {
		t.wantDeleted(other, 0)
		t.wantLive(id, r.Version)
	}
	v.refusedBefore(t)
}

// refusedBefore has writes refused because nothing is there, or what is there has expired, and
// then creates a record of another subject.
func (v view) refusedBefore(t *tester) {
	t.Helper()
	other := newSubject()
	expired, former := t.expired()
	for _, id := range []string{t.newID(), expired} {
		_ = t.store.Update(t.Context(), id, former.Version, t.recordOf(other)) // other cases check that it fails
		r := t.record()
		t.create(id, r)
		when := "created where an Update was refused before"
		v.want(t, r.Subject, when, id)
		v.want(t, other, when)
		if v.needs == SubjectIndex {
			t.wantDeleted(other, 0)
			t.wantLive(id, r.Version)
		}
	}
}

func (v view) large(t *tester) {
	t = v.space(t)
	const together = 5 << 20 // more than what one answer of many a backend may have
	size := 256 << 10
	if t.MaxData > 0 {
		size = min(size, t.MaxData)
	}
	n := together / size
	if t.many < wholeMany {
		n = 1
	}
	subject := newSubject()
	var ids []string
	err := t.createdMany(n, func(r *sessionstore.Record) { r.Subject, r.Data = subject, randomBytes(size) }, &ids)
	if err != nil {
		t.noSetUp("Create", err)
	}
	err = sessionstore.Touch(t.Context(), t.store, ids[0], t.load(ids[0]).Version, inAnHour().Add(time.Minute))
	t.want(nil, err, "Touch of a large record")
	v.want(t, subject, "with large records", ids...)
	v.wantAsLoaded(t, ids[0], "with large records")
	if v.needs == SubjectIndex {
		t.wantDeleted(subject, len(ids))
		t.wantAllGone(ids)
	}
}

// unless returns err unless it is one of those.
func unless(err error, those ...error) error {
	for _, e := range those {
		if errors.Is(err, e) {
			return nil
		}
	}
	return err
}

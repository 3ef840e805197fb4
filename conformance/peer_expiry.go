package conformance

import (
	"cmp"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// A process that has seen a record, or written it, knows an expiry that another may have
// moved since.

func peerExpiryCases() []testCase {
	return []testCase{
		{
			name: "lets live what another has prolonged",
			rule: "A process goes by the expiry that another has put off, by Update or Touch, and not by the one that it has seen: past that, the record is live for each method.",
			run:  peerProlonged,
		},
		{
			name: "takes for dead what another has shortened",
			rule: "A process goes by the expiry that another has brought forward, by Update or Touch, and not by the one that it has seen: past that, the record is absent for each method.",
			run:  peerShortened,
		},
		{
			name: "updates what another has touched",
			rule: "An Update with the version from before another process's Touch still succeeds.",
			run:  peerUpdatesTouched,
		},
	}
}

// other returns the tester as the peer's process has it.
func (t *tester) other() *tester {
	s := *t.suite
	s.store, s.peer = t.peer, t.store
	return &tester{TB: t.TB, suite: &s, own: t.own}
}

// An inspection is a call that tells a live record from none. Each is made of a record that
// its process has not looked at since another has moved the expiry.
type inspection struct {
	name  string
	needs Capability
	want  error // past the end of a record
	call  func(t *tester, id string, r sessionstore.Record) error
}

func inspections() []inspection {
	return []inspection{
		{"Load", "", sessionstore.ErrNotFound, func(t *tester, id string, _ sessionstore.Record) error {
			_, err := t.store.Load(t.Context(), id)
			return err
		}},
		{"Update", "", sessionstore.ErrNotFound, func(t *tester, id string, r sessionstore.Record) error {
			return t.store.Update(t.Context(), id, r.Version, t.record())
		}},
		{"Touch", "", sessionstore.ErrNotFound, func(t *tester, id string, r sessionstore.Record) error {
			return sessionstore.Touch(t.Context(), t.store, id, r.Version, inAnHour())
		}},
		{"ListSubject", SubjectIndex, sessionstore.ErrNotFound, func(t *tester, _ string, r sessionstore.Record) error {
			list, err := sessionstore.ListSubject(t.Context(), t.store, r.Subject)
			if err == nil && len(list) == 0 {
				err = sessionstore.ErrNotFound
			}
			return err
		}},
		{"DeleteSubject", SubjectIndex, sessionstore.ErrNotFound, func(t *tester, _ string, r sessionstore.Record) error {
			n, err := sessionstore.DeleteSubject(t.Context(), t.store, r.Subject)
			if err == nil && n == 0 {
				err = sessionstore.ErrNotFound
			}
			return err
		}},
		{"Create", "", nil, func(t *tester, id string, _ sessionstore.Record) error {
			return t.store.Create(t.Context(), id, t.record())
		}},
	}
}

// A seen record is one that a process has seen, and whose expiry another has moved.
type seen struct {
	inspection
	move

	id     string
	record sessionstore.Record
}

// seenAndMoved returns a record for each inspection and each way to move an expiry, and the
// earlier of the two expiries.
func (t *tester) seenAndMoved(forward bool) (all []seen, earlier time.Time) {
	t.Helper()
	t.needsHook(t.Peer != nil, "Peer")
	var ways []seen
	for _, m := range moves() {
		for _, i := range inspections() {
			if i.needs == "" || t.has(i.needs) {
				ways = append(ways, seen{inspection: i, move: m})
			}
		}
	}
	earlier = t.soon(func(soon time.Time) error {
		all = slices.Clone(ways)
		errs := make([]error, len(all))
		var wg sync.WaitGroup // one after the other, they would take a busy store longer than they live
		for n := range all {
			wg.Go(func() { errs[n] = t.seeAndMove(&all[n], soon, forward) })
		}
		wg.Wait()
		return cmp.Or(errs...)
	})
	return all, earlier
}

// seeAndMove creates a record, looks at it, and has the other process move its expiry.
func (t *tester) seeAndMove(s *seen, soon time.Time, forward bool) error {
	first, then := soon, inAnHour()
	if forward {
		first, then = then, first
	}
	s.id, s.record = t.newID(), t.record()
	s.record.Expires = first
	err := t.store.Create(t.Context(), s.id, s.record)
	if err == nil {
		_, err = t.store.Load(t.Context(), s.id)
	}
	if err == nil {
		s.record, err = s.make(t.other(), s.id, s.record, then)
	}
	return err
}

// inspect fails the case unless the call of an inspection finds the record live or dead, as
// wanted.
func (t *tester) inspect(s *seen, want error, what string) {
	t.Helper()
	err := s.call(t, s.id, s.record)
	if there := err == nil; s.needs == SubjectIndex && unless(err, sessionstore.ErrNotFound) == nil && !errors.Is(err, want) {
		t.Fatalf("%s of the subject of %s: has the record: %v, want %v", s.name, what, there, !there)
	}
	t.want(want, err, s.name+" of "+what)
}

func peerProlonged(t *tester) {
	all, earlier := t.seenAndMoved(false)
	t.waitExpired(earlier)
	if t.has(Pruner) {
		_, err := sessionstore.Prune(t.Context(), t.store)
		t.want(nil, err, "Prune")
	}
	for i := range all {
		s, want := &all[i], error(nil)
		if s.want == nil {
			want = sessionstore.ErrExists
		}
		t.inspect(s, want, "a record whose expiry "+s.how+" back in another process, "+t.past(earlier))
	}
}

func peerShortened(t *tester) {
	all, earlier := t.seenAndMoved(true)
	t.waitExpired(earlier)
	for i := range all {
		s := &all[i]
		t.inspect(s, s.want, "a record whose expiry "+s.how+" forward in another process, "+t.past(earlier))
	}
}

func peerUpdatesTouched(t *tester) {
	id, r := createdForPeer(t)
	for range 2 {
		t.load(id)
		err := sessionstore.Touch(t.Context(), t.peer, id, r.Version, r.Expires.Add(time.Hour))
		t.want(nil, err, "Touch by the peer")
		if !t.has(Toucher) {
			r.Version = t.load(id).Version // the fallback changes it
		}
		next := t.record()
		t.want(nil, t.store.Update(t.Context(), id, r.Version, next), "Update of what the peer has touched")
		r = next
	}
}

package conformance

import (
	"bytes"
	"context"
	"errors"
	"iter"
	"slices"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

func scanCases() []testCase {
	return withNeeds(Scanner, []testCase{
		{
			name: "finds the live records",
			rule: "Scan yields the live records, whoever's they are, with what is stored in them, and nothing else.",
			run:  scanRecords,
		},
		{
			name: "finds what was written last",
			rule: "Scan yields a record as Update and Touch have left it.",
			run:  scanWritten,
		},
		{
			name: "finds nothing",
			rule: "Scan of a store without records yields none.",
			run:  func(t *tester) { t.isolated().wantScanned() },
		},
		{
			name: "not what was deleted",
			rule: "Scan does not yield a record that was deleted.",
			run:  scanDeleted,
		},
		{
			name: "not what has expired",
			rule: "Scan does not yield a record that has expired.",
			run:  scanExpired,
		},
		{
			name: "not other namespaces",
			rule: "Scan yields records of the store's own namespace only.",
			run:  scanForeign,
		},
		{
			name: "begins anew",
			rule: "Each iteration of what Scan returns begins anew, also after one that was broken off: it has what was created until then.",
			run:  scanAgain,
		},
		{
			name: "stops",
			rule: "Scan stops when its caller does.",
			run:  scanStops,
		},
		{
			name: "broken off many times",
			rule: "Scan stops when its caller does, also if that panics, which it does not hide, and keeps nothing: however many are broken off, the next is whole.",
			run:  scanBroken,
		},
		{
			name: "within another",
			rule: "Each iteration of what Scan returns begins anew, also within another one.",
			run:  scanNested,
		},
		{
			name: "says that it was cut short",
			rule: "A context that is done ends an iteration with its error, which is the last, unless the iteration is whole: the records before it are not all there are.",
			run:  scanCut,
		},
		{
			name: "writes within",
			rule: "Scan does not hold requests up: its caller may load, update, touch and delete the records as they come, and finds what it has written, create others, list and delete a subject's, prune, and delete all.",
			run:  scanWritesWithin,
		},
		{
			name: "nobody's as they are",
			rule: "Scan yields a record once, with the subject that it has: also one that a subject has given to nobody, or the other way.",
			run:  scanNobodys,
		},
		{
			name: "under writes",
			rule: "Scan is complete: a record that is live throughout is yielded, once, while others come and go.",
			run:  scanUnderWrites,
		},
		{
			name: "under updates",
			rule: "Scan is complete: a record that is updated meanwhile is yielded, once.",
			run:  scanUnderUpdates,
		},
		{
			name: "under moves",
			rule: "Scan is complete: a record that is given to others and back meanwhile is yielded, once.",
			run:  scanUnderMoves,
		},
		{
			name: "names what is damaged",
			rule: "Where something stands in a record's place that is none, Scan yields its id with ErrCorrupt, and goes on.",
			run:  scanDamaged,
		},
		{
			name: "names another's record",
			rule: "A record that was not written for its id is yielded by Scan with ErrCorrupt, and not as somebody else's session.",
			run:  scanMisplaced,
		},
	})
}

// scan returns what Scan yields, by id, and which ids are damaged. It fails the case
// if an id comes twice or an error ends the iteration.
func (t *tester) scan() (found map[string]sessionstore.Record, damaged map[string]bool) {
	t.Helper()
	found, damaged = make(map[string]sessionstore.Record), make(map[string]bool)
	for e, err := range sessionstore.Scan(t.Context(), t.store) {
		if _, twice := found[e.ID]; twice || damaged[e.ID] {
			t.Errorf("Scan yields record %s twice", e.ID)
		}
		switch {
		case err == nil:
			found[e.ID] = e.Record
		case errors.Is(err, sessionstore.ErrCorrupt):
			damaged[e.ID] = true
		default:
			t.Fatalf("Scan: %v", err)
		}
	}
	return found, damaged
}

// wantScanned fails the case unless Scan yields exactly these ids, each once, and
// nothing that is damaged.
func (t *tester) wantScanned(ids ...string) {
	t.Helper()
	found, damaged := t.scan()
	count := make(map[string]int, len(found))
	for id := range found {
		count[id] = 1
	}
	t.wantOnce("what Scan yields", count, ids)
	if len(damaged) > 0 {
		t.Errorf("Scan calls %d records damaged that are not", len(damaged))
	}
}

// wantScannedAs fails the case unless Scan yields these records as they were written.
func (t *tester) wantScannedAs(written map[string]sessionstore.Record) {
	t.Helper()
	found, _ := t.scan()
	for id, want := range written {
		got := found[id]
		late := got.Expires.Sub(want.Expires)
		same := got.Version == want.Version && bytes.Equal(got.Data, want.Data) && got.Subject == want.Subject
		if !same || late < 0 || late > t.Precision {
			t.Errorf("Scan yields version %d of %q with %q until %v, want %d of %q with %q until %v",
				got.Version, got.Subject, got.Data, got.Expires, want.Version, want.Subject, want.Data, want.Expires)
		}
	}
}

func scanRecords(t *tester) {
	t = t.isolated()
	somebodys, r := t.created()
	nobodys, n := t.newID(), t.record()
	n.Subject = ""
	t.create(nobodys, n)
	t.wantScanned(somebodys, nobodys)
	t.wantScannedAs(map[string]sessionstore.Record{somebodys: r, nobodys: n})
}

func scanWritten(t *tester) {
	t = t.isolated()
	updated, old := t.created()
	r := t.record()
	t.update(updated, old.Version, r)
	touched, m := t.created()
	t.touch(touched, m.Version, m.Expires.Add(day))
	m.Expires = m.Expires.Add(day)
	m.Version = t.load(touched).Version // the fallback of Touch changes it
	t.wantScannedAs(map[string]sessionstore.Record{updated: r, touched: m})
}

func scanDeleted(t *tester) {
	t = t.isolated()
	deleted, _ := t.created()
	id, _ := t.created()
	t.remove(deleted)
	t.wantScanned(id)
}

func scanExpired(t *tester) {
	t = t.isolated()
	id, _ := t.created()
	t.expired()
	t.wantScanned(id)
}

func scanForeign(t *tester) {
	t.apart(func(one, other *tester) {
		id, r := one.created()
		other.create(other.discard(id), other.record())
		foreign, _ := other.created()
		one.wantScannedAs(map[string]sessionstore.Record{id: r})
		found, damaged := one.scan()
		if _, ok := found[foreign]; ok || damaged[foreign] {
			t.Error("Scan yields a record of another namespace")
		}
		if other.wantScanned(id, foreign); one.store != t.store {
			one.wantScanned(id)
		}
	})
}

func scanAgain(t *tester) {
	t = t.isolated()
	ids := t.createdFor(newSubject(), 3)
	all := sessionstore.Scan(t.Context(), t.store)
	all(stop)
	for range 2 {
		n := 0
		ids = append(ids, t.createdFor(newSubject(), 1)...) // before the iteration begins
		for _, err := range all {
			t.want(nil, err, "Scan")
			n++
		}
		if n != len(ids) {
			t.Fatalf("an iteration yields %d records, want %d", n, len(ids))
		}
	}
}

func scanStops(t *tester) {
	t = t.isolated()
	t.createdFor(newSubject(), 3)
	calls := 0 // a loop would panic
	sessionstore.Scan(t.Context(), t.store)(func(sessionstore.Entry, error) bool {
		calls++
		return false
	})
	if calls != 1 {
		t.Fatalf("Scan yields %d times to a caller who stops at the first, want once", calls)
	}
}

func scanBroken(t *tester) {
	const times = 100 // more connections than a pool has
	t = t.isolated()
	ids := t.createdFor(newSubject(), 3)
	for n := range times {
		if n%2 == 0 {
			sessionstore.Scan(t.Context(), t.store)(stop)
		} else if got := t.panicked(n); got != n {
			t.Fatalf("the caller of Scan has panicked with %d, and Scan with %v", n, got)
		}
	}
	t.wantScanned(ids...)
	t.load(ids[0])
}

// panicked panics in an iteration, and returns what comes out of it.
func (t *tester) panicked(with int) (got any) {
	defer func() { got = recover() }()
	sessionstore.Scan(t.Context(), t.store)(func(sessionstore.Entry, error) bool { panic(with) })
	return nil
}

func scanNested(t *tester) {
	t = t.isolated()
	ids := t.createdFor(newSubject(), 3)
	all := sessionstore.Scan(t.Context(), t.store)
	outer := 0
	for _, err := range all {
		t.want(nil, err, "Scan")
		outer++
		inner := 0
		for _, err := range all {
			t.want(nil, err, "Scan within another")
			inner++
		}
		if inner != len(ids) {
			t.Fatalf("an iteration within another yields %d records, want %d", inner, len(ids))
		}
	}
	if outer != len(ids) {
		t.Fatalf("an iteration with others within yields %d records, want %d", outer, len(ids))
	}
}

// scanCut ends the context after the first record, or after some, or at any time.
func scanCut(t *tester) {
	t = t.isolated()
	ids := t.createdFor(newSubject(), 20)
	for _, after := range []int{1, 5} {
		t.scanCutAfter(after, ids)
	}
	for range cuts {
		n := 0
		done := t.cutOrDone("Scan", func(ctx context.Context) error {
			n = 0
			return scanned(func(yield func(sessionstore.Entry, error) bool) {
				for e, err := range sessionstore.Scan(ctx, t.store) {
					if n++; !yield(e, err) {
						return
					}
				}
			})
		})
		if done && n != len(ids) {
			t.Fatalf("Scan, whose context ended meanwhile, ends after %d of %d records without an error", n, len(ids))
		}
	}
}

func (t *tester) scanCutAfter(after int, ids []string) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	n, failed := 0, error(nil)
	sessionstore.Scan(ctx, t.store)(func(_ sessionstore.Entry, err error) bool {
		if failed != nil {
			t.Error("Scan goes on after the error that ends it")
			return false
		}
		if failed = err; err == nil {
			n++
		}
		if n == after {
			cancel()
		}
		return true
	})
	switch {
	case failed == nil && n < len(ids):
		t.Fatalf("Scan ends after %d of %d records without an error, though its context is done", n, len(ids))
	case failed != nil:
		t.want(context.Canceled, failed, "Scan with a context that is done meanwhile")
	}
}

// scanDamaged works in the shared namespace, in which Harness.Corrupt does.
func scanDamaged(t *tester) {
	others := t.createdFor(newSubject(), 10)
	ids := t.corruptedAnywhere()
	t.wantDamaged(ids, append(others, t.createdFor(newSubject(), 10)...))
}

func scanMisplaced(t *tester) {
	others := t.createdFor(newSubject(), 10)
	id, _ := misplaced(t)
	another, _ := misplaced(t)
	t.wantDamaged([]string{id, another}, append(others, t.createdFor(newSubject(), 10)...))
}

// wantDamaged fails the case unless Scan names these ids as damaged and yields the others.
func (t *tester) wantDamaged(ids, others []string) {
	t.Helper()
	found, damaged := t.scan()
	unnamed := slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return damaged[id] })
	if len(unnamed) > 0 {
		t.Errorf("Scan does not name %d of %d damaged records with ErrCorrupt", len(unnamed), len(ids))
	}
	missing := slices.DeleteFunc(slices.Clone(others), func(id string) bool { _, ok := found[id]; return ok })
	if len(missing) > 0 {
		t.Errorf("Scan does not yield %d of %d records beside damaged ones", len(missing), len(others))
	}
}

// stop breaks an iteration off.
func stop(sessionstore.Entry, error) bool { return false }

// scanned returns the error that ends an iteration, if any.
func scanned(all iter.Seq2[sessionstore.Entry, error]) (failed error) {
	all(func(_ sessionstore.Entry, err error) bool {
		if err != nil && !errors.Is(err, sessionstore.ErrCorrupt) {
			failed = err
		}
		return failed == nil
	})
	return failed
}

func scanNobodys(t *tester) {
	t = t.isolated()
	toNobody, _ := t.created()
	toSomebody := t.createdForNobody()
	written := map[string]sessionstore.Record{
		toNobody:   t.give(toNobody, ""),
		toSomebody: t.give(toSomebody, newSubject()),
	}
	t.wantScanned(toNobody, toSomebody)
	t.wantScannedAs(written)
}

package conformance

import (
	"context"
	"maps"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// wholeMany is how many records take more than one page, which has 1,024 at most where a
// number is usual.
const wholeMany = 1100

// A pile is a namespace with many records, which the cases about pages share: to make it
// takes some stores seconds.
type pile struct {
	store   sessionstore.Store
	subject string
	ids     []string // of the live ones
	few     *pile    // in the same namespace, behind many that have expired
}

// pageTopic has many records. Its cases run one by one, when most others are done, for
// they share them: each goes on with what the one before it has left.
func pageTopic() topic {
	return topic{"pages", []testCase{
		{
			name: "whole pages",
			rule: "ListSubject and Scan are complete, and return each record once, also where their number is that of a page, with nothing on the next.",
			run:  pagesWhole,
		},
		{
			name:  "lists every one",
			rule:  "ListSubject is complete: every live record whose Create had returned is in the list, however many pages that takes.",
			needs: SubjectIndex,
			run: func(t *tester) {
				t, p := t.piled()
				t.wantList(p.subject, p.ids...)
			},
		},
		{
			name:  "scans every one",
			rule:  "Scan is complete: it yields every record, each once, however many pages that takes.",
			needs: Scanner,
			run: func(t *tester) {
				t.needsHook(t.Isolated != nil, "Isolated")
				t, p := t.piled()
				t.wantScanned(p.ids...)
			},
		},
		{
			name:  "lists while they are touched",
			rule:  "ListSubject is complete and returns each record once, however many pages that takes, also while Touch moves their expiries, Update replaces them, and others come and go.",
			needs: SubjectIndex,
			run:   func(t *tester) { t.whileTouched(viewList()) },
		},
		{
			name:  "scans while they are touched",
			rule:  "Scan is complete and yields each record once, however many pages that takes, also while Touch moves their expiries, Update replaces them, and others come and go.",
			needs: Scanner,
			run: func(t *tester) {
				t.needsHook(t.Isolated != nil, "Isolated")
				t.whileTouched(viewScan())
			},
		},
		{
			name:  "scans what its caller deletes",
			rule:  "Scan is complete, however many pages that takes: its caller may delete and give away the records as they come.",
			needs: Scanner,
			run:   pagesScanDelete,
		},
		{
			name:  "prunes behind live records",
			rule:  "Prune removes expired records however many live ones there are.",
			needs: Pruner,
			run: func(t *tester) {
				t.needsHook(t.Isolated != nil, "Isolated")
				t, p := t.piled()
				t.prune(t.store)
				t.plantDead(p, prunePlanted)
				if n := t.prune(t.store); n != prunePlanted {
					t.Fatalf("Prune removes %d records beside %d that are live, want %d", n, len(p.ids), prunePlanted)
				}
			},
		},
		{
			name:  "prunes many",
			rule:  "Prune removes and counts every expired record, each once, however many batches that takes.",
			needs: Pruner,
			run:   pagesPruneMany,
		},
		{
			name:  "scans past what is damaged",
			rule:  "Scan is complete, however many pages that takes: what isn't a record is named with ErrCorrupt, and ends neither its page nor the iteration.",
			needs: Scanner,
			run: func(t *tester) { // in the shared namespace, in which Harness.Corrupt works
				damaged := t.corruptedAnywhere()
				var ids []string
				if err := t.createdMany(t.many, func(*sessionstore.Record) {}, &ids); err != nil {
					t.noSetUp("Create", err)
				}
				t.wantDamaged(damaged, ids)
			},
		},
		{
			name:  "scans behind what is dead",
			rule:  "Scan is complete: no record is missing because many that have expired come before it.",
			needs: Scanner,
			run: func(t *tester) {
				t.needsHook(t.Isolated != nil, "Isolated")
				t.behindDead(viewScan())
			},
		},
		{
			name:  "lists behind what is dead",
			rule:  "ListSubject is complete: no record is missing because many that have expired come before it.",
			needs: SubjectIndex,
			run:   func(t *tester) { t.behindDead(viewList()) },
		},
		{
			name:  "deletes behind what is dead",
			rule:  "DeleteSubject deletes every record of the subject: none stays because many that have expired come before it.",
			needs: SubjectIndex,
			run: func(t *tester) {
				t, few := t.piledBehindDead()
				ids := few.ids
				few.ids = nil
				t.wantDeleted(few.subject, len(ids))
				t.wantAllGone(ids)
			},
		},
		{
			name:  "lists until its context ends",
			rule:  "ListSubject is complete, however many pages that takes: where its context ends meanwhile, it returns an error or every record.",
			needs: SubjectIndex,
			run:   pagesListCut,
		},
		{
			name:  "scans until its context ends",
			rule:  "A context that is done ends an iteration with its error, which is the last, however many pages that takes: only one that ends without an error is whole.",
			needs: Scanner,
			run: func(t *tester) {
				t.needsHook(t.Isolated != nil, "Isolated")
				t, p := t.piled()
				for _, after := range []int{1, t.many / 2} {
					t.scanCutAfter(after, p.ids)
				}
			},
		},
		{
			name:  "deletes a subject",
			rule:  "DeleteSubject deletes every record of the subject, however many batches that takes, and Watch reports each.",
			needs: SubjectIndex,
			run: func(t *tester) {
				t, p := t.piled()
				told := t.listensTo(p)
				ids := p.ids
				p.ids = nil
				t.wantDeleted(p.subject, len(ids))
				t.wantAllGone(ids)
				t.wantList(p.subject)
				told("DeleteSubject")
			},
		},
		{
			name:  "deletes all",
			rule:  "DeleteAll deletes every record, however many batches that takes, and Watch reports each.",
			needs: AllDeleter,
			run: func(t *tester) {
				t.needsHook(t.Isolated != nil, "Isolated")
				t, p := t.piled()
				told := t.listensTo(p)
				ids := p.ids
				p.ids = nil
				t.wantAllDeleted(len(ids))
				t.wantAllGone(ids)
				told("DeleteAll")
			},
		},
	}}
}

// listensTo watches while the records of a pile are deleted, and returns what fails the case
// unless each has been reported. The first report takes as long to look at as the deletion
// takes, or a second: what has no room for the others meanwhile has to say so.
func (t *tester) listensTo(p *pile) (told func(by string)) {
	t.Helper()
	if !t.has(Watcher) {
		return func(string) {}
	}
	deleted := make(chan struct{})
	wait := sync.OnceFunc(func() {
		timer := time.NewTimer(time.Second)
		defer timer.Stop()
		select {
		case <-deleted:
		case <-timer.C:
		}
	})
	ids, l := p.ids, t.listenAnd(t.store, func(id string) {
		if id != "" {
			wait()
		}
	})
	return func(by string) {
		t.Helper()
		close(deleted)
		t.wantToldAll(l, ids, "each of many records that "+by+" has deleted")
	}
}

// piled returns a tester on the namespace with many records, which it makes up to their
// number. Without Harness.Isolated that is the shared one.
func (t *tester) piled() (*tester, *pile) {
	t.Helper()
	return t.piledUpTo(t.many)
}

func (t *tester) piledUpTo(upTo int) (*tester, *pile) {
	t.Helper()
	p := t.pile
	if p.store == nil {
		p.subject = newSubject()
		if p.store = unwatched(t.store); t.Isolated != nil {
			p.store = unwatched(t.Isolated(t.home)) // which outlives the case
		}
	}
	on := &tester{TB: t.TB, suite: t.over(t.own.calls.watch(p.store, "")), own: t.own, keeps: true}
	if n := upTo - len(p.ids); n > 0 {
		if err := on.createdMany(n, func(r *sessionstore.Record) { r.Subject = p.subject }, &p.ids); err != nil {
			p.ids = nil
			t.noSetUp("Create", err)
		}
	}
	return on, p
}

// pagesWhole lets the pile grow to the sizes that pages have.
func pagesWhole(t *tester) {
	scans := t.has(Scanner) && t.Isolated != nil
	if !t.has(SubjectIndex) && !scans {
		t.Skipf("not applicable: %T has neither lists nor, in a namespace of its own, a Scan", unwatched(t.store))
	}
	for _, n := range []int{10, 20, 50, 64, 100, 128, 200, 250, 256, 500, 512, 1000, 1024} {
		if n > t.many || t.Failed() {
			return
		}
		on, p := t.piledUpTo(n)
		if t.has(SubjectIndex) {
			on.wantList(p.subject, p.ids...)
		}
		if scans {
			on.wantScanned(p.ids...)
		}
	}
}

// whileTouched finds many records while clients move their expiries to and fro, update them,
// and have others come and go.
func (t *tester) whileTouched(v view) {
	t.Helper()
	t, p := t.piled()
	live := make(map[string]bool, len(p.ids))
	for _, id := range p.ids {
		live[id] = true
	}
	t.beside(4, func(n int) error {
		if n == 3 {
			return t.comeAndGo(t.store, p.subject)
		}
		id := p.ids[rand.IntN(len(p.ids))] //nolint:gosec // a mixture, no secret
		r, err := t.store.Load(t.Context(), id)
		switch old := r.Version; {
		case err != nil:
		case n == 2:
			r.Version = t.version()
			err = t.store.Update(t.Context(), id, old, r)
		default:
			err = sessionstore.Touch(t.Context(), t.store, id, old, inAnHour().Add(rand.N(time.Hour))) //nolint:gosec // the same
		}
		return unless(err, sessionstore.ErrConflict)
	}, func() {
		for range 2 {
			found := v.find(t, p.subject)
			count := make(map[string]int, len(found))
			for _, e := range found {
				if live[e.ID] {
					count[e.ID]++
				}
			}
			t.wantOnce("while records are touched and others come and go, what "+v.method+" returns", count, p.ids)
		}
	})
}

func pagesScanDelete(t *tester) {
	t.needsHook(t.Isolated != nil, "Isolated")
	t, p := t.piled()
	seen := make(map[string]int, len(p.ids))
	for e, err := range sessionstore.Scan(t.Context(), t.store) {
		t.want(nil, err, "Scan")
		if seen[e.ID]++; len(seen)%4 == 0 {
			t.remove(e.ID)
		}
	}
	t.wantOnce("what Scan yields while its caller deletes", maps.Clone(seen), p.ids)
	p.ids = t.living(p.ids)
}

// pagesPruneMany has all records expire together: none may be removed before, by a write.
func pagesPruneMany(t *tester) {
	t = t.isolated()
	var ids []string
	t.waitExpired(t.within(2*shortLife, func(expires time.Time) error {
		ids = nil
		return t.createdMany(t.many, func(r *sessionstore.Record) { r.Expires = expires }, &ids)
	}))
	if n := t.prune(t.store); n != len(ids) {
		t.Fatalf("Prune, called until it removes none, reports %d records, want the %d that had expired", n, len(ids))
	}
	t.wantAllGone(ids)
}

// plantDead leaves n records of the pile's subject that have expired. Some at a time have
// one expiry: a slow store could not make hundreds of them before it.
func (t *tester) plantDead(p *pile, n int) {
	t.Helper()
	const atATime = 20
	var last time.Time
	for done := 0; done < n; done += atATime {
		var planted []string
		expires := t.within(shortLife, func(expires time.Time) error {
			for _, id := range planted { // of a life that was too short
				_ = t.store.Delete(t.Context(), id) // it is there or not
			}
			planted = nil
			return t.createdMany(min(atATime, n-done), func(r *sessionstore.Record) {
				r.Subject, r.Expires = p.subject, expires
			}, &planted)
		})
		if expires.After(last) {
			last = expires
		}
	}
	t.waitExpired(last)
}

// piledBehindDead returns a tester on the namespace with many records, and a subject in it
// with more dead ones than a small page holds, and live ones that were created later.
func (t *tester) piledBehindDead() (*tester, *pile) {
	t.Helper()
	t, p := t.piled()
	if p.few == nil {
		few := &pile{subject: newSubject()}
		t.plantDead(few, min(t.many, 300))
		few.ids = t.createdFor(few.subject, 8)
		p.few = few
	}
	return t, p.few
}

func (t *tester) behindDead(v view) {
	t.Helper()
	t, few := t.piledBehindDead()
	v.want(t, few.subject, "with many that have expired", few.ids...)
}

// pagesListCut ends the context in the first, the second and the third quarter of the time
// that a list takes.
func pagesListCut(t *tester) {
	t, p := t.piled()
	start := time.Now()
	t.list(p.subject)
	whole := time.Since(start)
	for quarter := range 3 {
		ctx, cancel := context.WithTimeout(t.Context(), whole/4*time.Duration(quarter)+rand.N(whole/4+1)) //nolint:gosec // no secret
		list, err := sessionstore.ListSubject(ctx, t.store, p.subject)
		cancel()
		if err == nil && len(list) != len(p.ids) {
			t.Fatalf("ListSubject, whose context ended meanwhile, returns %d of %d records without an error", len(list), len(p.ids))
		}
	}
}

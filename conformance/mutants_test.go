package conformance

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// A mutant is a store that breaks one sentence of the contract.
type mutant struct {
	name   string   // what is broken
	breaks []string // the cases that carry what it breaks, as topic/case
	plant  func(m *mutated)
}

// mutated is what a mutant may break: the store, and what the Harness says.
type mutated struct {
	*broken
	Harness

	ref  *reference // what broken passes calls to
	peer *broken    // nil unless planted
}

func mutants() []mutant {
	return slices.Concat(
		loadMutants(), createMutants(), updateMutants(), deleteMutants(), versionMutants(),
		expiryMutants(), clockMutants(), touchMutants(), pruneMutants(),
		subjectListMutants(), subjectDeleteMutants(), allMutants(), allRaceMutants(), scanMutants(), scanDamageMutants(),
		watchMutants(), reportMutants(), momentMutants(),
		ownershipMutants(), contextMutants(), concurrencyMutants(), peerMutants(), idMutants(), limitMutants(),
		errorMutants(), corruptionMutants(), outageMutants(), wrapperMutants(), databaseMutants(),
		viewMutants(), indexMutants(), textMutants(), movedMutants(), retryMutants(),
		raceMutants(), peerViewMutants(), certainMutants(),
		walkMutants(), cutMutants(), tidiedMutants(), wayMutants(), partMutants(), pagedMutants(), libraryMutants(),
		spaceMutants(), lifeMutants(), keptMutants(), withinMutants(), sizeMutants(),
		truthMutants(), seenMutants(), wholeMutants(), instantMutants(), besideMutants(),
		endingMutants(),
	)
}

// attempts is how often a mutant goes through its cases. Nearly all are caught at once, but
// some only where two calls meet.
const attempts = 50

// TestMutants runs every mutant through the cases that carry what it breaks, in fake time.
func TestMutants(t *testing.T) {
	t.Parallel()
	all := mutants()
	var caught atomic.Int32
	t.Cleanup(func() {
		t.Logf("mutants: planted %d, caught %d", len(all), caught.Load())
		t.Attr("cloakroom.mutants", fmt.Sprintf("planted=%d caught=%d", len(all), caught.Load()))
	})
	for _, m := range all {
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var missed []string
				for range attempts {
					failed := failures(t, m, true)
					pause(time.Hour) // for calls that a case has given up on
					missed = slices.DeleteFunc(slices.Clone(m.breaks), func(c string) bool {
						output, ok := failed[c]
						if ok && !strings.Contains(output, "\nrule: ") {
							t.Errorf("%s fails without a rule: %s", c, output)
						}
						return ok
					})
					if len(missed) == 0 {
						break
					}
				}
				for _, c := range missed {
					t.Errorf("%s passes", c)
				}
				if t.Failed() {
					t.FailNow()
				}
			})
			caught.Add(1)
		})
	}
}

// planted returns a store that breaks what m says, in this namespace and, unless it
// says more about that, in each isolated one.
func (m mutant) planted() *mutated {
	ref := newReference()
	mut := &mutated{broken: newBroken(ref), Harness: ref.harness(), ref: ref}
	mut.Peer = nil
	mut.Isolated = func(testing.TB) sessionstore.Store { return m.planted().broken }
	m.plant(mut)
	return mut
}

// failures plants a mutant, runs its cases and returns the output of those that fail.
func failures(t *testing.T, m mutant, brief bool) map[string]string {
	t.Helper()
	mut := m.planted()
	s := newSuite(mut.Harness, mut.broken, nil)
	s.many, s.brief = m.many(), brief
	if mut.peer != nil {
		s.peer = mut.peer
		s.Peer = func(*testing.T) sessionstore.Store { return mut.peer }
	}

	failed := make(map[string]string)
	for name, r := range runAll(t, s, func(c string) bool { return slices.Contains(m.breaks, c) }) {
		if r.Failed() {
			failed[name] = r.output()
		}
	}
	return failed
}

// many returns how many records are many: as in a Run if pages are what the mutant breaks,
// few if not.
func (m mutant) many() int {
	for _, c := range m.breaks {
		if strings.HasPrefix(c, "pages/") || strings.HasSuffix(c, "large records") {
			return wholeMany
		}
	}
	return 20
}

// runAll runs the cases that are wanted as Run does, and returns their outcome as topic/case.
func runAll(t *testing.T, s *suite, wanted func(name string) bool) map[string]*caseRecorder {
	t.Helper()
	s.home = t
	var mu sync.Mutex
	outcome := make(map[string]*caseRecorder)
	run := func(tp topic, c testCase) {
		name := tp.name + "/" + c.name
		if !wanted(name) {
			return
		}
		r := &caseRecorder{TB: t}
		r.run(func() { s.run(r, c) })
		mu.Lock()
		defer mu.Unlock()
		outcome[name] = r
	}
	inParallel(topics(), func(tp topic) {
		inParallel(tp.cases, func(c testCase) { run(tp, c) })
	})
	for _, quiet := range quietTopics() {
		for _, c := range quiet.cases {
			run(quiet, c)
		}
	}
	return outcome
}

func allTopics() []topic { return append(topics(), quietTopics()...) }

// TestEveryCaseHasAMutant holds the two tables together.
func TestEveryCaseHasAMutant(t *testing.T) {
	t.Parallel()
	broken := make(map[string]bool)
	for _, m := range mutants() {
		for _, c := range m.breaks {
			broken[c] = true
		}
	}
	for _, tp := range allTopics() {
		for _, c := range tp.cases {
			name := tp.name + "/" + c.name
			if !broken[name] {
				t.Errorf("no mutant breaks %s", name)
			}
			delete(broken, name)
		}
	}
	for name := range broken {
		t.Errorf("a mutant breaks %s, which is no case", name)
	}
}

// TestCasesAreNamedOnce makes every case one line of a report.
func TestCasesAreNamedOnce(t *testing.T) {
	t.Parallel()
	seen := make(map[string]bool)
	for _, tp := range allTopics() {
		for _, c := range tp.cases {
			name := tp.name + "/" + c.name
			if seen[name] {
				t.Errorf("two cases are named %s", name)
			}
			if strings.Contains(c.name, "/") || !strings.HasSuffix(c.rule, ".") {
				t.Errorf("%s: want a name without a slash, and a rule that is a sentence: %q", name, c.rule)
			}
			seen[name] = true
		}
	}
}

package conformance

import (
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// A Harness says how to reach the store under test and what it promises. Only
// Open is needed. A case that lacks what it needs is skipped and says so.
type Harness struct {
	// Open returns the store. Run calls it once, and closes nothing: what has
	// to be closed is the business of Open, with t.Cleanup. Corrupt and Misplace
	// work on the same backend: make its client before Run, and use it in all of them.
	Open func(t *testing.T) sessionstore.Store

	// Peer returns a second store on the same data, as another process would
	// have it: with a client of its own and nothing shared in memory. Run calls
	// it once. Without Peer, what one process sees of another's writes is not
	// checked.
	Peer func(t *testing.T) sessionstore.Store

	// Deadline is how long a case waits for a call to return before it fails and names
	// the call. 0 means 30 seconds. A store whose writers may starve needs more.
	Deadline time.Duration

	// Precision is how much later than asked a record may expire: the unit of
	// the backend's clock, and, where the backend judges by a clock of its own,
	// how far that one may be behind the test's. 0 means exact to the
	// nanosecond.
	//
	// A backend that is told a time to live, and not an instant, counts it from when the
	// request arrives. So a store that leaves expiry to it is late by the unit, to which
	// it rounds up, and by as long as a request may take; no Precision is right on a
	// slow network. A store that keeps Expires with the record and judges by it is
	// exact, and its time to live only tidies.
	Precision time.Duration

	// Require names the capabilities that the store must have, as sessionstore.As finds
	// them. One that it neither has nor must have makes its cases not applicable.
	Require []Capability

	// MaxData is the size in bytes of the largest Record.Data that the store
	// takes along with an empty subject. One byte more has to give
	// sessionstore.ErrTooLarge. 0 means that there is no limit worth testing.
	MaxData int

	// Corrupt puts bytes that are no record under id, bypassing the store.
	Corrupt func(tb testing.TB, id string)

	// Misplace copies what is stored under one id to another, bypassing the
	// store, so that the other finds a record that is not its own.
	Misplace func(tb testing.TB, from, to string)

	// Outage returns a store whose backend is out of reach, because nothing listens at
	// its address or its client is closed, say, and an error of the driver that is
	// found in what the store returns then, by errors.Is.
	Outage func(tb testing.TB) (sessionstore.Store, error)

	// Isolated returns a store in a namespace of its own (prefix, table,
	// collection or folder) on the same backend, which holds nothing yet. Each call
	// returns another one. If names are text, let one begin with the other, and with that of
	// Open, as "s:" and "s:a:" do, or the tables "s" and "s_a": that is how namespaces run into
	// each other.
	// It outlives the case that calls it. Without Isolated, DeleteAll is not checked, and little of Scan.
	Isolated func(tb testing.TB) sessionstore.Store

	// Pair returns two stores on one namespace of their own, as Isolated returns one: the
	// second is to the first what Peer is to Open. Each call returns another pair. Without
	// Pair, what one process sees of another's DeleteAll is not checked.
	Pair func(tb testing.TB) (store, peer sessionstore.Store)

	// Stall returns a store whose backend accepts requests and never answers, to no
	// method: a backend whose readers never wait has no such store. If it
	// is a sessionstore.AllDeleter, it too is in a namespace of its own: the backend may do
	// what it is asked.
	Stall func(tb testing.TB) sessionstore.Store

	// Full returns a store that holds r under id and whose backend has no room
	// for anything else.
	Full func(tb testing.TB, id string, r sessionstore.Record) sessionstore.Store
}

// A Capability is something that a store may offer beyond [sessionstore.Store].
type Capability string

// The capabilities, each an interface of the core module.
const (
	Toucher      Capability = "Toucher"      // sessionstore.Toucher
	Pruner       Capability = "Pruner"       // sessionstore.Pruner
	SubjectIndex Capability = "SubjectIndex" // sessionstore.SubjectIndex
	AllDeleter   Capability = "AllDeleter"   // sessionstore.AllDeleter
	Scanner      Capability = "Scanner"      // sessionstore.Scanner
	Watcher      Capability = "Watcher"      // sessionstore.Watcher
)

// Run checks a store against the contract of [sessionstore.Store]. Each rule is a
// subtest, named topic/case, which prints the rule when it fails. Run returns
// when all of them are done; they run in parallel whatever -parallel says, for
// most of the time is spent waiting for records to expire. The topics pages and prune
// come last, their cases one by one, and end with the first in which the store hangs. To run one
// topic alone, name it:
//
//	go test -run 'TestConformance/^subjects$'
//
// All ids are random, and all subjects that are listed; what the cases write is deleted or
// expires. So Run may be pointed at a backend that holds other data, though other
// writers can slow down the cases about Prune. DeleteAll is called only on stores of
// Harness.Isolated, Harness.Pair and Harness.Stall, and on those of Harness.Outage.
func Run(t *testing.T, h Harness) {
	t.Helper()
	s := open(t, h)
	s.home = t
	inParallel(topics(), func(tp topic) {
		t.Run(tp.name, func(t *testing.T) {
			inParallel(tp.cases, func(c testCase) {
				t.Run(c.name, func(t *testing.T) { s.run(t, c) })
			})
		})
	})
	s.hangs.Store(nil)
	for _, quiet := range quietTopics() {
		t.Run(quiet.name, func(t *testing.T) {
			for _, c := range quiet.cases {
				t.Run(c.name, func(t *testing.T) { s.runQuiet(t, c) })
			}
		})
	}
}

// A topic is a group of cases, and a file of this package.
type topic struct {
	name  string
	cases []testCase
}

// A testCase checks one rule of the contract.
type testCase struct {
	name  string
	rule  string     // as a sentence
	needs Capability // "" if every store can be asked
	run   func(t *tester)
}

func topics() []topic {
	return []topic{
		{"load", loadCases()},
		{"create", createCases()},
		{"update", updateCases()},
		{"delete", deleteCases()},
		{"versions", versionCases()},
		{"expiry", slices.Concat(expiryCases(), movedCases())},
		{"retries", retryCases()},
		{"text", textCases()},
		{"clock", slices.Concat(clockCases(), instantCases())},
		{"touch", touchCases()},
		{"subjects", slices.Concat(subjectListCases(), viewCases(viewList()), subjectDeleteCases())},
		{"all", allCases()},
		{"scan", slices.Concat(scanCases(), viewCases(viewScan()))},
		{"watch", watchCases()},
		{"ownership", ownershipCases()},
		{"context", contextCases()},
		{"cut", slices.Concat(cutCases(), cutTruthCases())},
		{"concurrency", concurrencyCases()},
		{"peer", slices.Concat(peerCases(), peerExpiryCases())},
		{"ids", idCases()},
		{"limits", limitCases()},
		{"errors", errorCases()},
		{"corruption", corruptionCases()},
		{"outage", outageCases()},
		{"wrapper", wrapperCases()},
		{"walk", walkCases()},
	}
}

// quietTopics are those whose cases run one by one when all the others are done: many
// records hold others up, and expired ones are counted, which stores may remove at every
// write.
func quietTopics() []topic {
	return []topic{pageTopic(), {"prune", slices.Concat(pruneCases(), pruneAwryCases())}}
}

// inParallel calls do for every item at the same time and waits for all.
func inParallel[E any](items []E, do func(E)) {
	var wg sync.WaitGroup
	for _, item := range items {
		wg.Go(func() { do(item) })
	}
	wg.Wait()
}

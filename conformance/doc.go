// Package conformance checks that a session store keeps the contract of
// [sessionstore.Store]: every sentence of it that can be seen from outside is a case,
// and every case is known to fail on a store that breaks it.
//
// It needs no Docker and no test framework, only the store:
//
//	func TestConformance(t *testing.T) {
//		client := connect(t)
//		conformance.Run(t, conformance.Harness{
//			Open:      func(t *testing.T) sessionstore.Store { return mystore.New(client) },
//			Precision: time.Millisecond,
//			Require:   []conformance.Capability{conformance.Toucher},
//		})
//	}
//
// # Harness
//
// Open is enough to begin with. Each further field of [Harness] lets more
// cases run: Peer those about several processes; MaxData those about size; Isolated those
// about DeleteAll and most about Scan, and Pair those about DeleteAll in several processes;
// Corrupt and Misplace those about damage; Outage, Stall and Full those about a backend in
// trouble. A case that can't run is skipped with "not applicable" and the reason, so that the
// output of go test -v says what was not checked. Require turns a missing capability into a
// failure, and not a missing field.
//
// # Failures
//
// A case fails with what was seen, with the rule that it breaks, the last calls that it
// has made, and the command that runs it alone:
//
//	--- FAIL: TestConformance/update/never_creates (0.00s)
//	    update.go:148: Update of nothing: got error <nil>, want session: not found
//	    conformance.go:116: rule: If there is no record, Update returns ErrNotFound: it never creates one.
//	    conformance.go:116: the calls:
//	            15:04:05.000000  Update id 1, version v0007, a record of version v0008 of "user-…", until 16:04:05.000000: done
//	    conformance.go:116: this case alone: go test -run '^TestConformance$/^update$/^never_creates$'
//
// Ids are numbered as the case meets them, and of versions the last four digits are shown.
// If a call fails that only prepares what the case is about, or a function of the Harness,
// the case says that no rule was judged. A call that panics, or does not return within
// [Harness].Deadline, fails its case and is named.
//
// The cases about concurrency record what every client asked and was answered,
// and look for one order of the calls that explains all answers. If there is
// none, the calls of one history that are enough to see it are printed. All
// histories that fail are in files, as text and drawn, which go test -artifacts keeps.
//
// The topic walk makes calls at random and compares each answer with that of a model. It
// prints the fewest calls that it has found to be enough to see what is wrong, and the
// command that repeats the walk: CLOAKROOM_WALK in the environment is its seed.
//
// # One topic alone
//
// The subtests are topic/case, so -run picks some: 'TestConformance/^expiry$' for a topic,
// 'TestConformance/^(subjects|scan)$/lists' for some cases of two.
//
// # Time
//
// Cases run in parallel, under random ids, in a few seconds. No case depends on
// the machine being fast: that a record is still live is judged only while the
// clock says so afterwards, and that it is dead only when its expiry and
// [Harness].Precision have passed. Test and backend have to agree on the time of
// day as closely as Precision says.
//
// # What is not checked
//
// Not all of the contract can be seen from outside: that a store starts no
// goroutine and closes no client, that Prune and DeleteAll work in bounded batches and
// count along with an error, that Prune sweeps what a crash has left, and which of the
// things that are no records DeleteAll deletes are for the store's own tests. So are answers
// that are lost between driver and backend: that a write which was sent again says so with
// ErrRepeated, and that Watch returns when reports may be lost. And so is ListSubject of a
// subject one of whose records is damaged.
package conformance

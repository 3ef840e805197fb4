package conformance

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// TestReferencePasses shows that the cases fail on the mutants for what those
// break: on the store that they are made of, nothing fails and nothing is
// skipped.
func TestReferencePasses(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ref := newReference()
		s := newSuite(ref.harness(), newBroken(ref), newBroken(ref))
		for name, r := range runAll(t, s, func(string) bool { return true }) {
			if r.Failed() || r.Skipped() {
				t.Errorf("%s: failed %v, skipped %v: %s", name, r.Failed(), r.Skipped(), r.output())
			}
		}
	})
}

const scenario = "CLOAKROOM_CONFORMANCE_SCENARIO"

// TestRunReports runs this test binary again on stores that fail, and looks at
// what a store's author gets to see.
func TestRunReports(t *testing.T) {
	t.Parallel()
	const seed = walkSeed + "=7" // which does not end early on a slow machine
	for _, tt := range []struct {
		scenario, run string
		fails         bool
		want          []string
	}{
		{"sequence", "TestScenario/walk/some_records$", true, []string{
			"an answer is not that of the contract. These calls are enough to see it:",
			"the same walk again: " + seed + " go test -run '^TestScenario$/^walk$/^some_records$'",
			"rule: Each answer is that of the contract",
		}},
		{"upsert", "TestScenario/update/never_creates", true, []string{
			"--- FAIL: TestScenario/update/never_creates",
			"Update of nothing: got error <nil>, want session: not found",
			"rule: If there is no record, Update returns ErrNotFound: it never creates one.",
		}},
		{"upsert", "TestScenario/concurrency/one_order$", true, []string{
			"the answers fit no order of the calls", "go test -artifacts keeps them", "client 0: Create",
			"rule: All methods are safe for concurrent use",
		}},
		{"hangs", "TestScenario/load/(absent|empty_data)$", true, []string{
			"--- FAIL: TestScenario/load/absent",
			"the store hangs: Load id 1 has not returned after",
			"rule: If there is no record, Load returns ErrNotFound.",
			"this case alone: go test -run '^TestScenario$/^load$/^absent$'",
		}},
		{"locks", "TestScenario/(update|pages|prune)$", true, []string{
			"--- FAIL: TestScenario/update/refuses_another_version", "--- FAIL: TestScenario/pages/whole_pages",
			"the store hangs: Create id 1, a record of version", "--- SKIP: TestScenario/prune/removes_and_counts",
			"not run, because the store hangs: see TestScenario/pages/whole_pages",
		}},
		{"panics", "TestScenario/load/(absent|empty_subject)$", true, []string{
			"--- FAIL: TestScenario/load/empty_subject",
			"the store panics in Load id 1: runtime error: index out of range",
			"rule: A record may be nobody's: an empty subject comes back empty.",
			"--- PASS: TestScenario/load/absent",
		}},
		{"refuses", "TestScenario/update/replaces_data", true, []string{
			"--- FAIL: TestScenario/update/replaces_data",
			"set-up failed: Create: no such table",
			"no rule was judged: Create is what this case needs first",
		}},
		{"refuses", "TestScenario/ownership/loaded_data_is_the_caller.s$", true, []string{ // for a shell, which ends a text at its quote
			"this case alone: go test -run '^TestScenario$/^ownership$/^loaded_data_is_the_caller.s$'",
		}},
		{"no namespace", "TestScenario/all/deletes_nothing", true, []string{
			"--- FAIL: TestScenario/all/deletes_nothing", "no permission to create a table",
			"no rule was judged: Harness.Isolated is what this case needs first",
		}},
		{"bare", "TestScenario/(prune|touch|limits|corruption|peer|outage|context)", false, []string{
			"--- SKIP: TestScenario/prune/leaves_live_records",
			"not applicable: struct { sessionstore.Store } is no sessionstore.Pruner",
			"--- PASS: TestScenario/touch/later",
			"--- SKIP: TestScenario/touch/before_an_update",
			"not applicable: Harness.MaxData is 0",
			"not applicable: Harness.Corrupt is nil",
			"not applicable: Harness.Peer is nil",
			"not applicable: Harness.Outage is nil",
			"not applicable: Harness.Stall is nil",
		}},
		{"required", "TestScenario/prune", true, []string{
			"--- FAIL: TestScenario/prune/leaves_live_records",
			"is no sessionstore.Pruner, but Harness.Require demands it",
		}},
		{"unknown", "TestScenario", true, []string{`unknown capability "Teleporter"`}},
		{"nothing", "TestScenario", true, []string{"Harness.Open is nil"}},
		{"no store", "TestScenario", true, []string{"Harness.Open has returned no store"}},
		{"no isolated store", "TestScenario/all/deletes_nothing", true, []string{
			"--- FAIL: TestScenario/all/deletes_nothing", "Harness.Isolated has returned no store",
			"no rule was judged: Harness.Isolated is what this case needs first",
		}},
		{"no driver's error", "TestScenario/outage/names_the_package", true, []string{
			"--- FAIL: TestScenario/outage/names_the_package", "Harness.Outage has returned no error of the driver",
			"no rule was judged: Harness.Outage is what this case needs first",
		}},
	} {
		t.Run(tt.scenario+" "+tt.run, func(t *testing.T) {
			t.Parallel()
			cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.v", "-test.run", "^"+strings.ReplaceAll(tt.run, "/", "$/^"))
			cmd.Env = append(os.Environ(), scenario+"="+tt.scenario, seed)
			out, err := cmd.CombinedOutput()
			if failed := err != nil; failed != tt.fails {
				t.Errorf("go test reports %v, want failure: %v", err, tt.fails)
			}
			for _, want := range tt.want {
				if !strings.Contains(string(out), want) {
					t.Errorf("no %q in the output", want)
				}
			}
			if t.Failed() {
				t.Logf("output:\n%s", out)
			}
		})
	}
}

// TestAFailedWalkIsShrunk wants few calls of one that fails after three: to give a record
// to a subject, to touch it and to delete it.
func TestAFailedWalkIsShrunk(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const enough = 8
		for range attempts {
			output := failures(t, walkMutants()[0], false)["walk/some records"]
			_, calls, failed := strings.Cut(output, "These calls are enough to see it:\n")
			calls, _, _ = strings.Cut(calls, "\nthe same walk again: ")
			if n := strings.Count(calls, "\n"); failed && n > enough {
				t.Errorf("%d lines, want at most %d:\n%s", n, enough, calls)
			}
			if failed {
				return
			}
		}
		t.Error("no walk has failed")
	})
}

// TestScenario is run by TestRunReports only.
func TestScenario(t *testing.T) { //nolint:paralleltest // alone in its process
	ref := newReference()
	h := Harness{Open: func(*testing.T) sessionstore.Store { return struct{ sessionstore.Store }{ref} }}
	switch os.Getenv(scenario) {
	case "upsert":
		b := newBroken(ref)
		b.update = func(ctx context.Context, id string, _ sessionstore.Version, r sessionstore.Record) error {
			_ = ref.Delete(ctx, id)
			return ref.Create(ctx, id, r)
		}
		h.Open = func(*testing.T) sessionstore.Store { return b }
	case "hangs":
		b := newBroken(ref)
		b.load = func(context.Context, string) (sessionstore.Record, error) { select {} }
		h.Open = func(*testing.T) sessionstore.Store { return b }
		h.Deadline = time.Second
	case "sequence":
		m := &mutated{broken: newBroken(ref), ref: ref}
		walkMutants()[0].plant(m)
		h.Open = func(*testing.T) sessionstore.Store { return m.broken }
	case "locks":
		b := newBroken(ref)
		lock := make(chan struct{}, 1)
		b.around = func(ctx context.Context, _, _ string, next func(context.Context) error) error {
			lock <- struct{}{}
			err := next(ctx)
			if !errors.Is(err, sessionstore.ErrConflict) {
				<-lock
			}
			return err
		}
		h.Open = func(*testing.T) sessionstore.Store { return b }
		h.Deadline = time.Second
	case "panics":
		b := newBroken(ref)
		b.load = func(ctx context.Context, id string) (sessionstore.Record, error) {
			r, err := ref.Load(ctx, id)
			if err == nil {
				_ = r.Subject[0]
			}
			return r, err
		}
		h.Open = func(*testing.T) sessionstore.Store { return b }
	case "refuses":
		b := newBroken(ref)
		b.create = func(context.Context, string, sessionstore.Record) error { return errors.New("no such table") }
		h.Open = func(*testing.T) sessionstore.Store { return b }
	case "no namespace":
		h.Open = func(*testing.T) sessionstore.Store { return newBroken(ref) }
		h.Isolated = func(tb testing.TB) sessionstore.Store {
			tb.Helper()
			tb.Fatal("no permission to create a table")
			return nil
		}
	case "bare":
	case "required":
		h.Require = []Capability{Pruner}
	case "unknown":
		h.Require = []Capability{"Teleporter"}
	case "nothing":
		h.Open = nil
	case "no store":
		h.Open = func(*testing.T) sessionstore.Store { return (*reference)(nil) }
	case "no isolated store":
		h.Open = func(*testing.T) sessionstore.Store { return newBroken(ref) }
		h.Isolated = func(testing.TB) sessionstore.Store { return nil }
	case "no driver's error":
		h.Outage = func(testing.TB) (sessionstore.Store, error) { return down(), nil }
	default:
		return // TestRunReports runs it, in a process of its own
	}
	Run(t, h)
}

package conformance

import (
	"strings"
	"testing"

	"github.com/anishathalye/porcupine"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// TestModel holds the state machine to the contract, in histories without any
// concurrency.
func TestModel(t *testing.T) {
	t.Parallel()
	type call struct {
		command
		answer
	}
	load := func(v, data sessionstore.Version) call {
		return call{command{method: "Load"}, answer{version: v, data: data}}
	}
	do := func(method string, old, next sessionstore.Version, err error) call {
		return call{command{method: method, old: old, new: next}, answer{err: err}}
	}
	created := do("Create", 0, 1, nil)
	for _, tt := range []struct {
		name  string
		calls []call
		legal bool
	}{
		{"create, load", []call{created, load(1, 1)}, true},
		{"load of another version", []call{created, load(2, 2)}, false},
		{"load of another's data", []call{created, load(1, 2)}, false},
		{"load of nothing", []call{do("Load", 0, 0, sessionstore.ErrNotFound)}, true},
		{"load of nothing finds something", []call{load(0, 0)}, false},
		{"create twice", []call{created, do("Create", 0, 2, sessionstore.ErrExists), load(1, 1)}, true},
		{"create replaces", []call{created, do("Create", 0, 2, nil)}, false},
		{"update", []call{created, do("Update", 1, 2, nil), load(2, 2)}, true},
		{"update is lost", []call{created, do("Update", 1, 2, nil), load(1, 1)}, false},
		{"update of another version", []call{created, do("Update", 3, 2, sessionstore.ErrConflict), load(1, 1)}, true},
		{"update replaces another version", []call{created, do("Update", 3, 2, nil)}, false},
		{"update of nothing", []call{do("Update", 1, 2, sessionstore.ErrNotFound)}, true},
		{"update creates", []call{do("Update", 1, 2, nil)}, false},
		{"touch", []call{created, do("Touch", 1, 0, nil), load(1, 1)}, true},
		{"touch of another version", []call{created, do("Touch", 2, 0, sessionstore.ErrConflict), load(1, 1)}, true},
		{"touch disregards the version", []call{created, do("Touch", 2, 0, nil)}, false},
		{"touch of nothing", []call{do("Touch", 0, 0, sessionstore.ErrNotFound)}, true},
		{"touch creates", []call{do("Touch", 0, 0, nil)}, false},
		{"delete", []call{created, do("Delete", 0, 0, nil), do("Load", 0, 0, sessionstore.ErrNotFound)}, true},
		{"delete of nothing", []call{do("Delete", 0, 0, nil)}, true},
		{"delete has no effect", []call{created, do("Delete", 0, 0, nil), load(1, 1)}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var ops []porcupine.Operation
			for i, c := range tt.calls {
				ops = append(ops, porcupine.Operation{
					Input: c.command, Output: c.answer, Call: int64(2 * i), Return: int64(2*i + 1),
				})
			}
			if got := porcupine.CheckOperations(storeModel(), ops); got != tt.legal {
				t.Errorf("legal: %v, want %v", got, tt.legal)
			}
		})
	}
}

// TestUnjudgedHistoryFails gives the checker next to no time for a history that it could
// explain, after 2³⁹ others: what is found in the end was created last, and is tried first.
func TestUnjudgedHistoryFails(t *testing.T) {
	t.Parallel()
	r := &caseRecorder{TB: t}
	own := &caseTB{TB: r, calls: new(calls)}
	h := &recorder{tester: &tester{TB: own, own: own}, id: "id"}
	add := func(c command, a answer, call int64) {
		h.ops = append(h.ops, porcupine.Operation{ClientId: len(h.ops), Input: c, Output: a, Call: call, Return: call + 100})
	}
	for v := range int64(20) {
		add(command{method: "Create", new: sessionstore.Version(v + 1)}, answer{}, 2*v)
		add(command{method: "Delete"}, answer{}, 2*v+1)
	}
	add(command{method: "Load"}, answer{version: 1, data: 1}, 200)
	r.run(func() { h.checkHistories([]*recorder{h}, 1) })
	if !r.Failed() || !strings.Contains(r.output(), "no order was found within 1ns") {
		t.Errorf("failed: %v, want failure for want of time: %s", r.Failed(), r.output())
	}
}

// TestMixedDataIsFound shows what Load must not return.
func TestMixedDataIsFound(t *testing.T) {
	t.Parallel()
	h := &recorder{tester: &tester{suite: newSuite(Harness{}, nil, nil)}}
	one, two := h.recordOf(1).Data, h.recordOf(2).Data
	for _, tt := range []struct {
		name string
		data []byte
		want sessionstore.Version
	}{
		{"whole", one, 1},
		{"first half of another", append(two[:256:256], one[256:]...), 0},
		{"a part that is not aligned", append(one[:100:100], two[100:]...), 0},
		{"none", nil, 0},
	} {
		if got := writtenWith(tt.data); got != tt.want {
			t.Errorf("%s: version %d, want %d", tt.name, got, tt.want)
		}
	}
}

package conformance

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// A history is recorded from clients that work on one record at the same time,
// and has to be the history of a store that does one thing after the other:
// porcupine looks for an order that explains every answer.

const (
	historyClients = 6
	historySteps   = 20
	historyRecords = 6 // each with a history of its own

	// checkLimit bounds the search for an order, which takes milliseconds of a
	// processor. A history that can't be judged in time counts as wrong.
	checkLimit = 10 * time.Minute
)

// A command is what a client asked for.
type command struct {
	method   string
	old, new sessionstore.Version
}

// An answer is what it got.
type answer struct {
	err     error                // nil or a sentinel
	version sessionstore.Version // of the record that Load found
	data    sessionstore.Version // that the record's data was written with
}

// storeModel is the contract as a state machine: the state is the version of
// the live record, 0 if there is none.
func storeModel() porcupine.Model {
	return porcupine.Model{
		Init: func() any { return sessionstore.Version(0) },
		Step: func(state, input, output any) (bool, any) {
			s, c, a := as[sessionstore.Version](state), as[command](input), as[answer](output)
			next, err := step(s, c)
			if c.method == "Load" && err == nil && (a.version != s || a.data != s) {
				return false, s
			}
			return errors.Is(a.err, err), next
		},
		DescribeOperation: func(input, output any) string {
			return describe(as[command](input), as[answer](output))
		},
		DescribeState: func(state any) string { return name(as[sessionstore.Version](state)) },
	}
}

// as gives x the type that it had before porcupine took it for any.
func as[T any](x any) T {
	t, _ := x.(T)
	return t
}

// step returns the state after c and the answer that it has to get.
func step(s sessionstore.Version, c command) (sessionstore.Version, error) {
	switch c.method {
	case "Create":
		if s != 0 && s != c.new {
			return s, sessionstore.ErrExists
		}
		return c.new, nil
	case "Delete":
		return 0, nil
	}
	switch {
	case s == 0:
		return s, sessionstore.ErrNotFound
	case c.method == "Load":
		return s, nil
	case c.method == "Update" && s == c.new:
		return s, nil
	case s != c.old:
		return s, sessionstore.ErrConflict
	case c.method == "Touch":
		return s, nil
	}
	return c.new, nil
}

// A recorder writes a history. Its clock is a counter, so that two calls have
// an order even if they are closer than two ticks of a clock.
type recorder struct {
	*tester

	id    string
	clock atomic.Int64
	mu    sync.Mutex
	ops   []porcupine.Operation
}

// do lets a client do one thing and records it.
func (h *recorder) do(client int, s sessionstore.Store, c command) answer {
	call := h.clock.Add(1)
	a, err := h.ask(h.Context(), s, c)
	back := h.clock.Add(1)
	if err != nil {
		h.Errorf("%s: %v", c.method, err)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.ops = append(h.ops, porcupine.Operation{ClientId: client, Input: c, Output: a, Call: call, Return: back})
	return a
}

// ask returns what the store answers, or an error that is no answer.
func (h *recorder) ask(ctx context.Context, s sessionstore.Store, c command) (answer, error) {
	var a answer
	var err error
	switch c.method {
	case "Load":
		var r sessionstore.Record
		r, err = s.Load(ctx, h.id)
		a.version, a.data = r.Version, writtenWith(r.Data)
		if err == nil && r.Subject != subjectOf(r.Version) {
			a.data = 0 // it is mixed
		}
	case "Create":
		err = s.Create(ctx, h.id, h.recordOf(c.new))
	case "Update":
		err = s.Update(ctx, h.id, c.old, h.recordOf(c.new))
	case "Delete":
		err = s.Delete(ctx, h.id)
	case "Touch":
		err = sessionstore.Touch(ctx, s, h.id, c.old, inAnHour().Add(time.Hour))
	}
	for _, sentinel := range sentinels() {
		if errors.Is(err, sentinel) {
			a.err = sentinel
			return a, nil
		}
	}
	return a, err
}

// recordOf returns a record whose data tells its version, many times over so that
// a mixture of two writes is found out.
func (h *recorder) recordOf(v sessionstore.Version) sessionstore.Record {
	r := h.record()
	r.Version, r.Subject = v, subjectOf(v)
	r.Data = slices.Repeat(binary.BigEndian.AppendUint64(nil, uint64(v)), 64)
	return r
}

// subjectOf returns the subject of a record in a history.
func subjectOf(v sessionstore.Version) string { return fmt.Sprintf("user-%d", v) }

// writtenWith returns the version that data tells, 0 if it is mixed.
func writtenWith(data []byte) sessionstore.Version {
	if len(data) < 8 || !slices.Equal(slices.Repeat(data[:8], len(data)/8), data) {
		return 0
	}
	return sessionstore.Version(binary.BigEndian.Uint64(data))
}

// client runs a mixture of methods. Half of its updates and touches go by what it has loaded
// just now, as requests do, the others by what it has seen last.
func (h *recorder) client(n int, s sessionstore.Store, methods []string, seen sessionstore.Version) {
	see := func(a answer, v sessionstore.Version) {
		if a.err == nil {
			seen = v
		}
	}
	for range historySteps {
		c := command{method: methods[rand.IntN(len(methods))]} //nolint:gosec // a mixture, no secret
		changes := c.method == "Update" || c.method == "Touch"
		if c.method == "Load" || changes && rand.IntN(2) == 0 { //nolint:gosec // the same
			a := h.do(n, s, command{method: "Load"})
			see(a, a.version)
		}
		switch c.method {
		case "Load":
		case "Create", "Update":
			c.old, c.new = seen, h.version()
			see(h.do(n, s, c), c.new)
		case "Touch":
			c.old = seen
			h.do(n, s, c)
		default:
			h.do(n, s, c)
		}
	}
}

// judge looks for an order that explains the history, within the limit.
func (h *recorder) judge(limit time.Duration) (porcupine.CheckResult, porcupine.LinearizationInfo) {
	slices.SortFunc(h.ops, func(a, b porcupine.Operation) int { return int(a.Call - b.Call) })
	return porcupine.CheckOperationsVerbose(storeModel(), h.ops, limit)
}

// checkHistories fails the case unless each history is explained within the limit. It
// prints the fewest calls of one that are enough to see why not, and writes all that it
// has to files.
func (t *tester) checkHistories(all []*recorder, limit time.Duration) {
	t.Helper()
	t.own.calls.printed()
	t.own.calls.waits(limit)
	var shortest []porcupine.Operation
	var unknown, wrong int
	for i, h := range all {
		result, info := h.judge(limit)
		if result == porcupine.Ok {
			continue
		}
		base := filepath.Join(t.ArtifactDir(), fmt.Sprintf("history-%d", i+1))
		err := errors.Join(
			porcupine.VisualizePath(storeModel(), info, base+".html"),
			os.WriteFile(base+".txt", []byte(listed(h.ops)), 0o600))
		if err != nil {
			t.Logf("the history is not in a file: %v", err)
		}
		if result == porcupine.Unknown {
			unknown++
			continue
		}
		wrong++
		w := h.ops
		if !t.brief {
			w = witness(w)
		}
		if shortest == nil || len(w) < len(shortest) {
			shortest = w
		}
	}
	switch {
	case wrong > 0:
		t.Errorf("in %d of %d histories of concurrent calls on one record, the answers fit no order of the calls. "+
			"These %d calls are enough to see it, each with when it began and returned:\n%s"+
			"All calls, and a drawing: %s (go test -artifacts keeps them)",
			wrong, len(all), len(shortest), listed(shortest), filepath.Join(t.ArtifactDir(), "history-*"))
	case unknown > 0:
		t.Errorf("for %d of %d histories no order was found within %v; they are in %s (go test -artifacts keeps them)",
			unknown, len(all), limit, filepath.Join(t.ArtifactDir(), "history-*"))
	}
}

// witnessLimit bounds how long a history is made shorter.
const witnessLimit = 5 * time.Second

// witness returns the part of a history that fits no order on its own. What it leaves out
// explains nothing: calls that changed nothing, and those made after the others had returned.
func witness(ops []porcupine.Operation) []porcupine.Operation {
	end := time.Now().Add(witnessLimit)
	wrong := func(ops []porcupine.Operation) bool {
		left := time.Until(end)
		return left > 0 && porcupine.CheckOperationsTimeout(storeModel(), ops, left) == porcupine.Illegal
	}
	for i, op := range slices.Backward(ops) {
		if less := slices.Delete(slices.Clone(ops), i, i+1); changesNothing(op) && wrong(less) {
			ops = less
		}
	}
	returned := int64(0)
	for i, op := range ops {
		if i > 0 && op.Call > returned && wrong(ops[:i]) {
			return ops[:i]
		}
		returned = max(returned, op.Return)
	}
	return ops
}

// changesNothing reports whether a call left the record as it was.
func changesNothing(op porcupine.Operation) bool {
	m := as[command](op.Input).method
	return m == "Load" || m == "Touch" || as[answer](op.Output).err != nil
}

// listed has a line for each call, in the order in which they were made.
func listed(ops []porcupine.Operation) string {
	var b strings.Builder
	for _, op := range ops {
		fmt.Fprintf(&b, "%4d–%-4d client %d: %s\n", op.Call, op.Return, op.ClientId,
			describe(as[command](op.Input), as[answer](op.Output)))
	}
	return b.String()
}

func describe(c command, a answer) string {
	s := c.method
	switch c.method {
	case "Create":
		s += " " + name(c.new)
	case "Update":
		s += " " + name(c.old) + " → " + name(c.new)
	case "Touch":
		s += " " + name(c.old)
	}
	switch {
	case a.err != nil:
		return s + ": " + a.err.Error()
	case c.method != "Load":
		return s + ": done"
	case a.version != a.data:
		return s + ": " + name(a.version) + " with the data of " + name(a.data)
	}
	return s + ": " + name(a.version)
}

// name is short enough to be read: of versions in one history the last digits
// differ.
func name(v sessionstore.Version) string {
	if v == 0 {
		return "none"
	}
	return fmt.Sprintf("v%04d", v%10_000)
}

package conformance

import (
	"bytes"
	"context"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// A walk makes calls at random, on a few records, and compares every answer with that of
// a model: some stores go wrong only after calls that nobody has thought of together.

const (
	walks        = 6
	walkPaces    = 300
	walkRecords  = 4
	walkSubjects = 3 // nobody is the first

	// walkLife is how long a record lives that a walk wants to see expire.
	walkLife = 100 * time.Millisecond

	// walkBudget is after how long a walk ends that has made walkLeast paces: a slow
	// store makes fewer. What is judged does not depend on it.
	walkBudget = time.Second
	walkLeast  = 40

	// walkSeed names the variable of the environment that repeats the walks of a seed.
	walkSeed = "CLOAKROOM_WALK"
)

func walkCases() []testCase {
	return []testCase{
		{
			name: "some records",
			rule: "Each answer is that of the contract, whatever has been called before, in whatever order and by whichever process.",
			run:  func(t *tester) { t.walk(walks, false) },
		},
		{
			name:  "all records",
			rule:  "Each answer is that of the contract, whatever has been called before: also where Scan, Prune and DeleteAll come in between.",
			needs: Scanner,
			run: func(t *tester) {
				t = t.isolated()
				t.walk(1, true)
			},
		},
	}
}

// walk walks several times at once, and fails the case if one walk does.
func (t *tester) walk(n int, all bool) {
	t.Helper()
	t.own.calls.printed()
	seed, repeated := walkSeedGiven()
	if !repeated {
		seed = rand.Uint64() //nolint:gosec // a mixture, no secret
	}
	var mu sync.Mutex
	var shortest []pace
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			w := t.newWalk(all)
			defer w.leave()
			if w.walkOn(t.pacesOf(rand.New(rand.NewPCG(seed, uint64(i))), all), !repeated) { //nolint:gosec // the same
				mu.Lock()
				defer mu.Unlock()
				if shortest == nil || len(w.made) < len(shortest) {
					shortest = w.made
				}
			}
		})
	}
	wg.Wait()
	if shortest == nil {
		return
	}
	w := t.shrunk(shortest, all)
	t.Errorf("an answer is not that of the contract. %s\nthe same walk again: %s=%d go test -run '%s'",
		w, walkSeed, seed, pattern(t.Name()))
}

func walkSeedGiven() (seed uint64, ok bool) {
	seed, err := strconv.ParseUint(os.Getenv(walkSeed), 10, 64)
	return seed, err == nil
}

const (
	// shrinkLimit and shrinkTries bound how long a walk is made shorter.
	shrinkLimit = 5 * time.Second
	shrinkTries = 400
)

// shrunk returns a walk that has failed, by as few paces as were found: it leaves paces
// out and begins again, under new ids, as long as that fails too.
func (t *tester) shrunk(paces []pace, all bool) *walk {
	end := time.Now().Add(shrinkLimit)
	again := func(paces []pace) (*walk, bool) {
		w := t.newWalk(all)
		defer w.leave()
		failed := w.follow(paces)
		return w, failed
	}
	best, failed := again(paces)
	switch {
	case failed && t.brief:
		return best
	case !failed:
		best.said = append(best.said, "made again under new ids, as here, the walk does not fail")
		return best
	}
	if fewer := slices.DeleteFunc(slices.Clone(paces), func(p pace) bool { return p.method == "wait" }); len(fewer) < len(paces) {
		if w, failed := again(fewer); failed { // and makes all that follows faster
			best, paces = w, w.made
		}
	}
	tries := 0
	for size := len(paces) / 2; size > 0; {
		shorter := false
		for at := 0; at < len(paces); {
			if tries++; tries > shrinkTries || time.Now().After(end) {
				return best
			}
			fewer := slices.Delete(slices.Clone(paces), at, min(at+size, len(paces)))
			if w, failed := again(fewer); failed {
				best, paces, shorter = w, w.made, true
			} else {
				at += size
			}
		}
		if !shorter || size > 1 {
			size /= 2
		}
	}
	return best
}

// A walk that is under way.
type walk struct {
	*tester

	all      bool
	ids      []string
	subjects []string
	records  []walked
	made     []pace
	said     []string // each call, in words
}

// A walked record is what the contract says about one record of a walk.
type walked struct {
	sessionstore.Record // Version is 0 if there is none

	versions []sessionstore.Version // it has had, the present one last
	writes   []write
	unknown  bool // it expired during a call whose answer does not tell what is there
}

// A write is a call that may change a record.
type write struct {
	method string
	old    sessionstore.Version
	record sessionstore.Record
}

func (t *tester) newWalk(all bool) *walk {
	w := &walk{tester: t, all: all, subjects: []string{""}, records: make([]walked, walkRecords)}
	for range walkRecords {
		w.ids = append(w.ids, t.newID())
	}
	for subject := newSubject(); len(w.subjects) < walkSubjects; subject += ":a" { // one begins with the other
		w.subjects = append(w.subjects, subject)
	}
	return w
}

// walkOn makes the paces, or those for which there is time, and then looks at everything.
// It reports whether an answer was wrong.
func (w *walk) walkOn(paces []pace, hurry bool) (failed bool) {
	start := time.Now()
	for i, p := range paces {
		if hurry && i >= walkLeast && time.Since(start) > walkBudget {
			break
		}
		if w.make(p) {
			return true
		}
	}
	return w.follow(w.everything())
}

// everything returns paces that look at all that may be there.
func (w *walk) everything() []pace {
	var paces []pace
	for _, peer := range []bool{false, true} {
		for i := range w.ids {
			paces = append(paces, pace{method: "Load", record: i, peer: peer})
		}
		for i := 1; i < len(w.subjects) && w.has(SubjectIndex); i++ {
			paces = append(paces, pace{method: "ListSubject", subject: i, peer: peer})
		}
		if w.all {
			paces = append(paces, pace{method: "Scan"})
		}
	}
	return paces
}

// follow makes the paces, and reports whether an answer was wrong.
func (w *walk) follow(paces []pace) (failed bool) {
	return slices.ContainsFunc(paces, w.make)
}

// leave leaves nothing behind for the next walk.
func (w *walk) leave() {
	for _, id := range w.ids {
		erase(w.Context(), unwatched(w.store), id)
	}
}

// write makes a call that may change a record.
func (w *walk) write(ctx context.Context, p pace, s sessionstore.Store, before time.Time) (call, answer, wrong string) {
	r, id := &w.records[p.record], w.ids[p.record]
	wr := w.writeOf(p, r, before)
	if r.unknown {
		wr = write{method: "Delete"}
	}
	if p.again > 0 {
		if p.again > len(r.writes) {
			return "", "", ""
		}
		wr = r.writes[len(r.writes)-p.again]
	} else {
		r.writes = append(r.writes, wr)
	}
	var err error
	switch wr.record.Data = bytes.Clone(wr.record.Data); wr.method {
	case "Create":
		err = s.Create(ctx, id, wr.record)
	case "Update":
		err = s.Update(ctx, id, wr.old, wr.record)
	case "Touch":
		err = sessionstore.Touch(ctx, s, id, wr.old, wr.record.Expires)
	case "Delete":
		err = s.Delete(ctx, id)
	}
	if answer = "done"; err != nil {
		answer = err.Error()
	}
	return w.asked(p.record, wr, before), answer, w.judge(r, wr, err, before, func() { w.touched(ctx, s, id, r) })
}

func (wr write) command() command {
	return command{method: wr.method, old: wr.old, new: wr.record.Version}
}

package conformance

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
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
			needs: Scan,
			run: func(t *tester) {
				t = t.isolated()
				t.walk(1, true)
			},
		},
	}
}

// A pace is one call of a walk, or a wait for what is about to expire. It says which
// version it names by what the record has had, so that it has a meaning without the
// calls before it.
type pace struct {
	method  string
	peer    bool
	record  int
	subject int
	old     int  // 0 is the present version, n the n-th before it, -1 one that never was
	own     int  // 0 is a new version, n the n-th last: 1 is the present one
	again   int  // n makes the n-th last write of the record again
	same    bool // the data that is there is written again
	life    time.Duration
}

// pacesOf returns the paces of a walk. Those of all records have all methods.
func (s *suite) pacesOf(r *rand.Rand, all bool) []pace {
	methods := slices.Repeat([]string{"Load", "Create", "Touch", "Update"}, 3)
	methods = append(methods, "Update", "Update", "Delete", "Delete")
	if s.has(Subjects) {
		methods = append(methods, "ListSubject", "ListSubject", "ListSubject", "DeleteSubject")
	}
	if all {
		methods = append(methods, "Scan", "Scan")
		if s.has(Prune) {
			methods = append(methods, "Prune")
		}
		if s.has(All) {
			methods = append(methods, "DeleteAll")
		}
	}
	lives := []time.Duration{walkLife, time.Hour, time.Hour + 1, 2*time.Hour + 999_999, 40 * day}
	paces := make([]pace, walkPaces)
	record := 0
	for i := range paces {
		if r.IntN(5) < 2 {
			record = r.IntN(walkRecords)
		}
		p := pace{
			method: methods[r.IntN(len(methods))], peer: r.IntN(2) == 0,
			record: record, subject: r.IntN(walkSubjects), same: r.IntN(6) == 0, life: lives[r.IntN(len(lives))],
		}
		if r.IntN(3) == 0 {
			p.old = 1 + r.IntN(3)
		}
		if r.IntN(20) == 0 {
			p.old = -1
		}
		if r.IntN(8) == 0 {
			p.own = 1 + r.IntN(3)
		}
		if r.IntN(12) == 0 {
			p.again = 1 + r.IntN(4)
		}
		if r.IntN(60) == 0 {
			p.method = "wait"
		}
		paces[i] = p
	}
	return paces
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
	for range walkSubjects - 1 {
		w.subjects = append(w.subjects, newSubject())
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
		for i := 1; i < len(w.subjects) && w.has(Subjects); i++ {
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
		_ = unwatched(w.store).Delete(w.Context(), id) // other cases check that it succeeds
	}
}

// make makes one call, and reports whether the answer was wrong.
func (w *walk) make(p pace) (failed bool) {
	w.made = append(w.made, p)
	s := w.store
	if p.peer && w.peer != nil {
		s = w.peer
	}
	before := time.Now()
	var call, answer, wrong string
	switch p.method {
	case "wait":
		w.wait()
		return false
	case "Load":
		call = fmt.Sprintf("Load of record %d", p.record+1)
		r, err := s.Load(w.Context(), w.ids[p.record])
		var found []sessionstore.Entry
		if err == nil {
			found = []sessionstore.Entry{{ID: w.ids[p.record], Record: r}}
		}
		answer = w.found(found)
		wrong = w.compare(found, unless(err, sessionstore.ErrNotFound), before, func(i int) bool { return i == p.record })
	case "ListSubject":
		if p.subject == 0 {
			return false
		}
		call = fmt.Sprintf("ListSubject of subject %d", p.subject)
		found, err := sessionstore.ListSubject(w.Context(), s, w.subjects[p.subject])
		answer = w.found(found)
		wrong = w.compare(found, err, before, func(i int) bool { return w.records[i].Subject == w.subjects[p.subject] })
	case "Scan":
		call = "Scan"
		var found []sessionstore.Entry
		var failure error
		for e, err := range sessionstore.Scan(w.Context(), s) {
			if failure = errors.Join(failure, err); slices.Contains(w.ids, e.ID) {
				found = append(found, e)
			}
		}
		answer, wrong = w.found(found), w.compare(found, failure, before, func(int) bool { return true })
	case "Prune":
		call = "Prune"
		_, err := sessionstore.Prune(w.Context(), s)
		wrong = unexpected(err, nil)
	case "DeleteSubject":
		if p.subject == 0 {
			return false
		}
		call = fmt.Sprintf("DeleteSubject of subject %d", p.subject)
		n, err := sessionstore.DeleteSubject(w.Context(), s, w.subjects[p.subject])
		answer = fmt.Sprintf("%d records", n)
		wrong = w.deleted(n, err, before, func(r *walked) bool { return r.Subject == w.subjects[p.subject] })
	case "DeleteAll":
		call = "DeleteAll"
		n, err := sessionstore.DeleteAll(w.Context(), s)
		answer, wrong = fmt.Sprintf("%d records", n), w.deleted(n, err, before, func(*walked) bool { return true })
	default:
		call, answer, wrong = w.write(p, s, before)
	}
	if call == "" {
		return false
	}
	if p.peer && w.peer != nil {
		call += ", by the peer"
	}
	w.said = append(w.said, strings.TrimSuffix(call+": "+answer, ": "))
	if wrong != "" {
		w.said = append(w.said, "   "+wrong)
	}
	return wrong != ""
}

// wait waits until those records are dead that live for a moment.
func (w *walk) wait() {
	last := time.Now()
	for i := range w.records {
		if r := &w.records[i]; r.Version != 0 && time.Until(r.Expires) < 10*walkLife && r.Expires.After(last) {
			last = r.Expires
		}
	}
	w.rest(time.Until(last.Add(w.Precision)) + time.Microsecond)
	w.said = append(w.said, "a wait until what lives for a moment is dead")
}

// live reports whether a record was live when a call was made that began before and has
// returned now, and whether that is certain.
func (w *walk) live(r *walked, before time.Time) (live, certain bool) {
	switch {
	case r.unknown:
		return true, false
	case r.Version == 0 || !before.Before(r.Expires.Add(w.Precision)):
		return false, true
	}
	return true, time.Now().Before(r.Expires)
}

// compare says what is wrong with what was found of those records that are wanted.
func (w *walk) compare(found []sessionstore.Entry, err error, before time.Time, wanted func(i int) bool) string {
	if wrong := unexpected(err, nil); wrong != "" {
		return wrong
	}
	count := make([]int, len(w.ids))
	for _, e := range found {
		i := slices.Index(w.ids, e.ID)
		if i < 0 {
			return "a record that nobody has created"
		}
		count[i]++
		r := &w.records[i]
		switch live, _ := w.live(r, before); {
		case r.unknown:
		case !live:
			return fmt.Sprintf("record %d has ended", i+1)
		case !wanted(i):
			return fmt.Sprintf("record %d is not the subject's", i+1)
		case count[i] > 1:
			return fmt.Sprintf("record %d is there twice", i+1)
		case e.Record.Version != r.Version || !bytes.Equal(e.Record.Data, r.Data) || e.Record.Subject != r.Subject:
			return fmt.Sprintf("record %d is version %s of %s, with the data of %s",
				i+1, name(r.Version), w.whose(r.Subject), name(writtenWith(r.Data)))
		}
		late := e.Record.Expires.Sub(r.Expires)
		if !r.unknown && (late < 0 || late > w.Precision || e.Record.Expires.Location() != time.UTC) {
			return fmt.Sprintf("record %d was asked to expire at %s", i+1, r.Expires.Format(clock))
		}
	}
	for i := range w.records {
		if live, certain := w.live(&w.records[i], before); live && certain && wanted(i) && count[i] == 0 {
			return fmt.Sprintf("record %d is missing, version %s of %s", i+1, name(w.records[i].Version), w.whose(w.records[i].Subject))
		}
	}
	return ""
}

// deleted notes that some records are gone, and says what is wrong with their number.
func (w *walk) deleted(n int, err error, before time.Time, some func(*walked) bool) string {
	least, most := 0, 0
	for i := range w.records {
		r := &w.records[i]
		if !r.unknown && !some(r) {
			continue
		}
		live, certain := w.live(r, before)
		if live {
			most++
		}
		if live && certain {
			least++
		}
		if !r.unknown {
			r.Version = 0
		}
	}
	if err == nil && (n < least || n > most) {
		return fmt.Sprintf("want %d to %d", least, most)
	}
	return unexpected(err, nil)
}

// write makes a call that may change a record.
func (w *walk) write(p pace, s sessionstore.Store, before time.Time) (call, answer, wrong string) {
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
		err = s.Create(w.Context(), id, wr.record)
	case "Update":
		err = s.Update(w.Context(), id, wr.old, wr.record)
	case "Touch":
		err = sessionstore.Touch(w.Context(), s, id, wr.old, wr.record.Expires)
	case "Delete":
		err = s.Delete(w.Context(), id)
	}
	if answer = "done"; err != nil {
		answer = err.Error()
	}
	return w.asked(p.record, wr, before), answer, w.judge(r, wr, err, before, func() { w.touched(s, id, r) })
}

// writeOf returns the write that a pace stands for.
func (w *walk) writeOf(p pace, r *walked, now time.Time) write {
	if p.method == "Delete" {
		return write{method: "Delete"}
	}
	wr := write{method: p.method}
	nth := func(n int) sessionstore.Version {
		if n < 0 || n >= len(r.versions) {
			return w.version()
		}
		return r.versions[len(r.versions)-1-n]
	}
	wr.old = nth(p.old)
	wr.record = sessionstore.Record{Subject: w.subjects[p.subject], Expires: now.Add(p.life).UTC(), Version: w.version()}
	if p.own == 1 || p.own > 1 && p.method == "Create" {
		wr.record.Version = nth(p.own - 1)
	}
	if wr.method == "Update" && wr.old == wr.record.Version {
		wr.old = w.version() // Update that names its own version may write or not
	}
	wr.record.Data = slices.Repeat(binary.BigEndian.AppendUint64(nil, uint64(wr.record.Version)), 1+p.record)
	if p.same && r.Data != nil {
		wr.record.Data = r.Data
	}
	return wr
}

// judge says what is wrong with the answer to a write, and notes what is there now.
func (w *walk) judge(r *walked, wr write, err error, before time.Time, touched func()) string {
	live, certain := w.live(r, before)
	var wants []error
	timely := wr.method == "Delete" || before.Before(wr.record.Expires)
	if timely && live {
		_, want := step(r.Version, wr.command())
		wants = append(wants, want)
	}
	if timely && (!live || !certain) {
		_, want := step(0, wr.command())
		wants = append(wants, want)
	}
	if wr.method != "Delete" && !time.Now().Before(wr.record.Expires) {
		wants = append(wants, sessionstore.ErrInvalid)
	}
	if wrong := unexpected(err, wants...); wrong != "" || err != nil {
		return wrong
	}
	switch made := live && r.Version == wr.record.Version; {
	case wr.method == "Delete":
		r.Record, r.unknown = sessionstore.Record{}, false
	case wr.method == "Touch":
		r.Expires = wr.record.Expires
		touched()
	case made && wr.method == "Create" && !certain:
		r.unknown = true
	case made:
	default:
		r.Record = wr.record
		r.versions = append(r.versions, wr.record.Version)
	}
	return ""
}

func (wr write) command() command {
	return command{method: wr.method, old: wr.old, new: wr.record.Version}
}

// touched notes the version that the fallback of Touch has given to a record.
func (w *walk) touched(s sessionstore.Store, id string, r *walked) {
	if w.has(Touch) {
		return
	}
	if got, err := s.Load(w.Context(), id); err == nil {
		r.Version = got.Version
		r.versions = append(r.versions, r.Version)
	} else {
		r.unknown = true
	}
}

// unexpected says what is wrong with an error unless it is one of those.
func unexpected(err error, wants ...error) string {
	var texts []string
	for _, want := range wants {
		if errors.Is(err, want) {
			return ""
		}
		texts = append(texts, fmt.Sprint(want))
	}
	return fmt.Sprintf("got error %v, want %s", err, strings.Join(texts, " or "))
}

// asked puts a write into words.
func (w *walk) asked(record int, wr write, now time.Time) string {
	text := fmt.Sprintf("%s of record %d", wr.method, record+1)
	if wr.method == "Update" || wr.method == "Touch" {
		text += ", version " + name(wr.old)
	}
	if wr.method == "Create" || wr.method == "Update" {
		text += fmt.Sprintf(", to version %s of %s with the data of %s", name(wr.record.Version), w.whose(wr.record.Subject),
			name(writtenWith(wr.record.Data)))
	}
	if wr.method != "Delete" {
		text += fmt.Sprintf(", for %v", wr.record.Expires.Sub(now).Round(time.Millisecond))
	}
	return text
}

// found puts what was found into words.
func (w *walk) found(found []sessionstore.Entry) string {
	if len(found) == 0 {
		return "nothing"
	}
	var texts []string
	for _, e := range found {
		texts = append(texts, fmt.Sprintf("record %d, version %s of %s with the data of %s until %s", slices.Index(w.ids, e.ID)+1,
			name(e.Record.Version), w.whose(e.Record.Subject), name(writtenWith(e.Record.Data)), e.Record.Expires.Format(clock)))
	}
	return strings.Join(texts, "; ")
}

func (w *walk) whose(subject string) string {
	if i := slices.Index(w.subjects, subject); i > 0 {
		return fmt.Sprintf("subject %d", i)
	}
	return whose(subject)
}

// String lists the calls that were made.
func (w *walk) String() string {
	return fmt.Sprintf("These calls are enough to see it:\n    %s", strings.Join(w.said, "\n    "))
}

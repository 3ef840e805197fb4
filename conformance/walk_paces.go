package conformance

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

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
	empty   bool // no data is written
	request bool // the context is one that requests have
	life    time.Duration
}

// pacesOf returns the paces of a walk. Those of all records have all methods.
func (s *suite) pacesOf(r *rand.Rand, all bool) []pace {
	methods := slices.Repeat([]string{"Load", "Create", "Touch", "Update"}, 3)
	methods = append(methods, "Update", "Update", "Delete", "Delete")
	if s.has(SubjectIndex) {
		methods = append(methods, "ListSubject", "ListSubject", "ListSubject", "DeleteSubject")
	}
	if all {
		methods = append(methods, "Scan", "Scan")
		if s.has(Pruner) {
			methods = append(methods, "Prune")
		}
		if s.has(AllDeleter) {
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
			empty: r.IntN(10) == 0, request: r.IntN(2) == 0,
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

// make makes one call, and reports whether the answer was wrong.
func (w *walk) make(p pace) (failed bool) {
	w.made = append(w.made, p)
	s := w.store
	if p.peer && w.peer != nil {
		s = w.peer
	}
	ctx := w.Context()
	if p.request {
		var cancel context.CancelFunc
		ctx, cancel = sessionstore.WithDeadlineOnly(ctx, time.Now().Add(time.Hour))
		defer cancel()
	}
	before := time.Now()
	var call, answer, wrong string
	switch p.method {
	case "wait":
		w.wait()
		return false
	case "Load":
		call = fmt.Sprintf("Load of record %d", p.record+1)
		r, err := s.Load(ctx, w.ids[p.record])
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
		found, err := sessionstore.ListSubject(ctx, s, w.subjects[p.subject])
		answer = w.found(found)
		wrong = w.compare(found, err, before, func(i int) bool { return w.records[i].Subject == w.subjects[p.subject] })
	case "Scan":
		call = "Scan"
		var found []sessionstore.Entry
		var failure error
		for e, err := range sessionstore.Scan(ctx, s) {
			if failure = errors.Join(failure, err); slices.Contains(w.ids, e.ID) {
				found = append(found, e)
			}
		}
		answer, wrong = w.found(found), w.compare(found, failure, before, func(int) bool { return true })
	case "Prune":
		call = "Prune"
		_, err := sessionstore.Prune(ctx, s)
		wrong = unexpected(err, nil)
	case "DeleteSubject":
		if p.subject == 0 {
			return false
		}
		call = fmt.Sprintf("DeleteSubject of subject %d", p.subject)
		n, err := sessionstore.DeleteSubject(ctx, s, w.subjects[p.subject])
		answer = fmt.Sprintf("%d records", n)
		wrong = w.deleted(n, err, before, func(r *walked) bool { return r.Subject == w.subjects[p.subject] })
	case "DeleteAll":
		call = "DeleteAll"
		n, err := sessionstore.DeleteAll(ctx, s)
		answer, wrong = fmt.Sprintf("%d records", n), w.deleted(n, err, before, func(*walked) bool { return true })
	default:
		call, answer, wrong = w.write(ctx, p, s, before)
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
	words := []int{1, 2, 700, 2600}[p.record] // of 8 bytes
	if w.MaxData > 0 {
		words = max(1, min(words, w.MaxData/16))
	}
	wr.record.Data = slices.Repeat(binary.BigEndian.AppendUint64(nil, uint64(wr.record.Version)), words)
	if p.empty {
		wr.record.Data = nil
	}
	if p.same && r.Data != nil {
		wr.record.Data = r.Data
	}
	return wr
}

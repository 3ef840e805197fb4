package conformance

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

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

// touched notes the version that the fallback of Touch has given to a record.
func (w *walk) touched(ctx context.Context, s sessionstore.Store, id string, r *walked) {
	if w.has(Toucher) { //nolint:contextcheck // it is asked outside of the walk
		return
	}
	if got, err := s.Load(ctx, id); err == nil {
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

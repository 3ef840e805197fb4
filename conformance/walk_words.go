package conformance

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

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

package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
	"unicode/utf16"
)

// Whoever signs up chooses a subject, and a visitor may choose values. Printed as they
// are, they could move a terminal's cursor, or look like lines of a table.

// quote returns a text that is one cell of a table: as it is, if that can be told from
// a quoted one, else as Go quotes it.
func quote(s string) string {
	if s == "" || s[0] == '"' || s != strings.TrimSpace(s) || plain(s) != s {
		return strconv.Quote(s)
	}
	return s
}

// plain returns a text without control characters and what else is not seen: they are
// written as escapes of JSON.
func plain(s string) string {
	clean := true
	for _, c := range s {
		clean = clean && strconv.IsPrint(c) && c != '\uFFFD'
	}
	if clean {
		return s
	}
	var b strings.Builder
	for _, c := range s {
		switch {
		case strconv.IsPrint(c):
			b.WriteRune(c)
		case c > 0xFFFF:
			high, low := utf16.EncodeRune(c)
			fmt.Fprintf(&b, `\u%04x\u%04x`, high, low)
		default:
			fmt.Fprintf(&b, `\u%04x`, c)
		}
	}
	return b.String()
}

// printJSON prints a value as JSON whose only control characters are its line ends.
func printJSON(w io.Writer, v any) error {
	var text strings.Builder
	enc := json.NewEncoder(&text)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(v); err != nil {
		return fmt.Errorf("JSON: %w", err)
	}
	for line := range strings.Lines(text.String()) {
		if _, err := io.WriteString(w, plain(strings.TrimSuffix(line, "\n"))+"\n"); err != nil {
			return err //nolint:wrapcheck // it is the terminal's
		}
	}
	return nil
}

// A printer prints results. The disk or the program that they go to may take none.
type printer struct{ io.Writer }

func (p printer) Write(text []byte) (int, error) {
	n, err := p.Writer.Write(text)
	if err != nil {
		err = unprinted{err}
	}
	return n, err
}

// An unprinted error is not the store's: what was to be done is done.
type unprinted struct{ error }

func (e unprinted) Error() string { return "the result can't be printed: " + e.error.Error() }

func (e unprinted) Unwrap() error { return e.error }

// A table prints rows in columns.
type table struct {
	*tabwriter.Writer

	failed error
}

func newTable(w io.Writer, head ...string) *table {
	t := &table{Writer: tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)}
	if len(head) > 0 {
		t.row(head...)
	}
	return t
}

func (t *table) row(cells ...string) {
	_, _ = io.WriteString(t, strings.Join(cells, "\t")+"\n") // done has the error
}

// next begins another table below, after an empty line.
func (t *table) next(head ...string) {
	t.row()
	t.failed = t.done()
	t.row(head...)
}

func (t *table) done() error { return cmp.Or(t.failed, t.Flush()) }

// moment prints a time in UTC, a dash for none.
func moment(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.UTC().Format(time.RFC3339)
}

// number prints n of something: 1 session, 2 sessions.
func number(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return strconv.Itoa(n) + " " + what + "s"
}

// inLine takes the place of line ends, which some drivers' errors have.
var inLine = strings.NewReplacer("\r\n\t", " ", "\n\t", " ", "\r\n", " ", "\n", " ", "\t", " ")

// note says something on stderr, as one line.
func (a app) note(text string) {
	text = inLine.Replace(text)
	_, _ = io.WriteString(a.stderr, "cloakroom: "+plain(text)+"\n") // there is nobody else to tell
}

// progressEvery is how often long work says how far it is.
const progressEvery = 5 * time.Second

// progress says from time to time how far work is, on stderr, until stop is called.
func (a app) progress(how func() string) (stop func()) {
	done, gone := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(gone)
		ticker := time.NewTicker(progressEvery)
		defer ticker.Stop()
		for {
			select {
			case <-ticker.C:
				a.note(how())
			case <-done:
				return
			}
		}
	}()
	return func() {
		close(done)
		<-gone
	}
}

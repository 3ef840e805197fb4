package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
)

// An event is one line of go test -json; go doc test2json and go help
// buildjson describe it.
type event struct {
	Action  string `json:"Action"`
	Package string `json:"Package"`
	Test    string `json:"Test"`
	Output  string `json:"Output"`
	Key     string `json:"Key"`   // of an attribute
	Value   string `json:"Value"` // of an attribute
}

// A status is the last word on a test or package: pass, fail or skip, or
// nothing if it never ended.
type status string

const (
	passed  status = "pass"
	failed  status = "fail"
	skipped status = "skip"
)

// A pkg is a package's tests.
type pkg struct {
	status status
	output strings.Builder // what no test can be blamed for
	tests  map[string]*test
	top    []*test
}

// A test is a test and its subtests, in the order in which they started.
type test struct {
	name     string
	status   status
	output   strings.Builder
	attrs    map[string]string
	subtests []*test
}

// Results are what the events so far have told.
type results struct {
	pkgs   []*pkg
	byName map[string]*pkg
}

// maxLine is longer than any event that go test prints.
const maxLine = 16 << 20

// collect reads events and prints each package to out as it ends. Lines that
// are no events are handed through.
func collect(in io.Reader, out io.Writer) ([]*pkg, error) {
	r := &results{byName: make(map[string]*pkg)}
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, maxLine)
	for lines.Scan() {
		if _, err := io.WriteString(out, r.add(parse(lines.Bytes()))); err != nil {
			return nil, fmt.Errorf("printing: %w", err)
		}
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("reading: %w", err)
	}
	if _, err := io.WriteString(out, r.end()); err != nil {
		return nil, fmt.Errorf("printing: %w", err)
	}
	return r.pkgs, nil
}

func parse(line []byte) event {
	var e event
	if !bytes.HasPrefix(line, []byte("{")) || json.Unmarshal(line, &e) != nil {
		return event{Output: string(line) + "\n"}
	}
	return e
}

// add takes in one event and returns what there is to print now.
func (r *results) add(e event) string {
	if e.Package == "" { // from the build
		return e.Output
	}
	p := r.byName[e.Package]
	again := p != nil && p.status != "" && e.Action == "start" // another go test in the same stream
	if p == nil || again {
		p = &pkg{tests: make(map[string]*test)}
		r.byName[e.Package] = p
		r.pkgs = append(r.pkgs, p)
	}
	p.add(e)
	if p.status == "" {
		return ""
	}
	return p.String()
}

// end returns what is known of the packages that the end of the stream has cut
// off. They have failed.
func (r *results) end() string {
	var b strings.Builder
	for _, p := range r.pkgs {
		if p.status == "" {
			p.status = failed
			b.WriteString(p.String())
		}
	}
	return b.String()
}

func (p *pkg) add(e event) {
	if e.Test == "" {
		switch e.Action {
		case "output":
			p.output.WriteString(e.Output)
		case "pass", "fail", "skip":
			p.status = status(e.Action)
		}
		return
	}
	t := p.test(e.Test)
	switch e.Action {
	case "output":
		if !isProgress(e.Output) {
			t.output.WriteString(e.Output)
		}
	case "attr":
		t.attrs[e.Key] = e.Value
	case "pass", "fail", "skip":
		t.status = status(e.Action)
	}
}

// test returns the test of that name, new or known. A subtest's name may hold
// slashes of its own, so its parent is the longest name that has been seen.
func (p *pkg) test(name string) *test {
	if t := p.tests[name]; t != nil {
		return t
	}
	t := &test{name: name, attrs: make(map[string]string)}
	p.tests[name] = t
	for i := strings.LastIndexByte(name, '/'); i > 0; i = strings.LastIndexByte(name[:i], '/') {
		if parent := p.tests[name[:i]]; parent != nil {
			parent.subtests = append(parent.subtests, t)
			return t
		}
	}
	p.top = append(p.top, t)
	return t
}

// isProgress tells the testing package's stage directions from what a test has
// to say.
func isProgress(line string) bool {
	for _, word := range []string{"RUN", "PAUSE", "CONT", "NAME", "ATTR"} {
		if strings.HasPrefix(line, "=== "+word+" ") {
			return true
		}
	}
	return false
}

// String returns go test's own line about a package that has ended, and if it
// failed, before that, all that its failed tests printed, or all its tests if
// none can be blamed.
func (p *pkg) String() string {
	said := strings.TrimRight(p.output.String(), "\n")
	if p.status != failed {
		return said[strings.LastIndexByte(said, '\n')+1:] + "\n"
	}
	var b strings.Builder
	blameless := !slices.ContainsFunc(p.top, (*test).failed)
	for _, t := range p.top {
		t.write(&b, blameless)
	}
	b.WriteString(said + "\n")
	return b.String()
}

// write appends what t and its subtests printed: those that failed, or all.
func (t *test) write(b *strings.Builder, all bool) {
	if !all && !t.failed() {
		return
	}
	b.WriteString(t.output.String())
	for _, s := range t.subtests {
		s.write(b, all)
	}
}

// failed reports whether t has failed, or never ended because its process did.
func (t *test) failed() bool {
	return t.status != passed && t.status != skipped
}

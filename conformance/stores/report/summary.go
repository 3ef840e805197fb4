package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strings"
	"text/tabwriter"
)

// The attributes by which a test tells what it is; see the package comment.
const (
	attrStore   = "cloakroom.store"
	attrServer  = "cloakroom.server"
	attrVersion = "cloakroom.version"
	attrMutants = "cloakroom.mutants"
)

// A tally counts tests.
type tally struct{ passed, failed, skipped int }

func (c *tally) add(d tally) {
	c.passed += d.passed
	c.failed += d.failed
	c.skipped += d.skipped
}

// A storeRun is one run of the conformance suite on one store.
type storeRun struct {
	store, server, version string
	cases                  tally
	reasons                map[string][]string // why cases were skipped → which
}

// A summary is what a stream of test events comes down to.
type summary struct {
	tests           tally
	runs            []storeRun
	planted, caught int
	skipped         []string // other tests that were skipped, and why
	errs            []error
}

func summarize(pkgs []*pkg) *summary {
	s := &summary{}
	for _, p := range pkgs {
		s.tests.add(p.count())
		for _, t := range p.top {
			s.visit(t)
		}
	}
	slices.SortFunc(s.runs, func(a, b storeRun) int {
		return cmp.Or(cmp.Compare(a.store, b.store), cmp.Compare(a.server, b.server), cmp.Compare(a.version, b.version))
	})
	return s
}

// visit looks for runs of the suite and for mutants in t and below.
func (s *summary) visit(t *test) {
	if t.attrs[attrStore] != "" {
		run := storeRun{
			store:   t.attrs[attrStore],
			server:  t.attrs[attrServer],
			version: t.attrs[attrVersion],
			cases:   t.count(),
			reasons: make(map[string][]string),
		}
		t.eachSkipped(func(c *test) {
			why := c.reason()
			run.reasons[why] = append(run.reasons[why], strings.TrimPrefix(c.name, t.name+"/"))
		})
		for _, names := range run.reasons {
			slices.Sort(names) // they ran in parallel, in any order
		}
		s.runs = append(s.runs, run)
		s.tests.skipped -= run.cases.skipped // they are not applicable, and counted there
		return
	}
	if t.status == skipped && len(t.subtests) == 0 {
		s.skipped = append(s.skipped, t.name+": "+t.reason())
	}
	if v, ok := t.attrs[attrMutants]; ok {
		var planted, caught int
		if _, err := fmt.Sscanf(v, "planted=%d caught=%d", &planted, &caught); err != nil {
			s.errs = append(s.errs, fmt.Errorf("%s: attribute %s=%q: %w", t.name, attrMutants, v, err))
		}
		s.planted += planted
		s.caught += caught
	}
	for _, c := range t.subtests {
		s.visit(c)
	}
}

// count counts the tests of p. A package that fails on its own, because it
// doesn't build or its process dies, counts as a failed test.
func (p *pkg) count() tally {
	var c tally
	for _, t := range p.top {
		c.add(t.count())
	}
	if p.status == failed && c.failed == 0 {
		c.failed++
	}
	return c
}

// count counts the tests in t that have no subtests, and those that failed
// though none of their subtests did.
func (t *test) count() tally {
	var c tally
	for _, s := range t.subtests {
		c.add(s.count())
	}
	switch {
	case t.failed():
		if c.failed == 0 {
			c.failed++
		}
	case len(t.subtests) > 0:
	case t.status == skipped:
		c.skipped++
	default:
		c.passed++
	}
	return c
}

func (t *test) eachSkipped(f func(*test)) {
	for _, s := range t.subtests {
		s.eachSkipped(f)
	}
	if t.status == skipped && len(t.subtests) == 0 {
		f(t)
	}
}

// logged matches what testing puts in front of a test's log.
var logged = regexp.MustCompile(`(?m)^\s*\w+\.go:\d+: (?:not applicable: )?(.+)$`)

// reason returns why t was skipped: the last thing that it logged.
func (t *test) reason() string {
	logs := logged.FindAllStringSubmatch(t.output.String(), -1)
	if len(logs) == 0 {
		return "no reason given"
	}
	return logs[len(logs)-1][1]
}

// verdict returns nil if everything that had to hold does.
func (s *summary) verdict() error {
	errs := slices.Clone(s.errs)
	if s.tests.failed > 0 {
		errs = append(errs, fmt.Errorf("%d tests failed", s.tests.failed))
	}
	if s.caught != s.planted {
		errs = append(errs, fmt.Errorf("%d of %d mutants survived", s.planted-s.caught, s.planted))
	}
	if s.tests.passed+s.tests.failed == 0 {
		errs = append(errs, errors.New("nothing was tested"))
	}
	return errors.Join(errs...)
}

// print prints the summary. The number of tests is the last line.
func (s *summary) print(out io.Writer) error {
	var b strings.Builder
	if len(s.runs) > 0 {
		b.WriteString("\nstore\tserver\tversion\tcases passed\tfailed\tnot applicable\n")
	}
	for _, r := range s.runs {
		fmt.Fprintf(&b, "%s\t%s\t%s\t%d\t%d\t%d\n", r.store, cmp.Or(r.server, "-"), cmp.Or(r.version, "-"),
			r.cases.passed, r.cases.failed, r.cases.skipped)
	}
	if slices.ContainsFunc(s.runs, func(r storeRun) bool { return r.cases.skipped > 0 }) {
		b.WriteString("\nnot applicable\n")
	}
	for _, r := range s.runs {
		for _, why := range slices.Sorted(maps.Keys(r.reasons)) {
			fmt.Fprintf(&b, "%s: %s: %s\n", r.store, why, strings.Join(r.reasons[why], ", "))
		}
	}
	if len(s.skipped) > 0 {
		fmt.Fprintf(&b, "\nskipped\n%s\n", strings.Join(s.skipped, "\n"))
	}
	if s.planted > 0 {
		fmt.Fprintf(&b, "\nmutants: %d planted, %d caught\n", s.planted, s.caught)
	}
	fmt.Fprintf(&b, "\n%d passed, %d failed, %d skipped\n", s.tests.passed, s.tests.failed, s.tests.skipped)

	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	if _, err := io.WriteString(w, b.String()); err != nil {
		return fmt.Errorf("printing: %w", err)
	}
	if err := w.Flush(); err != nil {
		return fmt.Errorf("printing: %w", err)
	}
	return nil
}

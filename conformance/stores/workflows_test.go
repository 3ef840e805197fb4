package stores_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/cloakroom-go/cloakroom/conformance/stores/internal/backends"
)

var (
	// What the workflow "test" skips, and what the workflow "stores" runs for each
	// store, in which packages of this module; and what these are made of.
	skipped  = regexp.MustCompile(`(?m) -skip "(.+?)" `)
	run      = regexp.MustCompile(`(?m)^\s+-run "(.+?)" (.+) \|$`)
	names    = regexp.MustCompile(`(?m)^backends='(.+)'$`)
	everyone = regexp.MustCompile(`(?m)^all='(.+)'$`)
)

// TestWhatOneWorkflowSkipsTheOtherRuns holds the expressions of the workflows
// together: a test that needs a server is run by one of them.
func TestWhatOneWorkflowSkipsTheOtherRuns(t *testing.T) {
	t.Parallel()
	expand := func(pattern, store string) *regexp.Regexp {
		words := strings.NewReplacer("$backends", found(t, names)[1], "$all", found(t, everyone)[1], "$STORE", store)
		return topLevel(words.Replace(pattern))
	}
	skip := expand(found(t, skipped)[1], "")
	runs := found(t, run)
	var packages []string
	for pkg := range strings.FieldsSeq(runs[2]) {
		packages = append(packages, filepath.Join(root, "conformance", "stores", pkg))
	}
	var own []*regexp.Regexp
	for _, b := range backends.All {
		if b.Server != nil {
			own = append(own, expand(runs[1], b.Name))
			packages = append(packages, filepath.Join(root, b.Module)) // all of whose tests are run
		}
	}
	all := 0
	for place, names := range tests(t) {
		for _, name := range names {
			if !skip.MatchString(name) {
				continue
			}
			all++
			isRun := slices.ContainsFunc(own, func(r *regexp.Regexp) bool { return r.MatchString(name) })
			if !isRun || !slices.Contains(packages, place) {
				t.Errorf("%s: no workflow runs %s", place, name)
			}
		}
	}
	if all < 40 {
		t.Errorf("%d tests with servers found; are they still named in this way?", all)
	}
}

// TestMakeCIRunsWhatTheWorkflowsRun keeps them from running what nobody can run here.
func TestMakeCIRunsWhatTheWorkflowsRun(t *testing.T) {
	t.Parallel()
	_, ci, _ := strings.Cut(read(t, "Makefile"), "\nci: ")
	ci, _, _ = strings.Cut(ci, "\n.PHONY")
	ci = strings.ReplaceAll(ci, "matrix", "store") // of all stores
	all := 0
	for _, workflow := range []string{"test", "stores"} {
		for _, m := range regexp.MustCompile(`(?m)run: (make|scripts/ci.sh) (\S+)`).FindAllStringSubmatch(
			read(t, ".github/workflows/"+workflow+".yml"), -1) {
			all++
			if !slices.Contains(strings.Fields(ci), m[2]) {
				t.Errorf("make ci does not run %s %s, as the workflow %s does", m[1], m[2], workflow)
			}
		}
	}
	if all < 6 {
		t.Errorf("%d commands found in the workflows", all)
	}
}

// found returns what an expression finds in the script that the workflows call.
func found(t *testing.T, what *regexp.Regexp) []string {
	t.Helper()
	m := what.FindStringSubmatch(read(t, "scripts/ci.sh"))
	if m == nil {
		t.Fatalf("nothing in scripts/ci.sh matches %v", what)
	}
	return m
}

// topLevel returns the part of a pattern for go test that is about tests and not
// about subtests, of which the last alternative alone tells.
func topLevel(pattern string) *regexp.Regexp {
	tests, _, _ := strings.Cut(pattern, "/")
	return regexp.MustCompile(tests)
}

// tests returns the names of the tests of this repository, by folder.
func tests(t *testing.T) map[string][]string {
	t.Helper()
	names := make(map[string][]string)
	err := filepath.WalkDir(root, func(path string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		for _, decl := range file.Decls {
			if f, ok := decl.(*ast.FuncDecl); ok && f.Recv == nil && strings.HasPrefix(f.Name.Name, "Test") {
				names[filepath.Dir(path)] = append(names[filepath.Dir(path)], f.Name.Name)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

package stores_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
)

// claims finds the tests that a page names, and the suite's cases, which it names
// as topic/case.
var claims = regexp.MustCompile("`((?:Test|Fuzz|Benchmark)[A-Za-z0-9_]+|[a-z]+/[a-z0-9_']+)`")

// notARow matches the lines of a table that are none of its rows.
var notARow = regexp.MustCompile(`^\|(-|( req| where| claim) \|)`)

// evidence are the pages whose tables lead from a claim to the tests that show it.
var evidence = []string{"SECURITY.md", "docs/evidence.md"}

// contributors are the pages for those who work on the repository: they may name
// its tests as well.
var contributors = []string{"CONTRIBUTING.md", "conformance/README.md"}

// TestEvidenceNamesTestsThatExist keeps the evidence honest: every row of its
// tables names a test, and every test that it names is there.
func TestEvidenceNamesTestsThatExist(t *testing.T) {
	t.Parallel()
	there := testNames(t)
	rows := 0
	for _, name := range evidence {
		text, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(name)))
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			if !strings.HasPrefix(line, "|") || notARow.MatchString(line) {
				continue
			}
			rows++
			named := claims.FindAllStringSubmatch(line, -1)
			if len(named) == 0 && !strings.Contains(line, "application's") {
				t.Errorf("%s: no test in the row %s", name, line)
			}
			for _, n := range named {
				if !there[n[1]] {
					t.Errorf("%s: %s is named, but not there", name, n[1])
				}
			}
		}
	}
	if rows < 100 {
		t.Errorf("%d rows found; are the tables still written in this way?", rows)
	}
}

// TestPagesForUsersNameNoTests: who reads how to do something is not kept from it by
// names of tests. Pages for contributors name tests that exist.
func TestPagesForUsersNameNoTests(t *testing.T) {
	t.Parallel()
	there, topics := testNames(t), make(map[string]bool)
	for name := range there {
		if topic, _, ok := strings.Cut(name, "/"); ok {
			topics[topic] = true
		}
	}
	for _, p := range pages(t) {
		if slices.Contains(evidence, p.path) {
			continue
		}
		for _, n := range claims.FindAllStringSubmatch(fenced.ReplaceAllString(p.text, ""), -1) {
			topic, _, isCase := strings.Cut(n[1], "/")
			switch {
			case isCase && !topics[topic]: // a folder
			case !slices.Contains(contributors, p.path):
				t.Errorf("%s names %s; docs/evidence.md is the place for it", p.path, n[1])
			case !there[n[1]]:
				t.Errorf("%s: %s is named, but not there", p.path, n[1])
			}
		}
	}
}

// testNames returns the functions that are tests in this repository, and the
// cases of the suite.
func testNames(t *testing.T) map[string]bool {
	t.Helper()
	names := make(map[string]bool)
	err := filepath.WalkDir(root, func(path string, _ fs.DirEntry, err error) error {
		inSuite := filepath.Dir(path) == filepath.Join(root, "conformance")
		if err != nil || !strings.HasSuffix(path, ".go") || !inSuite && !strings.HasSuffix(path, "_test.go") {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		for _, decl := range file.Decls {
			if f, ok := decl.(*ast.FuncDecl); ok && f.Recv == nil {
				names[f.Name.Name] = true
				for _, c := range casesOf(f) {
					names[c] = true
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// topicOf finds the topic of a function of cases, as in {"expiry", slices.Concat(expiryCases(),
// movedCases())}.
var topicOf = sync.OnceValue(func() map[string][]string {
	topics := make(map[string][]string)
	for _, name := range []string{"conformance.go", "pages.go"} {
		file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(root, "conformance", name), nil, parser.SkipObjectResolution)
		if err != nil {
			return nil
		}
		ast.Inspect(file, func(n ast.Node) bool {
			pair, ok := n.(*ast.CompositeLit)
			if !ok || len(pair.Elts) != 2 {
				return true
			}
			topic, ok := pair.Elts[0].(*ast.BasicLit)
			if !ok {
				return true
			}
			own := strings.Trim(topic.Value, `"`)
			topics[own] = []string{own}
			ast.Inspect(pair.Elts[1], func(n ast.Node) bool {
				if call, ok := n.(*ast.CallExpr); ok {
					if f, ok := call.Fun.(*ast.Ident); ok {
						topics[f.Name] = append(topics[f.Name], own)
					}
				}
				return true
			})
			return true
		})
	}
	topics["pageTopic"] = topics["pages"]
	return topics
})

// casesOf returns the cases in a function such as deleteCases, as go test names them. What a
// name begins with may be the verb of a view.
func casesOf(f *ast.FuncDecl) (cases []string) {
	ast.Inspect(f, func(n ast.Node) bool {
		pair, ok := n.(*ast.KeyValueExpr)
		if !ok {
			return true
		}
		if key, ok := pair.Key.(*ast.Ident); !ok || key.Name != "name" {
			return true
		}
		begins, text := []string{""}, pair.Value
		if sum, ok := text.(*ast.BinaryExpr); ok {
			begins, text = []string{"lists", "yields"}, sum.Y
		}
		if name, ok := text.(*ast.BasicLit); ok {
			for _, topic := range topicOf()[f.Name.Name] {
				for _, verb := range begins {
					cases = append(cases, topic+"/"+strings.ReplaceAll(verb+strings.Trim(name.Value, `"`), " ", "_"))
				}
			}
		}
		return true
	})
	return cases
}

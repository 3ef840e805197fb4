package stores_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// claims finds the tests that SECURITY.md names, and the suite's cases, which it
// names as topic/case.
var claims = regexp.MustCompile("`((?:Test|Fuzz|Benchmark)[A-Za-z0-9_]+|[a-z]+/[a-z0-9_']+)`")

// notARow matches the lines of a table that are none of its rows.
var notARow = regexp.MustCompile(`^\|(-|( req| where) \|)`)

// TestSecurityNamesTestsThatExist keeps SECURITY.md honest: every row of its
// tables names a test, and every test that it names is there.
func TestSecurityNamesTestsThatExist(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join(root, "SECURITY.md"))
	if err != nil {
		t.Fatal(err)
	}
	there := testNames(t)
	rows := 0
	for line := range strings.Lines(string(text)) {
		if !strings.HasPrefix(line, "|") || notARow.MatchString(line) {
			continue
		}
		rows++
		named := claims.FindAllStringSubmatch(line, -1)
		if len(named) == 0 && !strings.Contains(line, "application's") {
			t.Errorf("no test in the row %s", line)
		}
		for _, n := range named {
			if !there[n[1]] {
				t.Errorf("%s is named, but not there", n[1])
			}
		}
	}
	if rows < 40 {
		t.Errorf("%d rows found; are the tables still written in this way?", rows)
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

// casesOf returns the cases in a function such as deleteCases or versionCases,
// as go test names them: a topic's name may be a plural.
func casesOf(f *ast.FuncDecl) (cases []string) {
	topic, ok := strings.CutSuffix(f.Name.Name, "Cases")
	if !ok {
		return nil
	}
	ast.Inspect(f, func(n ast.Node) bool {
		pair, ok := n.(*ast.KeyValueExpr)
		if !ok {
			return true
		}
		key, isName := pair.Key.(*ast.Ident)
		text, isText := pair.Value.(*ast.BasicLit)
		if isName && isText && key.Name == "name" {
			name := strings.ReplaceAll(strings.Trim(text.Value, `"`), " ", "_")
			cases = append(cases, topic+"/"+name, topic+"s/"+name)
		}
		return true
	})
	return cases
}

package stores_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// logLine finds what a page quotes of the log.
var logLine = regexp.MustCompile("(?:Info|Warn|Error) `([^`]+)`")

// logMethod matches the methods of a logger.
var logMethod = regexp.MustCompile("^(Info|Warn|Error)(Context)?$")

// TestLogLinesInPagesAreLogged: who looks for a line of a page in the log finds it, and
// what an operator may see in the log is in docs/operations.md.
func TestLogLinesInPagesAreLogged(t *testing.T) {
	t.Parallel()
	logged := logLines(t)
	quoted := make(map[string][]string)
	for _, p := range pages(t) {
		for _, m := range logLine.FindAllStringSubmatch(p.text, -1) {
			quoted[p.path] = append(quoted[p.path], m[1])
			if !slices.Contains(logged, m[1]) {
				t.Errorf("%s: nothing logs %q", p.path, m[1])
			}
		}
	}
	for _, line := range logged {
		if !slices.Contains(quoted["docs/operations.md"], line) {
			t.Errorf("docs/operations.md lacks the log line %q", line)
		}
	}
	if len(logged) < 15 {
		t.Errorf("%d log lines found; are they still written in this way?", len(logged))
	}
}

// logLines returns what the library logs from the level Info on, up to the first
// semicolon: what stands behind it says what to do.
func logLines(t *testing.T) (lines []string) {
	t.Helper()
	for _, file := range parsed(t, "core/session/*.go", "core/csrf/*.go", "core/dbsc/*.go") {
		ast.Inspect(file, func(n ast.Node) bool {
			if call, ok := n.(*ast.CallExpr); ok {
				f, ok := call.Fun.(*ast.SelectorExpr)
				if ok && logMethod.MatchString(f.Sel.Name) {
					for _, arg := range call.Args[:min(2, len(call.Args))] { // the first may be a context
						lines = appendText(lines, arg)
					}
				}
			}
			if a, ok := n.(*ast.AssignStmt); ok && len(a.Rhs) == 1 {
				if id, ok := a.Lhs[0].(*ast.Ident); ok && id.Name == "message" {
					lines = appendText(lines, a.Rhs[0])
				}
			}
			return true
		})
	}
	return lines
}

// appendText appends the beginning of a literal, or of a sum that begins with one.
func appendText(lines []string, e ast.Expr) []string {
	for {
		sum, ok := e.(*ast.BinaryExpr)
		if !ok {
			break
		}
		e = sum.X
	}
	text, ok := e.(*ast.BasicLit)
	if !ok {
		return lines // a variable, whose assignment is found
	}
	line, err := strconv.Unquote(text.Value)
	if err != nil || !strings.Contains(line, ": ") {
		return lines // an attribute's name
	}
	line, _, _ = strings.Cut(line, ";")
	return append(lines, line)
}

// TestEventsAreInOperations: each kind of event, and each reason for an end, is
// explained to operators.
func TestEventsAreInOperations(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join(root, "docs", "operations.md"))
	if err != nil {
		t.Fatal(err)
	}
	constants := 0
	for _, file := range parsed(t, "core/session/event.go", "core/dbsc/event.go") {
		for _, decl := range file.Decls {
			d, ok := decl.(*ast.GenDecl)
			if !ok || d.Tok != token.CONST {
				continue
			}
			for _, spec := range d.Specs {
				for _, id := range valueNames(spec) {
					constants++
					if !strings.Contains(string(text), "`"+id.Name+"`") {
						t.Errorf("docs/operations.md lacks %s", id.Name)
					}
				}
			}
		}
	}
	if constants < 10 {
		t.Errorf("%d constants found; are they still written in this way?", constants)
	}
}

func valueNames(spec ast.Spec) []*ast.Ident {
	if v, ok := spec.(*ast.ValueSpec); ok {
		return v.Names
	}
	return nil
}

// TestArchitectureNamesEveryFile: a newcomer finds each file of package session in
// docs/architecture.md.
func TestArchitectureNamesEveryFile(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join(root, "docs", "architecture.md"))
	if err != nil {
		t.Fatal(err)
	}
	for name := range parsed(t, "core/session/*.go") {
		if name = filepath.Base(name); !strings.Contains(string(text), "| ["+name+"](") {
			t.Errorf("docs/architecture.md lacks %s", name)
		}
	}
}

// parsed returns the source files that match patterns, without tests, by name.
func parsed(t *testing.T, patterns ...string) map[string]*ast.File {
	t.Helper()
	found := make(map[string]*ast.File)
	for _, pattern := range patterns {
		names, err := filepath.Glob(filepath.Join(root, filepath.FromSlash(pattern)))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			if strings.HasSuffix(name, "_test.go") {
				continue
			}
			file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			found[name] = file
		}
	}
	if len(found) == 0 {
		t.Fatalf("no file matches %v", patterns)
	}
	return found
}

// pageWidth is how wide text is on the pages, in characters.
const pageWidth = 100

// TestPagesAreWrapped: text on the pages has one width. Tables, headings and code have
// their own.
func TestPagesAreWrapped(t *testing.T) {
	t.Parallel()
	for _, p := range pages(t) {
		inFence := false
		for i, line := range strings.Split(p.text, "\n") {
			mark := strings.TrimSpace(line)
			switch {
			case strings.HasPrefix(mark, "```"):
				inFence = !inFence
			case inFence, strings.HasPrefix(mark, "|"), strings.HasPrefix(mark, "#"), !strings.Contains(mark, " "):
			case len([]rune(line)) > pageWidth:
				t.Errorf("%s:%d: %d characters; wrap at %d", p.path, i+1, len([]rune(line)), pageWidth)
			}
		}
	}
}

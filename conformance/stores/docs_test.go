package stores_test

import (
	"fmt"
	"go/format"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// A page is one of the repository's Markdown files. Its blocks of Go are
// programs: each one that begins with a package clause is a file of that package,
// all others are one package together, as declarations or, if they aren't any, as
// statements in a function. Packages of this repository and of the standard
// library need not be imported, variables of a function need not be used, and
// what no block declares is the prelude's.
type page struct {
	path string // from the root, with slashes
	text string
}

// prelude is what the pages' blocks have at hand: what an application has made
// when it starts, what a handler is given, and a store of the reader's own.
var prelude = []string{
	"var ctx context.Context",
	"var keys [][]byte",
	"var store session.Store",
	"var sessions *session.Manager",
	"var mux *http.ServeMux",

	"var w http.ResponseWriter",
	"var r *http.Request",
	"var s *session.Session",

	"var connect func(*testing.T) any",
	"var mystore struct{ New func(any) session.Store }",
}

// importable are the packages that are imported by themselves, beside those of
// the standard library and of this repository that no other shares a name with.
var importable = map[string]string{
	"goredisstore": "github.com/alexedwards/scs/goredisstore",
	"chi":          "github.com/go-chi/chi/v5",
	"scs":          "github.com/alexedwards/scs/v2",
	"websocket":    "github.com/gorilla/websocket",
	"memcache":     "github.com/bradfitz/gomemcache/memcache",
	"oauth2":       "golang.org/x/oauth2",
	"mongo":        "go.mongodb.org/mongo-driver/v2/mongo",
	"options":      "go.mongodb.org/mongo-driver/v2/mongo/options",
	"pgxpool":      "github.com/jackc/pgx/v5/pgxpool",
	"rand":         "crypto/rand",
	"redis":        "github.com/redis/go-redis/v9",
	"template":     "html/template",
}

// TestCodeInPagesCompiles keeps the documentation's code working. A block is
// formatted, too.
func TestCodeInPagesCompiles(t *testing.T) {
	t.Parallel()
	all := pages(t)
	blocks := 0
	for _, p := range all {
		for _, b := range p.blocks() {
			blocks++
			if got, err := format.Source([]byte(b.code)); err == nil && string(got) != b.code {
				t.Errorf("%s:%d: not formatted; gofmt makes of it\n%s", p.path, b.line, got)
			}
		}
	}
	if blocks < 20 {
		t.Errorf("%d blocks of Go found; are they still written in this way?", blocks)
	}
	if err := compile(t, all); err != nil {
		t.Error(err)
	}
}

func TestEveryKindOfBlockCompiles(t *testing.T) {
	t.Parallel()
	blocks := []string{
		"package shop\n\nfunc Open() int { return 1 }",
		"package shop\n\nimport \"testing\"\n\nfunc TestOpen(*testing.T) { _ = Open() }",
		"import cloak \"github.com/cloakroom-go/cloakroom/core/session\"\n\nvar cart = cloak.NewKey[[]string](\"cart\")",
		"import session \"github.com/cloakroom-go/cloakroom/core/session\"",
		"type shop struct{}\n\nfunc (shop) open(w io.Writer) {}",
		"token, err := protection(r)\nif err != nil {\n\treturn\n}\ncart.Set(s, []string{token})",
		"items, keys := cart.Get(s), 1 // what the prelude has may be declared again",
		"func protection(*http.Request) (string, error) { return rand.Text(), nil }",
	}
	text := "```sh\nmake test\n```\n\n```go\n" + strings.Join(blocks, "\n```\n\ntext\n\n```go\n") + "\n```\n"
	if err := compile(t, []page{{"page.md", text}}); err != nil {
		t.Error(err)
	}
}

func TestCodeThatDoesNotCompileIsFound(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, block string }{
		{"statement", "s, err := sessions.Get(w)"},
		{"declaration", "func handler(w http.ResponseWriter) { sessions.Fail(w) }"},
		{"file", "package shop\n\nvar _ int = session.MinKeyLen"},
		{"import", "import \"github.com/cloakroom-go/cloakroom/store-none\""},
		{"name that nothing declares", "cart.Get(s)"},
		{"no Go", "sessions :="},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			text := "# Page\n\n```go\n" + c.block + "\n```\n"
			if err := compile(t, []page{{"page.md", text}}); err == nil || !strings.Contains(err.Error(), "page.md:") {
				t.Errorf("got error %v, want one that names the page", err)
			}
		})
	}
}

// pages returns all of the repository's.
func pages(t *testing.T) (found []page) {
	t.Helper()
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		switch name := entry.Name(); {
		case err != nil:
			return err
		case entry.IsDir() && (name == ".git" || name == "bin" || name == "coverage"):
			return fs.SkipDir
		case entry.IsDir() || filepath.Ext(name) != ".md":
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		path, err = filepath.Rel(root, path)
		found = append(found, page{filepath.ToSlash(path), strings.ReplaceAll(string(text), "\r\n", "\n")})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// A block is the inside of a fence that says go, and the line where it begins.
type block struct {
	line int
	code string
}

func (p page) blocks() (found []block) {
	fence := ""
	for i, line := range strings.Split(p.text, "\n") {
		mark := strings.TrimSpace(line)
		switch {
		case fence == "" && strings.HasPrefix(mark, "```"):
			if fence = mark; fence == "```go" {
				found = append(found, block{line: i + 2})
			}
		case mark == "```":
			fence = ""
		case fence == "```go":
			found[len(found)-1].code += line + "\n"
		}
	}
	return found
}

// compile has go vet look at the blocks of pages, in a module of its own within
// the workspace. Errors name the page and the line.
func compile(t *testing.T, all []page) error {
	t.Helper()
	dir := t.TempDir()
	known := packages(t)
	for i, p := range all {
		files, err := p.files(known)
		if err != nil {
			return err
		}
		for name, source := range files {
			name = filepath.Join(dir, fmt.Sprintf("page%d", i), name)
			if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
				return err
			}
			if err := os.WriteFile(name, []byte(source), 0o600); err != nil {
				return err
			}
		}
	}
	sum, err := os.ReadFile(filepath.Join(root, "go.work.sum"))
	if err != nil {
		return err
	}
	var work strings.Builder
	work.WriteString("go 1.26.0\n\nuse .\n")
	for m := range strings.FieldsSeq(goCommand(t, "list", "-m", "-f", "{{.Dir}}")) {
		fmt.Fprintf(&work, "use %q\n", m)
	}
	for name, text := range map[string]string{
		"go.mod":      "module example.com/pages\n\ngo 1.26.0\n",
		"go.work":     work.String(),
		"go.work.sum": string(sum),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			return err
		}
	}
	cmd := exec.CommandContext(t.Context(), "go", "vet", "./...")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOWORK="+filepath.Join(dir, "go.work"), "GOFLAGS=")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("go vet: %w\n%s", err, out)
	}
	return nil
}

// packages returns the path of each package that is imported by itself.
func packages(t *testing.T) map[string]string {
	t.Helper()
	known := make(map[string]string)
	for line := range strings.Lines(goCommand(t, "list", "-find", "-f", "{{.Name}} {{.ImportPath}}", "std", "work")) {
		name, path, _ := strings.Cut(strings.TrimSpace(line), " ")
		if hidden := "/" + path + "/"; strings.Contains(hidden, "/internal/") || strings.Contains(hidden, "/vendor/") || name == "main" {
			continue
		}
		if _, twice := known[name]; twice {
			path = "" // of two with the same name, none
		}
		known[name] = path
	}
	maps.Copy(known, importable)
	return known
}

// goCommand runs the go command in the repository's workspace and returns what it
// printed.
func goCommand(t *testing.T, args ...string) string {
	t.Helper()
	work, err := filepath.Abs(filepath.Join(root, "go.work"))
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "go", args...)
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "GOWORK="+work, "GOFLAGS=")
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go %s: %v\n%s", strings.Join(args, " "), err, &stderr)
	}
	return string(out)
}

// files returns the source files that the page's blocks make, by name.
func (p page) files(known map[string]string) (map[string]string, error) {
	files := make(map[string]string)
	declared, used := make(map[string]bool), make(map[string]bool)
	var parts []*part
	for _, b := range p.blocks() {
		part, err := parse(filepath.Join(root, filepath.FromSlash(p.path)), b)
		if err != nil {
			return nil, err
		}
		part.name = fmt.Sprintf("line%d.go", b.line)
		if part.whole {
			files[part.place()] = part.source
			continue
		}
		parts = append(parts, part)
		part.declares(declared)
		maps.Copy(used, part.uses())
	}
	for _, spec := range prelude {
		part, err := parse("prelude", block{1, spec})
		if err != nil {
			return nil, err
		}
		name := strings.Fields(spec)[1]
		if used[name] && !declared[name] {
			part.name = "prelude_" + name + ".go"
			parts = append(parts, part)
		}
	}
	for _, part := range parts {
		files[part.name] = part.complete(known, declared)
	}
	return files, nil
}

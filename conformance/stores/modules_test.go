package stores_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite the golden files in testdata/modules")

// root is the repository, seen from this package.
const root = "../.."

// neverTagged begins the go.mod of a module that is for this repository alone.
const neverTagged = "// Never tagged"

// A module is what go mod edit -json says of a go.mod, and where it is.
type module struct {
	Module  version   `json:"Module"`
	Require []version `json:"Require"`
	Replace []struct {
		New version `json:"New"`
	} `json:"Replace"`
	Tool []version `json:"Tool"`

	name string // of its folder, from the root
	dir  string // the same, absolute
}

type version struct {
	Path    string `json:"Path"`
	Version string `json:"Version"`
}

// TestModules keeps the promise that whoever imports one store gets that store
// and its driver: what a consumer of each published module has in its module
// graph is in testdata/modules. Run with -update after a change that is meant.
func TestModules(t *testing.T) {
	t.Parallel()
	modules := published(t)
	for _, m := range modules {
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			m.check(t)
			got := graph(t, m, modules)
			golden := filepath.Join("testdata", "modules", filepath.FromSlash(m.name)+".txt")
			if *update {
				err := os.MkdirAll(filepath.Dir(golden), 0o700)
				if err == nil {
					err = os.WriteFile(golden, got, 0o600)
				}
				if err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if want = bytes.ReplaceAll(want, []byte("\r\n"), []byte("\n")); !bytes.Equal(got, want) {
				t.Errorf("a consumer's modules are\n%s\nwant, from %s,\n%s", got, golden, want)
			}
		})
	}
}

// check reports what a published go.mod must not hold.
func (m *module) check(t *testing.T) {
	t.Helper()
	for _, tool := range m.Tool {
		t.Errorf("go.mod has the tool %s: run tools at a version instead", tool.Path)
	}
	for _, r := range m.Replace {
		if r.New.Version != "" || !strings.HasPrefix(r.New.Path, "../") {
			t.Errorf("go.mod replaces a module by %s, which is no sibling's folder", r.New.Path)
		}
	}
	for _, r := range m.Require {
		for _, word := range []string{"testcontainers", "docker", "moby", "testify", "gomega", "ginkgo", "mock"} {
			if strings.Contains(r.Path, word) {
				t.Errorf("go.mod requires %s, which only tests need: test it in conformance/stores", r.Path)
			}
		}
	}
}

// published returns the modules of go.work whose go.mod does not say that they are
// never tagged.
func published(t *testing.T) []*module {
	t.Helper()
	var work struct {
		Use []struct {
			DiskPath string `json:"DiskPath"`
		} `json:"Use"`
	}
	if err := json.Unmarshal(command(t, root, "work", "edit", "-json", "go.work"), &work); err != nil {
		t.Fatal(err)
	}
	var modules []*module
	for _, use := range work.Use {
		if name := path.Clean(use.DiskPath); !strings.HasPrefix(read(t, name+"/go.mod"), neverTagged) {
			modules = append(modules, load(t, name))
		}
	}
	if len(modules) == 0 {
		t.Fatal("go.work names no module")
	}
	return modules
}

func load(t *testing.T, name string) *module {
	t.Helper()
	dir, err := filepath.Abs(filepath.Join(root, filepath.FromSlash(name)))
	if err != nil {
		t.Fatal(err)
	}
	m := &module{name: name, dir: dir}
	if err := json.Unmarshal(command(t, dir, "mod", "edit", "-json"), m); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return m
}

// graph returns the modules that a program depends on which imports every
// package of m, or has its command as a tool, and nothing else, one on a line. Those of this repository are
// taken from their folders and have no version.
func graph(t *testing.T, m *module, siblings []*module) []byte {
	t.Helper()
	dir := t.TempDir()
	edit := []string{"mod", "edit", "-require=" + m.Module.Path + "@v0.0.0"}
	for _, s := range siblings {
		edit = append(edit, "-replace="+s.Module.Path+"="+s.dir)
	}
	var source strings.Builder
	source.WriteString("package main\n\n")
	const importable = `{{if ne .Name "main"}}{{.ImportPath}}{{end}}`
	for pkg := range strings.FieldsSeq(string(command(t, m.dir, "list", "-f", importable, "./..."))) {
		if !strings.Contains(pkg+"/", "/internal/") {
			source.WriteString("import _ \"" + pkg + "\"\n")
		}
	}
	source.WriteString("\nfunc main() {}\n")
	if err := os.WriteFile(filepath.Join(dir, "main.go"), []byte(source.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	const tools = `{{if eq .Name "main"}}{{.ImportPath}}{{end}}`
	for tool := range strings.FieldsSeq(string(command(t, m.dir, "list", "-f", tools, "./..."))) {
		edit = append(edit, "-tool="+tool)
	}
	command(t, dir, "mod", "init", "example.com/consumer")
	command(t, dir, edit...)
	command(t, dir, "mod", "tidy")
	command(t, dir, "build", "-o", os.DevNull, ".")
	return command(t, dir, "list", "-m", "-f",
		`{{if not .Main}}{{.Path}}{{if not .Replace}} {{.Version}}{{end}}{{end}}`, "all")
}

// command runs the go command in dir, outside any workspace, and returns what
// it printed.
func command(t *testing.T, dir string, args ...string) []byte {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS=-mod=mod")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go %s: %v\n%s", strings.Join(args, " "), err, &stderr)
	}
	return bytes.TrimLeft(out, "\n")
}

// read returns a file of the repository.
func read(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(name)))
	if err != nil {
		t.Fatal(err)
	}
	return strings.ReplaceAll(string(b), "\r\n", "\n")
}

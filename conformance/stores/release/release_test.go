package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// fake is a repository with a module, a store that needs it, and one that is never
// tagged.
type fake struct {
	t   *testing.T
	dir string
}

func newFake(t *testing.T) *fake {
	t.Helper()
	f := &fake{t, t.TempDir()}
	for name, text := range map[string]string{
		"go.work":   "go 1.26.0\n\nuse (\n\t./core\n\t./examples\n\t./store\n)\n",
		"LICENSE":   "All rights granted.\n",
		"README.md": "There are `core` and `store`.\n",
		"CHANGELOG.md": "# Changelog\n\n## Unreleased\n\n### Added\n\n- core: A.\n  It is new.\n- core/part: B.\n- store: C.\n\n" +
			"### Fixed\n\n- store: D.\n",
		"core/go.mod":  "module example.com/fake/core\n\ngo 1.26.0\n",
		"core/core.go": "// Package core is needed.\npackage core\n\n// A is one.\nconst A = 1\n",
		"store/go.mod": "module example.com/fake/store\n\ngo 1.26.0\n\nrequire example.com/fake/core " + placeholder +
			"\n\nreplace example.com/fake/core => ../core\n",
		"store/store.go": "// Package store needs core.\npackage store\n\nimport \"example.com/fake/core\"\n\n" +
			"// B is one.\nconst B = core.A\n",
		"examples/go.mod": neverTagged + ".\nmodule example.com/fake/examples\n\ngo 1.26.0\n\n" +
			"require example.com/fake/store " + placeholder + "\n\nrequire example.com/fake/core " + placeholder + " // indirect\n\n" +
			"replace (\n\texample.com/fake/core => ../core\n\texample.com/fake/store => ../store\n)\n",
		"examples/main.go": "// Program.\npackage main\n\nimport _ \"example.com/fake/store\"\n\nfunc main() {}\n",
	} {
		f.write(name, text)
	}
	f.git("init", "--quiet", "--initial-branch=main")
	f.commit()
	return f
}

func (f *fake) write(name, text string) {
	f.t.Helper()
	path := filepath.Join(f.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		f.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		f.t.Fatal(err)
	}
}

func (f *fake) read(name string) string {
	f.t.Helper()
	b, err := os.ReadFile(filepath.Join(f.dir, name))
	if err != nil {
		f.t.Fatal(err)
	}
	return string(b)
}

func (f *fake) git(args ...string) {
	f.t.Helper()
	cmd := exec.CommandContext(f.t.Context(), "git", append([]string{"-c", "user.name=t", "-c", "user.email=t@example.com"}, args...)...)
	cmd.Dir = f.dir
	if out, err := cmd.CombinedOutput(); err != nil {
		f.t.Fatalf("git %v: %v\n%s", args, err, out)
	}
}

func (f *fake) commit() {
	f.t.Helper()
	f.git("add", "--all")
	f.git("commit", "--quiet", "--message", "x")
}

// release runs the program and returns what it printed.
func (f *fake) release(args ...string) (string, error) {
	f.t.Helper()
	var out strings.Builder
	err := run(f.t.Context(), append([]string{"-root", f.dir}, args...), &out)
	return out.String(), err
}

func (f *fake) mustRelease(args ...string) string {
	f.t.Helper()
	out, err := f.release(args...)
	if err != nil {
		f.t.Fatal(err)
	}
	return out
}

func TestAllModulesAreReleasedTogether(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	out := f.mustRelease("-module", "all", "-version", "v0.1.0")
	if !strings.Contains(out, "git tag -a core/v0.1.0 -m \"core v0.1.0\" &&\ngit tag -a store/v0.1.0") ||
		!strings.HasSuffix(out, "git push origin core/v0.1.0 store/v0.1.0\n") || strings.Contains(out, "examples") {
		t.Errorf("it says\n%s", out)
	}
	for _, name := range []string{"store/go.mod", "examples/go.mod"} {
		if mod := f.read(name); strings.Contains(mod, placeholder) || !strings.Contains(mod, "example.com/fake/core v0.1.0") {
			t.Errorf("%s is\n%s", name, mod)
		}
	}
	want := "## Unreleased\n\n## v0.1.0 - " + time.Now().Format(time.DateOnly) + "\n\n### Added\n\n- core: A."
	if log := f.read("CHANGELOG.md"); !strings.Contains(log, want) {
		t.Errorf("the changelog is\n%s", log)
	}
	f.mustRelease("-check") // as it is, before it is tagged
}

func TestModulesAreReleasedOneByOne(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	_, err := f.release("-module", "store", "-version", "v0.1.0")
	if err == nil || !strings.Contains(err.Error(), "store requires core at") {
		t.Errorf("a store before core: %v", err)
	}
	f.mustRelease("-module", "core", "-version", "v0.1.0")
	want := "# Changelog\n\n## Unreleased\n\n### Added\n\n- store: C.\n\n### Fixed\n\n- store: D.\n\n" +
		"## core v0.1.0 - " + time.Now().Format(time.DateOnly) + "\n\n### Added\n\n- core: A.\n  It is new.\n- core/part: B.\n\n"
	if log := f.read("CHANGELOG.md"); log != want {
		t.Errorf("the changelog is\n%s\nwant\n%s", log, want)
	}
	if _, err := f.release("-module", "core", "-version", "v0.2.0"); err == nil || !strings.Contains(err.Error(), "not committed") {
		t.Errorf("on a tree with changes: %v", err)
	}
	f.commit()
	f.git("tag", "core/v0.1.0")
	f.mustRelease("-module", "store", "-version", "v0.1.0")
	f.commit()
	f.git("tag", "store/v0.1.0")
	for args, want := range map[string]string{
		"core v0.1.0":     "core has been released at v0.1.0",
		"core v0.0.9":     "core has been released at v0.1.0",
		"core v2.0.0":     "another module path",
		"core 0.2.0":      "is none",
		"core v0.2.0":     "no entry",
		"examples v0.1.0": "no published module",
	} {
		module, version, _ := strings.Cut(args, " ")
		if _, err := f.release("-module", module, "-version", version); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", args, err, want)
		}
	}
}

func TestADryRunChangesNothing(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	f.write("store/new.go", "package store\n") // not committed
	before := f.read("CHANGELOG.md") + f.read("store/go.mod")
	if out := f.mustRelease("-module", "all", "-version", "v0.1.0", "-n"); !strings.Contains(out, "nothing has changed") {
		t.Errorf("it says\n%s", out)
	}
	if after := f.read("CHANGELOG.md") + f.read("store/go.mod"); after != before {
		t.Errorf("it is now\n%s", after)
	}
}

// A store that uses what only the tree has of core builds here, by its replace
// directive, and would not for those who require it.
func TestAModuleThatOnlyWorksHereIsFound(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	f.mustRelease("-module", "core", "-version", "v0.1.0")
	f.commit()
	f.git("tag", "core/v0.1.0")
	f.mustRelease("-check")
	f.write("core/core.go", f.read("core/core.go")+"\n// New is not released.\nconst New = 2\n")
	f.write("store/store.go", strings.ReplaceAll(f.read("store/store.go"), "core.A", "core.New"))
	if _, err := f.release("-check"); err == nil || !strings.Contains(err.Error(), "undefined: core.New") {
		t.Errorf("error %v, want what the store lacks", err)
	}
	f.write("CHANGELOG.md", "## Unreleased\n\n### Added\n\n- core: New.\n")
	f.commit()
	f.mustRelease("-module", "core", "-version", "v0.2.0")
	f.mustRelease("-check") // when the store requires it
}

// TestThisRepositoryCanBeReleased is what make release does, in a copy. That has a change to
// release, and no version is after that one: when nothing is new, and whatever has been
// released, it can be.
func TestThisRepositoryCanBeReleased(t *testing.T) {
	t.Parallel()
	r, err := load(t.Context(), "../../..")
	if err != nil {
		t.Fatal(err)
	}
	c, err := r.copied(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	f := &fake{t, c.root}
	t.Cleanup(func() { _ = os.RemoveAll(c.root) })
	f.write("CHANGELOG.md", strings.Replace(f.read("CHANGELOG.md"), unreleased+"\n", unreleased+"\n\n### Added\n\n- core: A.\n", 1))
	modules, err := c.named(everything)
	if err != nil {
		t.Fatal(err)
	}
	out, err := c.prepare(t.Context(), modules, "v1.999999.0", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	for _, tag := range []string{"core/v1.999999.0", "store-file/v1.999999.0", "conformance/v1.999999.0"} {
		if !strings.Contains(out, "git tag -a "+tag) {
			t.Errorf("no %s in\n%s", tag, out)
		}
	}
}

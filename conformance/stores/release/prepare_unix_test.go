//go:build unix

package main

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

// TestAProgramIsInstalledAsItWasTagged takes the steps that are printed, in a shell.
func TestAProgramIsInstalledAsItWasTagged(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	f.write("go.work", f.read("go.work")+"\nuse ./cmd/tool\n")
	f.write("README.md", "There are core, store and cmd/tool.\n")
	mod := "module example.com/fake/cmd/tool\n\ngo 1.26.0\n\nrequire example.com/fake/core " + placeholder +
		"\n\nreplace example.com/fake/core => ../../core\n"
	f.write("cmd/tool/go.mod", mod)
	f.write("cmd/tool/main.go", "// Program.\npackage main\n\nimport _ \"example.com/fake/core\"\n\nfunc main() {}\n")
	f.commit()
	origin := t.TempDir()
	f.git("init", "--quiet", "--bare", origin)
	f.git("remote", "add", "origin", origin)

	steps := f.mustRelease("-module", "all", "-version", "v0.1.0")
	if out, want := f.mustRelease("-check"), "go install example.com/fake/cmd/tool@v0.1.0\n"; !strings.Contains(out, want) {
		t.Errorf("the check says\n%s\nwant %s", out, want)
	}
	f.commit()
	_, commands, _ := strings.Cut(steps, "push the tags:\n")
	f.sh(commands)
	if mod := f.read("cmd/tool/go.mod"); !strings.Contains(mod, "replace") {
		t.Errorf("here the module no longer finds its sibling:\n%s", mod)
	}
	f.sh(`test "$(git ls-remote --tags --refs origin | cut -d/ -f3-)" = "$(printf '%s\n' cmd/tool/v0.1.0 core/v0.1.0 store/v0.1.0)"
		git merge-base --is-ancestor core/v0.1.0 HEAD
		git merge-base --is-ancestor HEAD cmd/tool/v0.1.0
		git show cmd/tool/v0.1.0:cmd/tool/go.sum | grep -q '^example.com/fake/core v0.1.0 '
		if git show cmd/tool/v0.1.0:cmd/tool/go.mod | grep replace; then exit 1; fi`)
}

// sh runs a script in the repository, for which its modules can be had as if they had
// been released.
func (f *fake) sh(script string) {
	f.t.Helper()
	r, err := load(f.t.Context(), f.dir)
	var modules []*module
	if err == nil {
		modules, err = r.named(everything)
	}
	var p *proxy
	if err == nil {
		p, err = r.newProxy(f.t.Context(), f.t.TempDir(), modules)
	}
	var env []string
	if err == nil {
		env, err = p.env(f.t.Context(), f.t.TempDir())
	}
	if err != nil {
		f.t.Fatal(err)
	}
	cmd := exec.CommandContext(f.t.Context(), "sh", "-exc", script)
	cmd.Dir = f.dir
	cmd.Env = append(append(os.Environ(), env...),
		"GIT_AUTHOR_NAME=t", "GIT_AUTHOR_EMAIL=t@example.com", "GIT_COMMITTER_NAME=t", "GIT_COMMITTER_EMAIL=t@example.com")
	if out, err := cmd.CombinedOutput(); err != nil {
		f.t.Fatalf("%v\n%s", err, out)
	}
}

//go:build unix

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// newTool returns a repository with a program beside the module and the store, and a remote
// one that has its branch main.
func newTool(t *testing.T) *fake {
	t.Helper()
	f := newFake(t)
	f.write("go.work", f.read("go.work")+"\nuse ./cmd/tool\n")
	f.write("README.md", "There are `core`, `store` and `cmd/tool`.\n")
	mod := "module example.com/fake/cmd/tool\n\ngo 1.26.0\n\nrequire example.com/fake/core " + placeholder +
		"\n\nreplace example.com/fake/core => ../../core\n"
	f.write("cmd/tool/go.mod", mod)
	f.write("cmd/tool/main.go", "// Program.\npackage main\n\nimport _ \"example.com/fake/core\"\n\nfunc main() {}\n")
	f.commit()
	origin := t.TempDir()
	f.git("init", "--quiet", "--bare", origin)
	f.git("remote", "add", "origin", origin)
	f.git("push", "--quiet", "--set-upstream", "origin", "main")
	return f
}

// commands returns what is to be done, of what a release has printed.
func commands(steps string) string { return steps[strings.Index(steps, "\ngit ")+1:] }

// TestAProgramIsInstalledAsItWasTagged takes the steps that are printed, in a shell.
func TestAProgramIsInstalledAsItWasTagged(t *testing.T) {
	t.Parallel()
	f := newTool(t)
	steps := f.mustRelease("-module", "all", "-version", "v0.1.0")
	if out, want := f.mustRelease("-check"), "go install example.com/fake/cmd/tool@v0.1.0\n"; !strings.Contains(out, want) {
		t.Errorf("the check says\n%s\nwant %s", out, want)
	}
	f.commit()
	f.sh(commands(steps))
	if mod := f.read("cmd/tool/go.mod"); !strings.Contains(mod, "replace") {
		t.Errorf("here the module no longer finds its sibling:\n%s", mod)
	}
	f.sh(`test "$(git ls-remote --tags --refs origin | cut -d/ -f3-)" = "$(printf '%s\n' cmd/tool/v0.1.0 core/v0.1.0 store/v0.1.0)"
		git merge-base --is-ancestor core/v0.1.0 HEAD
		git merge-base --is-ancestor HEAD cmd/tool/v0.1.0
		git show cmd/tool/v0.1.0:cmd/tool/go.sum | grep -q '^example.com/fake/core v0.1.0 '
		if git show cmd/tool/v0.1.0:cmd/tool/go.mod | grep replace; then exit 1; fi`)
}

// TestNothingIsTaggedAfterAFailure pastes all steps into a shell, which goes on after a
// command that fails. A tag that others have fetched can't be taken back.
func TestNothingIsTaggedAfterAFailure(t *testing.T) {
	t.Parallel()
	t.Run("the commit beside main", func(t *testing.T) {
		t.Parallel()
		f := newTool(t)
		steps := f.mustRelease("-module", "all", "-version", "v0.1.0")
		f.commit()
		f.git("config", "core.hooksPath", ".git/hooks")
		f.write(".git/hooks/pre-commit", "#!/bin/sh\nexit 1\n")
		if err := os.Chmod(filepath.Join(f.dir, ".git", "hooks", "pre-commit"), 0o700); err != nil {
			t.Fatal(err)
		}
		if out, err := f.shell("sh", "-c", commands(steps)); err == nil {
			t.Errorf("no command has failed:\n%s", out)
		}
		f.sh(`test "$(git tag)" = "$(printf '%s\n' core/v0.1.0 store/v0.1.0)"`)
	})
	t.Run("it is not merged", func(t *testing.T) {
		t.Parallel()
		f := newTool(t)
		f.git("switch", "--quiet", "--create", "release")
		steps := f.mustRelease("-module", "all", "-version", "v0.1.0")
		f.commit()
		if out, err := f.shell("sh", "-c", commands(steps)); err == nil {
			t.Errorf("no command has failed:\n%s", out)
		}
		f.sh(`test -z "$(git tag)"`)
	})
}

// sh runs a script in the repository, of which no command may fail.
func (f *fake) sh(script string) {
	f.t.Helper()
	if out, err := f.shell("sh", "-exc", script); err != nil {
		f.t.Fatalf("%v\n%s", err, out)
	}
}

// shell runs a command in the repository, for which its modules can be had as if they had
// been released.
func (f *fake) shell(name string, args ...string) (string, error) {
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
	cmd := exec.CommandContext(f.t.Context(), name, args...)
	cmd.Dir = f.dir
	cmd.Env = append(append(os.Environ(), env...),
		"GIT_AUTHOR_NAME=t", "GIT_AUTHOR_EMAIL=t@example.com", "GIT_COMMITTER_NAME=t", "GIT_COMMITTER_EMAIL=t@example.com")
	out, err := cmd.CombinedOutput()
	return string(out), err
}

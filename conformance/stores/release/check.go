package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// check builds a proxy with every published module at the version that it would be
// released at, and at those that siblings require, and then a program that requires
// each from an empty module. It installs the programs that there are. A module that was
// tagged is taken from its tag: one that uses what only the tree has of a sibling fails
// here, as it would fail its consumers.
func (r *repository) check(ctx context.Context, out io.Writer) error {
	work, err := os.MkdirTemp("", "cloakroom-release-check")
	if err != nil {
		return fmt.Errorf("folder: %w", err)
	}
	defer func() { _ = os.RemoveAll(work) }() // nothing is kept
	modules, err := r.named(everything)
	if err != nil {
		return err
	}
	p, err := r.newProxy(ctx, filepath.Join(work, "proxy"), modules)
	if err != nil {
		return err
	}
	env, err := p.env(ctx, work)
	if err != nil {
		return err
	}
	var failed error
	for _, m := range modules {
		if _, err := fmt.Fprintf(out, "%s as %s\n", m.dir, p.toBe[m.path]); err != nil {
			return err //nolint:wrapcheck // it is the terminal's
		}
		err := consume(ctx, filepath.Join(work, "consumer", m.dir), env, m.path, p.toBe[m.path])
		if err == nil {
			err = r.install(ctx, out, m, p.toBe[m.path], append(env, "GOBIN="+filepath.Join(work, "bin")))
		}
		if err != nil {
			failed = errors.Join(failed, fmt.Errorf("%s does not work for its consumers: %w", m.dir, err))
		}
	}
	return failed
}

// versionToBe returns what siblings require already, if that is not tagged, or else a
// version after the last.
func (r *repository) versionToBe(ctx context.Context, m *module) (string, error) {
	for _, s := range r.modules {
		if v, ok := s.require[m.path]; ok && v != placeholder && !r.tagged(ctx, m, v) {
			return v, nil
		}
	}
	tags, err := command(ctx, r.git, nil, "git", "tag", "--list", m.tag("v*"))
	if err != nil {
		return "", err
	}
	last := latest(strings.Fields(tags))
	if last == "" {
		return "v0.1.0", nil
	}
	n, err := numbers(last)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("v%d.%d.0", n[0], n[1]+1), nil
}

// consume requires a module from an empty one, vets what it has, and runs a program
// that imports all of it.
func consume(ctx context.Context, dir string, env []string, path, version string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("folder: %w", err)
	}
	goes := func(args ...string) (string, error) { return command(ctx, dir, env, "go", args...) }
	if _, err := goes("mod", "init", "example.com/consumer"); err != nil {
		return err
	}
	if _, err := goes("get", path+"@"+version); err != nil {
		return err
	}
	packages, err := goes("list", "-f", `{{if ne .Name "main"}}{{.ImportPath}}{{end}}`, path+"/...")
	if err != nil {
		return err
	}
	var source strings.Builder
	source.WriteString("package main\n\n")
	for pkg := range strings.FieldsSeq(packages) {
		if !isInternal(pkg) {
			source.WriteString("import _ \"" + pkg + "\"\n")
		}
	}
	source.WriteString("\nfunc main() {}\n")
	if err := os.WriteFile(filepath.Join(dir, "main.go"), []byte(source.String()), 0o600); err != nil {
		return fmt.Errorf("program: %w", err)
	}
	for _, args := range [][]string{{"vet", path + "/..."}, {"vet", "."}, {"run", "."}} {
		if _, err := goes(args...); err != nil {
			return err
		}
	}
	return nil
}

// install installs a module's programs as those do who have no module.
func (r *repository) install(ctx context.Context, out io.Writer, m *module, version string, env []string) error {
	programs, err := r.programs(ctx, m)
	if err != nil {
		return err
	}
	for _, program := range programs {
		if _, err := fmt.Fprintf(out, "go install %s@%s\n", program, version); err != nil {
			return err //nolint:wrapcheck // it is the terminal's
		}
		if _, err := command(ctx, r.root, env, "go", "install", program+"@"+version); err != nil {
			return err
		}
	}
	return nil
}

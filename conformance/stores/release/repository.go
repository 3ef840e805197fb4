package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

const (
	// neverTagged begins the go.mod of a module that is for this repository alone.
	neverTagged = "// Never tagged"

	// everything names all published modules.
	everything = "all"

	// placeholder is what go mod tidy requires of a sibling that it finds by a replace
	// directive and that has no version yet.
	placeholder = "v0.0.0-00010101000000-000000000000"
)

// A repository is a working tree with the modules that its go.work names.
type repository struct {
	root    string    // of the tree
	git     string    // of the tree with the tags: another one if root is a copy
	modules []*module // a module comes after those that it requires
}

type module struct {
	path      string
	dir       string // from the root, with slashes
	published bool
	require   map[string]string // versions of siblings, by path
	replaced  []string          // paths with a replace directive
}

// load reads go.work and each go.mod.
func load(ctx context.Context, root string) (*repository, error) {
	r := &repository{root: root, git: root}
	var work struct {
		Use []struct {
			DiskPath string `json:"DiskPath"`
		} `json:"Use"`
	}
	out, err := command(ctx, root, nil, "go", "work", "edit", "-json", "go.work")
	if err == nil {
		err = json.Unmarshal([]byte(out), &work)
	}
	if err != nil {
		return nil, fmt.Errorf("go.work: %w", err)
	}
	for _, use := range work.Use {
		m, err := r.loadModule(ctx, path.Clean(filepath.ToSlash(use.DiskPath)))
		if err != nil {
			return nil, err
		}
		r.modules = append(r.modules, m)
	}
	r.sort()
	return r, nil
}

func (r *repository) loadModule(ctx context.Context, dir string) (*module, error) {
	var mod struct {
		Module struct {
			Path string `json:"Path"`
		} `json:"Module"`
		Require []struct {
			Path    string `json:"Path"`
			Version string `json:"Version"`
		} `json:"Require"`
		Replace []struct {
			Old struct {
				Path string `json:"Path"`
			} `json:"Old"`
		} `json:"Replace"`
	}
	text, err := os.ReadFile(filepath.Join(r.root, dir, "go.mod"))
	var out string
	if err == nil {
		out, err = command(ctx, filepath.Join(r.root, dir), nil, "go", "mod", "edit", "-json")
	}
	if err == nil {
		err = json.Unmarshal([]byte(out), &mod)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", dir, err)
	}
	m := &module{path: mod.Module.Path, dir: dir, published: !bytes.HasPrefix(text, []byte(neverTagged)), require: map[string]string{}}
	for _, q := range mod.Require {
		m.require[q.Path] = q.Version
	}
	for _, q := range mod.Replace {
		m.replaced = append(m.replaced, q.Old.Path)
	}
	return m, nil
}

// dropReplace returns the arguments with which the go command drops the module's replace
// directives, none if there are none.
func (m *module) dropReplace() []string {
	var args []string
	for _, p := range m.replaced {
		args = append(args, "-dropreplace="+p)
	}
	return args
}

// programs returns the import paths of what others may install of a module.
func (r *repository) programs(ctx context.Context, m *module) ([]string, error) {
	out, err := command(ctx, filepath.Join(r.root, m.dir), nil, "go", "list", "-mod=readonly", "-f",
		`{{if eq .Name "main"}}{{.ImportPath}}{{end}}`, "./...")
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(strings.Fields(out), isInternal), nil
}

// isInternal reports whether a package can't be imported or installed by others.
func isInternal(pkg string) bool { return strings.Contains(pkg+"/", "/internal/") }

// sort puts modules after those that they require, and leaves out what is required of
// others than siblings.
func (r *repository) sort() {
	var sorted []*module
	var visit func(m *module)
	visit = func(m *module) {
		if slices.Contains(sorted, m) {
			return
		}
		siblings := make(map[string]string)
		for _, s := range r.modules {
			if v, ok := m.require[s.path]; ok {
				siblings[s.path] = v
				visit(s)
			}
		}
		m.require = siblings
		sorted = append(sorted, m)
	}
	for _, m := range r.modules {
		visit(m)
	}
	r.modules = sorted
}

// named returns the published module in this folder, or all of them.
func (r *repository) named(name string) ([]*module, error) {
	var found []*module
	for _, m := range r.modules {
		if m.published && (name == everything || m.dir == path.Clean(name)) {
			found = append(found, m)
		}
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("-module %q is no published module's folder, and not all", name)
	}
	return found, nil
}

// copied returns a copy of the tree: of all files that git knows or would add.
func (r *repository) copied(ctx context.Context) (c *repository, err error) {
	names, err := r.files(ctx, ".")
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "cloakroom-release")
	if err != nil {
		return nil, fmt.Errorf("folder for a copy: %w", err)
	}
	defer func() {
		if err != nil {
			_ = os.RemoveAll(dir) // a part
		}
	}()
	for _, name := range names {
		b, err := os.ReadFile(filepath.Join(r.root, name))
		if err == nil {
			err = os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o700)
		}
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, name), b, 0o600)
		}
		if err != nil {
			return nil, fmt.Errorf("copy: %w", err)
		}
	}
	if c, err = load(ctx, dir); err != nil {
		return nil, err
	}
	c.git = r.git
	return c, nil
}

// files returns the names of the files in a folder that git knows or would add.
func (r *repository) files(ctx context.Context, dir string) ([]string, error) {
	out, err := command(ctx, r.root, nil, "git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--deduplicate", "--", dir)
	if err != nil {
		return nil, err
	}
	names := strings.FieldsFunc(out, func(r rune) bool { return r == 0 })
	return slices.DeleteFunc(names, func(name string) bool {
		info, err := os.Stat(filepath.Join(r.root, name))
		return err != nil || !info.Mode().IsRegular() // it is deleted
	}), nil
}

// tagged reports whether the module was released at this version.
func (r *repository) tagged(ctx context.Context, m *module, version string) bool {
	_, err := command(ctx, r.git, nil, "git", "rev-parse", "--verify", "--quiet", "refs/tags/"+m.tag(version))
	return err == nil
}

func (m *module) tag(version string) string { return m.dir + "/" + version }

// command runs a program in dir, with env beside the process's own, and returns what
// it printed.
func command(ctx context.Context, dir string, env []string, name string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	cmd.Env = append(append(os.Environ(), "GOWORK=off", "GOFLAGS=-mod=mod"), env...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("%s %s: %w\n%s", name, strings.Join(args, " "), err, &stderr)
	}
	return string(out), nil
}

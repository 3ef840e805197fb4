package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// A proxy is a folder as GOPROXY=file:// has it; see "go help goproxy".
type proxy struct {
	r    *repository
	dir  string
	toBe map[string]string // the version that each module would be released at, by path
	has  []string
}

// newProxy makes a proxy with modules at the versions that they would be released at, and
// at those that are required of them.
func (r *repository) newProxy(ctx context.Context, dir string, modules []*module) (*proxy, error) {
	p := &proxy{r: r, dir: dir, toBe: map[string]string{}}
	var err error
	for _, m := range modules {
		if p.toBe[m.path], err = r.versionToBe(ctx, m); err != nil {
			return nil, err
		}
	}
	for _, m := range modules {
		if err := p.addAll(ctx, m, modules); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// addAll adds a module at the version that it would be released at, and at those that
// its siblings require.
func (p *proxy) addAll(ctx context.Context, m *module, siblings []*module) error {
	if err := p.add(ctx, m, p.toBe[m.path]); err != nil {
		return err
	}
	for _, s := range siblings {
		if v, ok := s.require[m.path]; ok && v != placeholder {
			if err := p.add(ctx, m, v); err != nil {
				return err
			}
		}
	}
	return nil
}

// add adds a module: as it was tagged, or else as it is in the tree.
func (p *proxy) add(ctx context.Context, m *module, version string) error {
	if slices.Contains(p.has, m.tag(version)) {
		return nil
	}
	p.has = append(p.has, m.tag(version))
	read, drop := p.r.fromTree, m.dropReplace()
	if p.r.tagged(ctx, m, version) {
		read, drop = p.r.fromTag, nil
	}
	files, err := read(ctx, m, version)
	if err != nil {
		return fmt.Errorf("%s: %w", m.tag(version), err)
	}
	if files["go.mod"], err = p.resolved(ctx, m, files["go.mod"], drop); err != nil {
		return err
	}
	if _, ok := files["LICENSE"]; !ok { // as the go command does
		if files["LICENSE"], err = os.ReadFile(filepath.Join(p.r.root, "LICENSE")); err != nil {
			return fmt.Errorf("licence: %w", err)
		}
	}
	return p.write(m, version, files)
}

// resolved returns a go.mod after these edits, in which siblings that have no version yet
// have the one that they would be released at.
func (p *proxy) resolved(ctx context.Context, m *module, mod []byte, edits []string) ([]byte, error) {
	path := filepath.Join(p.dir, "go.mod")
	err := errors.Join(os.MkdirAll(p.dir, 0o700), os.WriteFile(path, mod, 0o600))
	if err != nil {
		return nil, fmt.Errorf("go.mod: %w", err)
	}
	for sibling, v := range m.require {
		if v == placeholder && bytes.Contains(mod, []byte(sibling+" "+placeholder)) {
			edits = append(edits, "-require="+sibling+"@"+p.toBe[sibling])
		}
	}
	if len(edits) > 0 {
		if _, err := command(ctx, p.dir, nil, "go", slices.Concat([]string{"mod", "edit"}, edits, []string{"go.mod"})...); err != nil {
			return nil, err
		}
	}
	mod, err = os.ReadFile(path)
	return mod, errors.Join(err, os.Remove(path))
}

func (p *proxy) write(m *module, version string, files map[string][]byte) error {
	var archive bytes.Buffer
	z := zip.NewWriter(&archive)
	for name, b := range files {
		w, err := z.Create(m.path + "@" + version + "/" + name)
		if err == nil {
			_, err = w.Write(b)
		}
		if err != nil {
			return fmt.Errorf("zip: %w", err)
		}
	}
	if err := z.Close(); err != nil {
		return fmt.Errorf("zip: %w", err)
	}
	dir := filepath.Join(p.dir, filepath.FromSlash(m.path), "@v")
	info := fmt.Sprintf(`{"Version":%q,"Time":%q}`, version, time.Now().UTC().Format(time.RFC3339))
	err := os.MkdirAll(dir, 0o700)
	for name, b := range map[string][]byte{".info": []byte(info), ".mod": files["go.mod"], ".zip": archive.Bytes()} {
		err = errors.Join(err, os.WriteFile(filepath.Join(dir, version+name), b, 0o600))
	}
	if err != nil {
		return fmt.Errorf("proxy: %w", err)
	}
	list, err := os.OpenFile(filepath.Join(dir, "list"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("proxy: %w", err)
	}
	_, err = list.WriteString(version + "\n")
	return errors.Join(err, list.Close())
}

// env makes the go command use the proxy, and for other modules what has been fetched
// already, or else what it is used to. Its cache is its own: nothing that is not
// released gets into the user's.
func (p *proxy) env(ctx context.Context, work string) ([]string, error) {
	out, err := command(ctx, p.r.root, nil, "go", "env", "GOMODCACHE", "GOPROXY")
	if err != nil {
		return nil, err
	}
	cache, usual, _ := strings.Cut(strings.TrimSpace(out), "\n")
	url := func(dir string) string { return "file:///" + strings.TrimPrefix(filepath.ToSlash(dir), "/") }
	return []string{
		"GOPROXY=" + url(p.dir) + "," + url(filepath.Join(cache, "cache", "download")) + "," + usual,
		"GOMODCACHE=" + filepath.Join(work, "cache"), "GOFLAGS=-mod=mod -modcacherw", "GOSUMDB=off", "GONOPROXY=none", "GOPRIVATE=",
	}, nil
}

// fromTree returns a module's files by name. Modules within it are not among them.
func (r *repository) fromTree(ctx context.Context, m *module, _ string) (map[string][]byte, error) {
	names, err := r.files(ctx, m.dir)
	if err != nil {
		return nil, err
	}
	files := make(map[string][]byte)
	for _, name := range names {
		if files[strings.TrimPrefix(name, m.dir+"/")], err = os.ReadFile(filepath.Join(r.root, name)); err != nil {
			return nil, fmt.Errorf("read: %w", err)
		}
	}
	return withoutNested(files), nil
}

// fromTag returns the same as it was tagged.
func (r *repository) fromTag(ctx context.Context, m *module, version string) (map[string][]byte, error) {
	archive, err := command(ctx, r.git, nil, "git", "archive", "--format=tar", m.tag(version), "--", m.dir)
	if err != nil {
		return nil, err
	}
	files := make(map[string][]byte)
	for t := tar.NewReader(strings.NewReader(archive)); ; {
		h, err := t.Next()
		if errors.Is(err, io.EOF) {
			return withoutNested(files), nil
		}
		if err != nil {
			return nil, fmt.Errorf("git archive: %w", err)
		}
		if h.Typeflag == tar.TypeReg {
			if files[strings.TrimPrefix(h.Name, m.dir+"/")], err = io.ReadAll(t); err != nil {
				return nil, fmt.Errorf("git archive: %w", err)
			}
		}
	}
}

// withoutNested leaves out the files of other modules.
func withoutNested(files map[string][]byte) map[string][]byte {
	for name := range files {
		nested, ok := strings.CutSuffix(name, "/go.mod")
		if !ok {
			continue
		}
		for other := range files {
			if strings.HasPrefix(other, nested+"/") {
				delete(files, other)
			}
		}
	}
	return files
}

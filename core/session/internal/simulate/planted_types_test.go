package simulate_test

import (
	"fmt"
	"go/ast"
	"go/build"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Each still fits, once, and its package is one that compiles. To build them all would take
// as long as to find them.
func TestPlantedFaultsFit(t *testing.T) {
	t.Parallel()
	c := newChecker(t)
	for _, f := range faults {
		changed, err := f.plant()
		if err == nil {
			err = c.check(f.path(), changed)
		}
		if err != nil {
			t.Errorf("%s: %v", f.undoes, err)
		}
	}
}

// A checker checks types.
type checker struct {
	files    *token.FileSet
	importer types.Importer
	parsed   map[string]*ast.File
}

// newChecker returns one that knows what is imported by what the simulation imports.
func newChecker(t *testing.T) *checker {
	t.Helper()
	args := []string{"list", "-export", "-deps", "-test", "-f", "{{.ImportPath}} {{.Export}}", "."}
	list, err := exec.CommandContext(t.Context(), "go", args...).Output()
	if err != nil {
		t.Fatal(err)
	}
	exports := map[string]string{}
	for line := range strings.Lines(string(list)) {
		path, export, _ := strings.Cut(strings.TrimSpace(line), " ")
		exports[path] = export
	}
	files := token.NewFileSet()
	return &checker{
		files: files,
		importer: importer.ForCompiler(files, "gc", func(path string) (io.ReadCloser, error) {
			if exports[path] == "" {
				return nil, fmt.Errorf("%s: no export data", path)
			}
			return os.Open(exports[path])
		}),
		parsed: map[string]*ast.File{},
	}
}

// check checks the package of the file at path, with this in its place.
func (c *checker) check(path string, changed []byte) error {
	pkg, err := build.ImportDir(filepath.Dir(path), 0)
	if err != nil {
		return err
	}
	var files []*ast.File
	for _, name := range pkg.GoFiles {
		name = filepath.Join(pkg.Dir, name)
		file := c.parsed[name]
		switch {
		case name == path:
			file, err = parser.ParseFile(c.files, name, changed, parser.SkipObjectResolution)
		case file == nil:
			file, err = parser.ParseFile(c.files, name, nil, parser.SkipObjectResolution)
			c.parsed[name] = file
		}
		if err != nil {
			return err
		}
		files = append(files, file)
	}
	_, err = (&types.Config{Importer: c.importer}).Check(pkg.Name, c.files, files, nil)
	return err
}

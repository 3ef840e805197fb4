package stores_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// A part is a block on its way to a source file. Positions are those in the
// page.
type part struct {
	name   string // of the file
	whole  bool   // it is a file as it stands
	head   *part  // the same, up to its imports
	fset   *token.FileSet
	file   *ast.File
	source string
}

// parse finds out what a block is.
func parse(path string, b block) (*part, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	try := func(before string, line int, code, after string, mode parser.Mode) (*part, error) {
		p := &part{fset: token.NewFileSet(), source: fmt.Sprintf("%s//line %s:%d\n%s%s", before, path, line, code, after)}
		p.file, err = parser.ParseFile(p.fset, "", p.source, mode)
		return p, err
	}
	if _, err := try("", b.line, b.code, "", parser.PackageClauseOnly); err == nil {
		p, err := try("", b.line, b.code, "", 0)
		p.whole = true
		return p, err
	}
	const clause = "package page\n"
	head, err := try(clause, b.line, b.code, "", parser.ImportsOnly)
	if err != nil {
		return nil, err
	}
	rest, line := b.code, b.line
	if n := len(head.file.Decls); n > 0 { // imports, which complete writes again
		end := head.file.Decls[n-1].End()
		rest = head.source[head.offset(end):]
		line = head.fset.Position(end).Line
	}
	p, err := try(clause, line, rest, "", 0)
	if err != nil {
		if p, err = try(clause+"func _() {\n", line, rest, "\n}\n", 0); err != nil {
			return nil, err
		}
		p.useVariables()
	}
	p.head = head
	return p, nil
}

// place returns the file for a block that is one: blocks of a page with the same
// package clause are one package.
func (p *part) place() string {
	name := p.name
	for _, spec := range p.file.Imports {
		if spec.Path.Value == `"testing"` {
			name = strings.TrimSuffix(p.name, ".go") + "_test.go"
		}
	}
	return filepath.Join(strings.TrimSuffix(p.file.Name.Name, "_test"), name)
}

func (p *part) offset(pos token.Pos) int { return p.fset.File(pos).Offset(pos) }

// useVariables adds a use behind each statement of the outermost block that
// defines variables: a fragment may end before it uses them.
func (p *part) useVariables() {
	f, ok := p.file.Decls[0].(*ast.FuncDecl)
	if !ok {
		return
	}
	for _, stmt := range slices.Backward(f.Body.List) {
		a, ok := stmt.(*ast.AssignStmt)
		if !ok || a.Tok != token.DEFINE {
			continue
		}
		end := p.offset(a.End())
		for _, e := range a.Lhs {
			if id, ok := e.(*ast.Ident); ok {
				p.source = p.source[:end] + "; _ = " + id.Name + p.source[end:]
			}
		}
	}
}

// uses returns the names that the part uses and doesn't declare. Scopes are enough
// for that; types are the compiler's matter.
func (p *part) uses() map[string]bool {
	used := make(map[string]bool)
	for _, id := range p.file.Unresolved {
		used[id.Name] = true
	}
	return used
}

// declares adds to declared what the part declares.
func (p *part) declares(declared map[string]bool) {
	for _, d := range p.file.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			declared[d.Name.Name] = d.Recv == nil
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				switch spec := spec.(type) {
				case *ast.TypeSpec:
					declared[spec.Name.Name] = true
				case *ast.ValueSpec:
					for _, id := range spec.Names {
						declared[id.Name] = true
					}
				}
			}
		}
	}
}

// complete returns the source with its imports: those that the block has written
// and those of known packages that it uses and the page doesn't declare.
func (p *part) complete(known map[string]string, declared map[string]bool) string {
	used := p.uses()
	var list strings.Builder
	for _, spec := range p.head.file.Imports {
		path, _ := strconv.Unquote(spec.Path.Value) // it was parsed
		name := path[strings.LastIndex(path, "/")+1:]
		if spec.Name != nil {
			name = spec.Name.Name
		}
		if !used[name] {
			name = "_" // a block that shows the imports alone
		}
		delete(used, name)
		at := p.head.fset.Position(spec.Pos())
		fmt.Fprintf(&list, "//line %s:%d\nimport %s %q\n", at.Filename, at.Line, name, path)
	}
	for name := range used {
		if path := known[name]; path != "" && !declared[name] {
			fmt.Fprintf(&list, "import %s %q\n", name, path)
		}
	}
	// The source's second line says where the rest of it stands.
	clause, rest, _ := strings.Cut(p.source, "\n")
	return clause + "\n" + list.String() + rest
}

package command_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const root = "../../.."

func page(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "docs", "command.md"))
	if err != nil {
		t.Fatal(err)
	}
	return strings.ReplaceAll(string(text), "\r\n", "\n")
}

// submatches returns what a pattern's group matches.
func submatches(pattern, text string) (found []string) {
	for _, m := range regexp.MustCompile(pattern).FindAllStringSubmatch(text, -1) {
		found = append(found, m[1])
	}
	return found
}

// help returns the commands that there are, and the flags of each.
func help(t *testing.T) map[string][]string {
	t.Helper()
	all := make(map[string][]string)
	list, _, _ := strings.Cut(run(t, "", "help").stdout, "\ncloakroom COMMAND -h")
	for _, name := range submatches(`(?m)^  ([a-z]+) `, list) {
		all[name] = submatches(`(?m)^  -([a-z]+)`, run(t, "", name, "-h").stdout)
	}
	if len(all) < 8 {
		t.Fatalf("%d commands found; are they still written in this way?", len(all))
	}
	return all
}

// TestTheHelpIsInThePage compares the page with what the command says of itself.
func TestTheHelpIsInThePage(t *testing.T) {
	t.Parallel()
	text, said := page(t), run(t, "", "help").stdout
	_, codes, _ := strings.Cut(said, "\nExit codes:\n")
	list := strings.ReplaceAll(text, "`", "")
	for line := range strings.Lines(codes) {
		code, meaning, _ := strings.Cut(strings.TrimSpace(line), " ")
		if want := "| " + code + " | " + strings.TrimSpace(meaning) + " |\n"; !strings.Contains(list, want) {
			t.Errorf("the page lacks %s", want)
		}
	}
	_, forms, _ := strings.Cut(said, "\nA store is named by")
	for _, want := range slices.Concat(submatches(`([a-z_]+)=`, forms), submatches(`([a-z+]+:)[/A-Z]`, forms)) {
		if !strings.Contains(text, want) {
			t.Errorf("the page lacks %s", want)
		}
	}
	for name, flags := range help(t) {
		if !strings.Contains(text, "`cloakroom "+name) {
			t.Errorf("the page lacks cloakroom %s", name)
		}
		for _, flag := range flags {
			if !regexp.MustCompile(`[ \x60]-` + flag + `[ \x60]`).MatchString(text) {
				t.Errorf("the page lacks -%s of cloakroom %s", flag, name)
			}
		}
	}
}

// inCode finds a call of the command that a page writes as code.
var inCode = regexp.MustCompile(`(?m)(?:\x60|^|[$]\()cloakroom ([a-z]+)([^\x60\n|)]*)`)

// TestPagesUseCommandsThatThereAre looks at what all pages write as code.
func TestPagesUseCommandsThatThereAre(t *testing.T) {
	t.Parallel()
	commands, used := help(t), 0
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || filepath.Ext(path) != ".md" {
			return err
		}
		text, err := os.ReadFile(path)
		for _, call := range inCode.FindAllStringSubmatch(string(text), -1) {
			used++
			flags, ok := commands[call[1]]
			if !ok && call[1] != "help" {
				t.Errorf("%s: there is no cloakroom %s", path, call[1])
			}
			for _, flag := range submatches(` -([a-z]+)`, call[2]) {
				if !slices.Contains(flags, flag) {
					t.Errorf("%s: cloakroom %s has no -%s", path, call[1], flag)
				}
			}
		}
		return err
	})
	if err != nil || used < 20 {
		t.Errorf("%d found, %v; are they still written in this way?", used, err)
	}
}

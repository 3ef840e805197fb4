package main

import (
	"strings"
	"testing"
	"time"
)

// unchanged fails the test unless the tree is what was committed.
func (f *fake) unchanged() {
	f.t.Helper()
	if changed, err := command(f.t.Context(), f.dir, nil, "git", "status", "--porcelain"); err != nil || changed != "" {
		f.t.Errorf("the tree has changes:\n%s%v", changed, err)
	}
}

// A release that fails halfway can be tried again as soon as its cause is gone.
func TestAReleaseThatFailsChangesNothing(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	f.write("examples/more.go", "package main\n\nimport _ \"example.com/fake/core/none\"\n")
	f.commit()
	if _, err := f.release("-module", "all", "-version", "v0.1.0"); err == nil || !strings.Contains(err.Error(), "core/none") {
		t.Errorf("error %v, want what is not there", err)
	}
	f.unchanged()
}

// DRY=1 is not DRY=-n.
func TestWhatIsNotUnderstoodIsRefused(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	if _, err := f.release("-module", "all", "-version", "v0.1.0", "1"); err == nil || !strings.Contains(err.Error(), `"1"`) {
		t.Errorf("error %v, want the argument that is not understood", err)
	}
	f.unchanged()
}

// A shell completes the name of a folder with a slash.
func TestAModuleIsNamedAsShellsCompleteIt(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	for _, name := range []string{"core/", "./core"} {
		if out := f.mustRelease("-module", name, "-version", "v0.1.0", "-n"); !strings.Contains(out, "git tag -a core/v0.1.0") {
			t.Errorf("%s: it says\n%s", name, out)
		}
	}
}

func TestWhatAReleaseLacks(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, file, text, want string }{
		{"an entry", "CHANGELOG.md", "# Changelog\n\n## Unreleased\n\nThe next.\n\n### Added\n\n## v0.0.1\n\n- core: A.\n", "no entry"},
		{"the section", "CHANGELOG.md", "# Changelog\n\n- core: A.\n", "no section"},
		{"its name in the README", "README.md", "A hardcore `store` with `core/part`.\n", "README.md does not name core"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			f := newFake(t)
			f.write(c.file, c.text)
			f.commit()
			if _, err := f.release("-module", "all", "-version", "v0.1.0"); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want %q", err, c.want)
			}
			f.unchanged()
		})
	}
}

// An entry about two modules is in the sections of both, wherever they are released.
func TestAnEntryOfTwoModulesIsReleasedWithEach(t *testing.T) {
	t.Parallel()
	const before = "# Changelog\n\n## Unreleased\n\nSoon.\n\n### Added\n\n- core, store: A: it\n  is new.\n- store: B.\n"
	today := time.Now().Format(time.DateOnly)
	first := "## core v0.1.0 - " + today + "\n\n### Added\n\n- core: A: it\n  is new.\n\n"
	want := "# Changelog\n\n## Unreleased\n\nSoon.\n\n### Added\n\n- store: A: it\n  is new.\n- store: B.\n\n" + first
	log, err := moveEntries(before, "core v0.1.0 - "+today, "core")
	if err != nil || log != want {
		t.Fatalf("%v; the changelog is\n%s\nwant\n%s", err, log, want)
	}
	want = "# Changelog\n\n## Unreleased\n\nSoon.\n\n## store v0.1.0 - " + today +
		"\n\n### Added\n\n- store: A: it\n  is new.\n- store: B.\n\n" + first
	if log, err = moveEntries(log, "store v0.1.0 - "+today, "store"); err != nil || log != want {
		t.Errorf("%v; the changelog is\n%s\nwant\n%s", err, log, want)
	}
}

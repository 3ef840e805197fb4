//go:build unix

package stores_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestQuickScript has a go command that lists what it is told, and prints how it is called to
// test.
func TestQuickScript(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, list, prints string
		fails              bool
	}{
		{"packages", "echo m/core; echo m/conformance/stores; echo m/store-file", " m/core m/store-file\n", false},
		{"none that needs no server", "echo m/conformance/stores; echo m/conformance/stores/shop", "none", true},
		{"go lists none", "echo broken >&2; exit 1", "broken", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			path := scriptPath(t)
			writeScript(t, path, "go", "#!/bin/bash\n[[ $1 == test ]] && { echo \"go $*\"; exit; }\n"+c.list)
			linkPrograms(t, path, "awk", "df")
			out, err := scriptThatMayFail(t, path, "quick.sh", "work")
			if !strings.Contains(out, c.prints) || c.fails && strings.Contains(out, "go test") {
				t.Errorf("it prints\n%s\nwant %q", out, c.prints)
			}
			if (err != nil) != c.fails {
				t.Errorf("it ends with %v; it is to fail: %v", err, c.fails)
			}
		})
	}
}

// TestModulesAreNotPassedOver has a go command that fails to list them.
func TestModulesAreNotPassedOver(t *testing.T) {
	t.Parallel()
	path := scriptPath(t)
	writeScript(t, path, "make", "#!/bin/bash")
	writeScript(t, path, "go", "#!/bin/bash\n[[ $1 != list ]] || { echo broken >&2; exit 1; }")
	if out, err := scriptThatMayFail(t, path, "ci.sh", "modules"); err == nil {
		t.Errorf("it passes, and prints\n%s", out)
	}
}

// TestCIScriptSaysWhatItTakes calls it from elsewhere, as nobody knows it.
func TestCIScriptSaysWhatItTakes(t *testing.T) {
	t.Parallel()
	path := scriptPath(t)
	linkPrograms(t, path, "sed")
	out, err := scriptThatMayFail(t, path, "ci.sh", "help")
	if err == nil || !strings.Contains(out, "\n\tci.sh store STORE IMAGE DRIVER ") || strings.Contains(out, "set -") {
		t.Errorf("%v, and it prints\n%s", err, out)
	}
}

// TestAStoreIsTestedInACopy has a go command that says what the copy has. There is no tar on
// the PATH: that of Alpine takes no list of names.
func TestAStoreIsTestedInACopy(t *testing.T) {
	t.Parallel()
	path := scriptPath(t)
	linkPrograms(t, path, "cp", "git")
	writeScript(t, path, "go", "#!/bin/bash\n"+
		"[[ -x .ci/run && -f go.work && -f core/go.mod && ! -e .git ]] && echo \"a copy in $PWD\" >&2\nexit 1")
	tmp := t.TempDir()
	out, err := scriptThatMayFail(t, path, "ci.sh", "store", "redis", "redis:8", "minimum", "TMPDIR="+tmp, "HOME="+os.Getenv("HOME"))
	if err == nil || !strings.Contains(out, "a copy in "+tmp) {
		t.Errorf("%v, and it prints\n%s", err, out)
	}
	if left, err := os.ReadDir(tmp); len(left) > 0 || err != nil {
		t.Errorf("it leaves %v, %v", left, err)
	}
}

// TestMakeTestFailsIfGoDoes has a go command that tests nothing, as with a flag that it does not
// know, and a report that has seen no failed test.
func TestMakeTestFailsIfGoDoes(t *testing.T) {
	t.Parallel()
	for name, fails := range map[string]string{"all": "-race", "the costs": "./core/session/internal/costs", "neither": "nothing"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := scriptPath(t)
			linkPrograms(t, path, "make")
			writeScript(t, path, "go", "#!/bin/bash\n[[ $1 == test && \" $* \" == *' "+fails+" '* ]] && exit 2\n[[ $1 != run ]] || cat")
			cmd := exec.CommandContext(t.Context(), "make", "-C", root, "test")
			cmd.Env = []string{"PATH=" + path, "TMPDIR=" + t.TempDir(), "CLOAKROOM_CHROMIUM=none"}
			if out, err := cmd.CombinedOutput(); (err != nil) != (name != "neither") {
				t.Errorf("%v, and it prints\n%s", err, out)
			}
		})
	}
}

// TestCIRunSaysWhatIsMissing has neither make nor a system that it is installed on.
func TestCIRunSaysWhatIsMissing(t *testing.T) {
	t.Parallel()
	if out, err := scriptThatMayFail(t, scriptPath(t), "../.ci/run"); err == nil || out != "=== make is missing\n" {
		t.Errorf("%v, and it prints\n%s", err, out)
	}
}

func linkPrograms(t *testing.T, path string, names ...string) {
	t.Helper()
	for _, name := range names {
		program, err := exec.LookPath(name)
		if err == nil {
			err = os.Symlink(program, filepath.Join(path, name))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// scriptThatMayFail runs one of the scripts and returns all that it prints. An argument with
// "=" is a variable.
func scriptThatMayFail(t *testing.T, path, name string, args ...string) (string, error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "bash", filepath.Join(root, "scripts", name))
	cmd.Env = []string{"PATH=" + path, "TMPDIR=" + t.TempDir()}
	for _, arg := range args {
		if strings.Contains(arg, "=") {
			cmd.Env = append(cmd.Env, arg)
		} else {
			cmd.Args = append(cmd.Args, arg)
		}
	}
	out, err := cmd.CombinedOutput()
	return string(out), err
}

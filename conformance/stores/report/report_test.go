package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// module is a module whose tests end in every way that there is.
var module = map[string]string{
	"go.mod": "module example.com/m\n\ngo 1.26.0\n",
	"store/store_test.go": `package store

import "testing"

func TestStore(t *testing.T) {
	t.Attr("cloakroom.store", "memory")
	t.Attr("cloakroom.version", "1.2 beta")
	t.Run("Load/absent", func(*testing.T) {})
	t.Run("Prune", func(t *testing.T) {
		t.Run("expired", func(t *testing.T) { t.Skip("not applicable: nothing is kept") })
		t.Run("live", func(t *testing.T) { t.Skip("not applicable: nothing is kept") })
	})
}

func TestMutants(t *testing.T) { t.Attr("cloakroom.mutants", "planted=3 caught=3") }

func TestQuiet(t *testing.T) { t.Log("not to be seen") }
`,
	"bad/bad_test.go": `package bad

import "testing"

func TestBad(t *testing.T) {
	t.Attr("cloakroom.store", "broken")
	t.Run("Load", func(t *testing.T) { t.Error("read the wrong record") })
	t.Run("Create", func(*testing.T) {})
}
`,
	"panics/panics_test.go": `package panics

import "testing"

func TestPanics(*testing.T) { panic("out of order") }

func TestNever(*testing.T) {}
`,
	"exits/exits_test.go": `package exits

import (
	"os"
	"testing"
)

func TestMain(m *testing.M) {
	m.Run()
	os.Exit(3)
}

func TestPasses(t *testing.T) { t.Log("all that is known") }
`,
	"broken/broken_test.go": "package broken\n\nvar x int = true\n",
	"none/none.go":          "package none\n",
}

// TestReportOfRealTests runs go test itself, so that it fails when the events
// of a new release aren't understood.
func TestReportOfRealTests(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, text := range module {
		name = filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.CommandContext(t.Context(), "go", "test", "-json", "./...")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS=")
	stream, err := cmd.Output()
	if err == nil {
		t.Fatal("go test passes, but some of the tests fail")
	}

	var out strings.Builder
	err = run(bytes.NewReader(stream), &out)
	if want := "4 tests failed"; err == nil || err.Error() != want {
		t.Errorf("run returned %v, want %q", err, want)
	}
	for _, want := range []string{
		"ok  \texample.com/m/store\t",
		"?   \texample.com/m/none\t[no test files]\n",
		"FAIL\texample.com/m/bad\t",
		"read the wrong record\n",
		"panic: out of order",
		"all that is known\n",
		"cannot use true",
		"FAIL\texample.com/m/broken [build failed]\n",
		"store   server  version   cases passed  failed  not applicable\n" +
			"broken  -       -         1             1       0\n" +
			"memory  -       1.2 beta  1             0       2\n",
		"\nnot applicable\nmemory: nothing is kept: Prune/expired, Prune/live\n",
		"mutants: 3 planted, 3 caught\n",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the report lacks %q", want)
		}
	}
	if want := "\n5 passed, 4 failed, 0 skipped\n"; !strings.HasSuffix(out.String(), want) {
		t.Errorf("the report doesn't end with %q", want)
	}
	for _, not := range []string{"not to be seen", "=== RUN"} {
		if strings.Contains(out.String(), not) {
			t.Errorf("the report contains %q", not)
		}
	}
	if t.Failed() {
		t.Logf("the report:\n%s", &out)
	}
}

func TestVerdict(t *testing.T) {
	t.Parallel()
	const (
		start = `{"Action":"start","Package":"p"}` + "\n"
		begin = `{"Action":"run","Package":"p","Test":"T"}` + "\n"
		pass  = `{"Action":"pass","Package":"p","Test":"T"}` + "\n"
		skip  = `{"Action":"skip","Package":"p","Test":"T"}` + "\n"
		end   = `{"Action":"pass","Package":"p"}` + "\n"
	)
	mutants := func(value string) string {
		return `{"Action":"attr","Package":"p","Test":"T","Key":"cloakroom.mutants","Value":"` + value + `"}` + "\n"
	}
	for _, test := range []struct{ name, stream, want string }{
		{"passing tests pass", start + begin + pass + end, ""},
		{"lines that are no events are no failure", "go: downloading\n{\n" + start + begin + pass + end, ""},
		{"no test is a failure", "", "nothing was tested"},
		{"only skipped tests are a failure", start + begin + skip + end, "nothing was tested"},
		{"a package cut off is a failure", start + begin + pass, "1 tests failed"},
		{"a test cut off is a failure", start + begin, "1 tests failed"},
		{"all mutants caught is no failure", start + begin + mutants("planted=2 caught=2") + pass + end, ""},
		{
			"a surviving mutant is a failure",
			start + begin + mutants("planted=7 caught=5") + pass + end,
			"2 of 7 mutants survived",
		},
		{
			"a count of mutants that can't be read is a failure",
			start + begin + mutants("all") + pass + end,
			`T: attribute cloakroom.mutants="all"`,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			err := run(strings.NewReader(test.stream), &strings.Builder{})
			switch {
			case test.want == "" && err != nil:
				t.Errorf("run returned %v", err)
			case test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)):
				t.Errorf("run returned %v, want %q", err, test.want)
			}
		})
	}
}

package command_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/cloakroom-go/cloakroom/conformance/stores/internal/leaks"
	"github.com/cloakroom-go/cloakroom/conformance/stores/internal/servers"
)

func TestMain(m *testing.M) {
	leaks.Exit(m, servers.Begin())
}

// program is the command, built once, into the folder that goes with the tests.
var program struct {
	once sync.Once
	path string
	err  error
}

func build(ctx context.Context) {
	var dir string
	if dir, program.err = os.MkdirTemp("", "cloakroom-command"); program.err != nil {
		return
	}
	program.path = filepath.Join(dir, "cloakroom.exe") // a suffix that every system takes
	cmd := exec.CommandContext(ctx, "go", "build", "-o", program.path, ".")
	cmd.Dir = filepath.Join("..", "..", "..", "cmd", "cloakroom") // its own module, with and without the workspace
	if out, err := cmd.CombinedOutput(); err != nil {
		program.err = fmt.Errorf("go build: %w\n%s", err, out)
	}
}

// command returns a process of the command that has not begun.
func command(tb testing.TB, store string, args ...string) *exec.Cmd {
	tb.Helper()
	program.once.Do(func() { build(context.WithoutCancel(tb.Context())) })
	if program.err != nil {
		tb.Fatal(program.err)
	}
	cmd := exec.CommandContext(tb.Context(), program.path, args...)
	cmd.Env = append(os.Environ(), "CLOAKROOM_STORE="+store)
	return cmd
}

// A result is what the command has done.
type result struct {
	args           []string
	code           int
	stdout, stderr string
}

// run runs the command on a store. Servers may be slow.
func run(tb testing.TB, store string, args ...string) result {
	tb.Helper()
	if args[0] != "keygen" {
		args = append([]string{args[0], "-timeout", "5m"}, args[1:]...)
	}
	cmd := command(tb, store, args...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	if exit := new(exec.ExitError); err != nil && !errors.As(err, &exit) {
		tb.Fatal(err)
	}
	return result{args, cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()}
}

// want fails the test unless the command has ended with a code, and printed what a
// reader expects.
func (r result) want(tb testing.TB, code int, stdout, stderr string) {
	tb.Helper()
	if r.code != code || !strings.Contains(r.stdout, stdout) || !strings.Contains(r.stderr, stderr) {
		tb.Errorf("%q: exit code %d, want %d with %q and %q; printed\n%s%s", r.args, r.code, code, stdout, stderr, r.stdout, r.stderr)
	}
}

// decoded returns what the command has printed as JSON.
func decoded[T any](tb testing.TB, r result) T {
	tb.Helper()
	var v T
	if err := json.Unmarshal([]byte(r.stdout), &v); r.code != 0 || err != nil {
		tb.Fatalf("%q: exit code %d, %v: %s%s", r.args, r.code, err, r.stdout, r.stderr)
	}
	return v
}

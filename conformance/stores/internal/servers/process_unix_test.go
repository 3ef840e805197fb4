//go:build unix

package servers

import (
	"context"
	"errors"
	"os/exec"
	"strings"
	"testing"
)

var errNoAnswer = errors.New("no answer")

// TestAProcessThatEndsEarlyIsReported has one, which root runs as nobody, write into its
// folder and give up. It is not waited for, and its last words are in the report.
func TestAProcessThatEndsEarlyIsReported(t *testing.T) {
	t.Parallel()
	path, err := exec.LookPath("sh")
	if err != nil {
		t.Fatal(err)
	}
	k := &Kind{
		Name: "none", notRoot: true,
		shell:   `echo "I wrote $1" >"$DIR/file" && cat "$DIR/file" >&2; exit 3`,
		process: func(context.Context, string, string) ([]string, error) { return nil, nil },
		url:     same,
		ask:     func(context.Context, string) (name, version string, err error) { return "", "", errNoAnswer },
	}
	s := &Server{kind: k, unit: newProcess(k, path, []string{"this"})}
	t.Cleanup(func() { s.Remove(t) })
	err = s.run(t.Context())
	if !errors.Is(err, errEnded) || !strings.Contains(err.Error(), "exit status 3") || !strings.Contains(err.Error(), "I wrote this") {
		t.Errorf("it is reported as %v", err)
	}
}

// TestAProcessThatWasEndedHasEnded asks after one that another goroutine has ended, as an
// interrupt does while a test waits for its server.
func TestAProcessThatWasEndedHasEnded(t *testing.T) {
	t.Parallel()
	path, err := exec.LookPath("sh")
	if err != nil {
		t.Fatal(err)
	}
	k := &Kind{Name: "none", shell: "read -r line", process: func(context.Context, string, string) ([]string, error) { return nil, nil }}
	p := newProcess(k, path, nil)
	if err := p.start(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := p.remove(t.Context()); err != nil {
		t.Error(err)
	}
	if err := p.died(t.Context()); !errors.Is(err, errEnded) {
		t.Errorf("it is reported as %v", err)
	}
}

package leaks

import (
	"bytes"
	"os"
	"os/signal"
	"strings"
	"testing"
)

func TestMain(m *testing.M) { os.Exit(Run(os.Stderr, m.Run)) }

//nolint:paralleltest // all goroutines of the process count
func TestAGoroutineThatStaysIsFound(t *testing.T) {
	stay := make(chan bool)
	go func() { <-stay }()
	left := others()
	if !strings.Contains(strings.Join(left, "\n\n"), "leaks.TestAGoroutineThatStaysIsFound.func1()") {
		t.Errorf("goroutines that are left: %q", left)
	}
	close(stay)
}

//nolint:paralleltest // all goroutines of the process count
func TestSignalsAreNoLeak(t *testing.T) {
	interrupted := make(chan os.Signal, 1)
	signal.Notify(interrupted, os.Interrupt)
	signal.Stop(interrupted)
	for _, stack := range others() {
		if strings.Contains(stack, "os/signal") {
			t.Error(stack)
		}
	}
}

//nolint:paralleltest // all goroutines of the process count
func TestTestsThatFailKeepTheirStatus(t *testing.T) {
	var out bytes.Buffer
	if code := Run(&out, func() int { return 3 }); code != 3 || out.Len() != 0 {
		t.Errorf("status is %d, output %q, want 3 and none", code, &out)
	}
}

// Package leaks finds goroutines that the tests of a package leave behind.
package leaks

import (
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"time"
)

// patience is how long goroutines may take to end when the tests are done. Those on
// their way out take microseconds, but a machine may be busy.
const patience = time.Minute

// Run runs the tests of a package, which is m.Run, and returns their exit status. If
// they pass and a goroutine beside the caller's stays, Run writes its stack to w and
// returns 1. It is meant for TestMain.
func Run(w io.Writer, tests func() int) int {
	code := tests()
	if code != 0 { // a test that fails may leave more
		return code
	}
	left := wait(patience)
	if len(left) == 0 {
		return 0
	}
	_, _ = fmt.Fprintf(w, "the tests have left goroutines behind:\n\n%s\n", strings.Join(left, "\n\n"))
	return 1
}

// wait returns the stacks of goroutines that have not ended within limit.
func wait(limit time.Duration) []string {
	const step = time.Millisecond
	left := others()
	for ; limit > 0 && len(left) > 0; limit -= step {
		<-time.After(step)
		left = others()
	}
	return left
}

// others returns the stacks of all goroutines but the caller's, and the one of package
// os/signal, which never ends; the testing package starts it to fuzz.
func others() []string {
	text := make([]byte, 1<<20)
	text = text[:runtime.Stack(text, true)]
	stacks := strings.Split(strings.TrimSpace(string(text)), "\n\n")
	return slices.DeleteFunc(stacks[1:], func(stack string) bool {
		return strings.Contains(stack, "os/signal.signal_recv")
	})
}

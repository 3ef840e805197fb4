package filestore_test

import (
	"flag"
	"os"
	"runtime"
	"runtime/pprof"
	"testing"
	"time"
)

// leavesNothing runs the tests, and fails if they leave goroutines behind. Those on their
// way out have a minute; that of package os/signal, which fuzzing starts, never ends.
func leavesNothing(m *testing.M) int {
	code := m.Run()
	fuzzing := flag.Lookup("test.fuzz").Value.String() != ""
	for end := time.Now().Add(time.Minute); code == 0 && !fuzzing && runtime.NumGoroutine() > 1; <-time.After(time.Millisecond) {
		if time.Now().After(end) {
			_ = pprof.Lookup("goroutine").WriteTo(os.Stderr, 2)
			code = 1
		}
	}
	return code
}

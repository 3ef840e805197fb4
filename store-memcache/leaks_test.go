package memcachestore

import (
	"flag"
	"os"
	"runtime"
	"runtime/pprof"
	"testing"
	"time"
)

// TestMain fails if the tests leave goroutines behind. Those on their way out have a
// minute; that of package os/signal, which fuzzing starts, never ends.
func TestMain(m *testing.M) {
	code := m.Run()
	fuzzing := flag.Lookup("test.fuzz").Value.String() != ""
	for end := time.Now().Add(time.Minute); code == 0 && !fuzzing && runtime.NumGoroutine() > 1; <-time.After(time.Millisecond) {
		if time.Now().After(end) {
			_ = pprof.Lookup("goroutine").WriteTo(os.Stderr, 2)
			code = 1
		}
	}
	os.Exit(code)
}

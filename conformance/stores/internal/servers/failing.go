package servers

import (
	"fmt"
	"runtime"
	"testing"
)

// A Failing is a test that is expected to fail.
type Failing struct {
	testing.TB

	Said string // with which it failed
}

// Fatalf notes the message and ends the goroutine; the test goes on.
func (f *Failing) Fatalf(format string, args ...any) {
	f.Said = fmt.Sprintf(format, args...)
	runtime.Goexit()
}

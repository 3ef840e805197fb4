package conformance

import (
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
)

// A caseRecorder is a testing.TB that keeps a case's outcome to itself.
type caseRecorder struct {
	testing.TB // for all that is not about the outcome

	mu       sync.Mutex
	failed   bool
	skipped  bool
	messages []string
	cleanups []func()
}

// run calls do as package testing would a test, then what do has left for the
// end.
func (r *caseRecorder) run(do func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer r.cleanup()
		do()
	}()
	<-done
}

func (r *caseRecorder) cleanup() {
	for len(r.cleanups) > 0 {
		last := len(r.cleanups) - 1
		f := r.cleanups[last]
		r.cleanups = r.cleanups[:last]
		f()
	}
}

// output returns everything that was logged.
func (r *caseRecorder) output() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return strings.Join(r.messages, "\n")
}

func (r *caseRecorder) note(failed bool, message string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.failed = r.failed || failed
	if message != "" {
		r.messages = append(r.messages, message)
	}
}

func (r *caseRecorder) Cleanup(f func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.cleanups = append(r.cleanups, f)
}

func (r *caseRecorder) Failed() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.failed
}

func (r *caseRecorder) Skipped() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.skipped
}

func (r *caseRecorder) FailNow() {
	r.note(true, "")
	runtime.Goexit()
}

func (r *caseRecorder) SkipNow() {
	r.mu.Lock()
	r.skipped = true
	r.mu.Unlock()
	runtime.Goexit()
}

func (r *caseRecorder) Helper()                      {}
func (r *caseRecorder) Fail()                        { r.note(true, "") }
func (r *caseRecorder) Log(args ...any)              { r.note(false, fmt.Sprint(args...)) }
func (r *caseRecorder) Logf(f string, args ...any)   { r.note(false, fmt.Sprintf(f, args...)) }
func (r *caseRecorder) Error(args ...any)            { r.note(true, fmt.Sprint(args...)) }
func (r *caseRecorder) Errorf(f string, args ...any) { r.note(true, fmt.Sprintf(f, args...)) }
func (r *caseRecorder) Fatal(args ...any)            { r.Error(args...); r.FailNow() }
func (r *caseRecorder) Fatalf(f string, args ...any) { r.Errorf(f, args...); r.FailNow() }
func (r *caseRecorder) Skip(args ...any)             { r.Log(args...); r.SkipNow() }
func (r *caseRecorder) Skipf(f string, args ...any)  { r.Logf(f, args...); r.SkipNow() }

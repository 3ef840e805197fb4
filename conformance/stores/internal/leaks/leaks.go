// Package leaks finds goroutines that the tests of a package leave behind.
package leaks

import (
	"fmt"
	"os"
	"testing"

	"go.uber.org/goleak"
)

// patience is how often goroutines that are left are looked at, a second or so at a
// time. They end within the first, but a machine may be busy.
const patience = 60

// Exit runs the tests, then stop, one after the other, and ends the process. The status
// is 1 if the tests pass and goroutines are left.
func Exit(m *testing.M, stop ...func()) {
	code := m.Run()
	for _, f := range stop {
		f()
	}
	if code == 0 {
		code = check()
	}
	os.Exit(code) //nolint:revive // the last call of TestMain
}

func check() int {
	var err error
	others := []goleak.Option{
		// scs.New starts one that nothing ends, for a store that is replaced then.
		goleak.IgnoreAnyFunction("github.com/alexedwards/scs/v2/memstore.(*MemStore).startCleanup"),
		// toxiproxy may leave one that was about to send when its connection was closed.
		goleak.IgnoreAnyFunction("github.com/Shopify/toxiproxy/v2/toxics.(*ToxicStub).Run"),
	}
	for range patience {
		if err = goleak.Find(others...); err == nil {
			return 0
		}
	}
	fmt.Fprintln(os.Stderr, "the tests have left goroutines behind:", err)
	return 1
}

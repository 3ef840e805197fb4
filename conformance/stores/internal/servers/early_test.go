package servers_test

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/cloakroom-go/cloakroom/conformance/stores/internal/servers"
)

// A failing is a test that is expected to fail.
type failing struct {
	testing.TB

	said string
}

func (f *failing) Fatalf(format string, args ...any) {
	f.said = fmt.Sprintf(format, args...)
	runtime.Goexit()
}

// TestAnOwnServerThatEndsEarlyIsReported gives a server an argument that it refuses. It is
// not waited for, and its last words are in the report.
func TestAnOwnServerThatEndsEarlyIsReported(t *testing.T) {
	t.Parallel()
	t.Run("redis", func(t *testing.T) {
		t.Parallel()
		f := &failing{TB: t}
		done := make(chan struct{})
		go func() {
			defer close(done)
			servers.Own(f, servers.Redis, "--no-such-directive", "yes")
		}()
		<-done
		if !strings.Contains(f.said, "the server has ended by itself") || !strings.Contains(f.said, "no-such-directive") {
			t.Errorf("it is reported as %q", f.said)
		}
	})
}

package servers_test

import (
	"strings"
	"testing"

	"github.com/cloakroom-go/cloakroom/conformance/stores/internal/servers"
)

// TestAnOwnServerThatEndsEarlyIsReported gives a server an argument that it refuses. It is
// not waited for, and its last words are in the report.
func TestAnOwnServerThatEndsEarlyIsReported(t *testing.T) {
	t.Parallel()
	t.Run("redis", func(t *testing.T) {
		t.Parallel()
		f := &servers.Failing{TB: t}
		done := make(chan struct{})
		go func() {
			defer close(done)
			servers.Own(f, servers.Redis, "--no-such-directive", "yes")
		}()
		<-done
		if !strings.Contains(f.Said, "the server has ended by itself") || !strings.Contains(f.Said, "no-such-directive") {
			t.Errorf("it is reported as %q", f.Said)
		}
	})
}

package torture

import (
	"fmt"
	"net"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/cloakroom-go/cloakroom/conformance/stores/internal/backends"
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

// TestARunEndsWhenAnApplicationCannotStart takes the port of an application that is down.
func TestARunEndsWhenAnApplicationCannotStart(t *testing.T) {
	t.Parallel()
	r := tortured(t, backends.Named(t, "file"), "")
	f := &failing{TB: t}
	r.occur = []fault{{kind: "port taken", begin: func() error {
		app := r.apps[0]
		app.exit()
		l, err := net.Listen("tcp", app.config.Listen) //nolint:noctx // does not wait
		if err != nil {
			return err
		}
		defer func() { _ = l.Close() }()
		app.run(f)
		return nil
	}}}
	r.torture(time.Hour)
	if !strings.Contains(f.said, "did not start") || !strings.Contains(f.said, "address already in use") {
		t.Errorf("it is reported as %q", f.said)
	}
}

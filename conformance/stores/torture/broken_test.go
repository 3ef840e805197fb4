package torture

import (
	"net"
	"strings"
	"testing"
	"time"

	"github.com/cloakroom-go/cloakroom/conformance/stores/internal/backends"
	"github.com/cloakroom-go/cloakroom/conformance/stores/internal/servers"
)

// TestARunEndsWhenAnApplicationCannotStart takes the port of an application that is down.
func TestARunEndsWhenAnApplicationCannotStart(t *testing.T) {
	t.Parallel()
	r := tortured(t, backends.Named(t, "file"), "")
	f := &servers.Failing{TB: t}
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
	if !strings.Contains(f.Said, "did not start") || !strings.Contains(f.Said, "address already in use") {
		t.Errorf("it is reported as %q", f.Said)
	}
}

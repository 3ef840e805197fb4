package servers_test

import (
	"testing"

	"github.com/cloakroom-go/cloakroom/conformance/stores/internal/backends"
	"github.com/cloakroom-go/cloakroom/conformance/stores/internal/leaks"
	"github.com/cloakroom-go/cloakroom/conformance/stores/internal/servers"
)

func TestMain(m *testing.M) {
	leaks.Exit(m, servers.Begin())
}

// TestAnOwnServerComesBack shows what tests of faults rely on.
func TestAnOwnServerComesBack(t *testing.T) {
	t.Parallel()
	for _, b := range backends.All {
		if b.Server == nil {
			continue
		}
		t.Run(b.Name, func(t *testing.T) {
			t.Parallel()
			s := servers.Own(t, b.Server)
			url := s.URL
			t.Logf("%s %s at %s, inside %s", s.Name, s.Version, s.URL, s.Inside)
			s.Kill(t)
			s.Start(t)
			if s.URL != url {
				t.Errorf("the server moved from %s to %s", url, s.URL)
			}
		})
	}
}

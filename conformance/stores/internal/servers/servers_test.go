package servers_test

import (
	"testing"

	"github.com/cloakroom-go/cloakroom/conformance/stores/internal/servers"
)

func TestMain(m *testing.M) {
	defer servers.Stop()
	m.Run()
}

// TestAnOwnServerComesBack shows what tests of faults rely on.
func TestAnOwnServerComesBack(t *testing.T) {
	t.Parallel()
	for name, kind := range map[string]*servers.Kind{
		"redis": servers.Redis, "memcache": servers.Memcached, "postgres": servers.Postgres, "mysql": servers.MySQL, "mongo": servers.Mongo,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := servers.Own(t, kind)
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

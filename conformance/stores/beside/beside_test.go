//go:build beside

// A command runs beside the servers that the stores' tests use, with
// their addresses in its environment:
//
//	go test -count=1 -tags beside ./conformance/stores/beside -args command argument …
package beside

import (
	"flag"
	"os"
	"os/exec"
	"testing"

	"github.com/cloakroom-go/cloakroom/conformance/stores/internal/backends"
	"github.com/cloakroom-go/cloakroom/conformance/stores/internal/leaks"
	"github.com/cloakroom-go/cloakroom/conformance/stores/internal/servers"
)

func TestMain(m *testing.M) {
	leaks.Exit(m, servers.Begin())
}

func TestCommand(t *testing.T) {
	if flag.NArg() == 0 {
		t.Fatal("no command after -args")
	}
	command := exec.CommandContext(t.Context(), flag.Arg(0), flag.Args()[1:]...)
	command.Stdout, command.Stderr, command.Env = os.Stdout, os.Stderr, os.Environ()
	for _, b := range backends.All {
		if b.Server == nil {
			continue
		}
		t.Run(b.Name, func(t *testing.T) { // skipped where there is no such server
			command.Env = append(command.Env, b.Server.AddrEnv+"="+servers.Any(t, b.Server).URL)
		})
	}
	if err := command.Run(); err != nil {
		t.Error(err)
	}
}

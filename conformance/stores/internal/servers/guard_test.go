package servers_test

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/cloakroom-go/cloakroom/conformance/stores/internal/backends"
	"github.com/cloakroom-go/cloakroom/conformance/stores/internal/servers"
)

// TestARunThatIsCutShortLeavesNothing starts itself in another process, which starts a
// server and is ended: no server and no file is left.
func TestARunThatIsCutShortLeavesNothing(t *testing.T) {
	t.Parallel()
	const inside = "CLOAKROOM_CUT_SHORT"
	if os.Getenv(inside) != "" {
		s := servers.Own(t, servers.Memcached)
		fmt.Println("started", os.Getenv("TMPDIR"), s.URL)
		<-time.After(backends.Patience)
		t.Fatal("nobody has cut it short")
	}
	for name, end := range map[string]os.Signal{"interrupted": os.Interrupt, "killed": os.Kill} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			exe, err := os.Executable()
			if err != nil {
				t.Fatal(err)
			}
			cmd := exec.CommandContext(t.Context(), exe, "-test.run=^TestARunThatIsCutShortLeavesNothing$")
			cmd.Env = append(os.Environ(), inside+"=1")
			output, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			hangs := time.AfterFunc(2*backends.Patience, func() { _ = cmd.Process.Kill() })
			defer hangs.Stop()
			var folder, address string
			if _, err := fmt.Fscanln(output, new(string), &folder, &address); err != nil {
				_ = cmd.Process.Kill()
				_ = cmd.Wait()
				t.Fatalf("the run has not started a server: %v", err)
			}
			if err := cmd.Process.Signal(end); err != nil {
				t.Error(err)
			}
			_ = cmd.Wait() // it was ended
			servers.Eventually(t, "the server has ended and the folder is gone", func() bool {
				_, err := os.Stat(folder)
				conn, dialErr := net.Dial("tcp", address) //nolint:noctx // does not wait
				if dialErr == nil {
					_ = conn.Close()
				}
				return errors.Is(err, os.ErrNotExist) && dialErr != nil
			})
		})
	}
}

package stores_test

import (
	"net"
	"os/exec"
	"testing"
)

// A daemon is a server of the test's own, on a free loopback port, that it may
// configure, kill and start again.
type daemon struct {
	tb   testing.TB
	path string
	args []string
	addr string
	cmd  *exec.Cmd
}

// newDaemon starts a program, to which args gives the port, and ends it with the
// test. It skips the test if the program isn't on the PATH.
func newDaemon(tb testing.TB, name string, args func(port string) []string) *daemon {
	tb.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		tb.Skipf("needs a server of its own: %v", err)
	}
	addr := freeAddr(tb)
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		tb.Fatal(err)
	}
	d := &daemon{tb: tb, path: path, args: args(port), addr: addr}
	tb.Cleanup(d.kill)
	d.start()
	return d
}

// start returns when the server accepts connections.
func (d *daemon) start() {
	d.tb.Helper()
	d.cmd = exec.Command(d.path, d.args...) //nolint:noctx // kill ends it
	d.cmd.Dir = d.tb.TempDir()
	if err := d.cmd.Start(); err != nil {
		d.tb.Fatal(err)
	}
	eventually(d.tb, d.path+" accepts connections", func() bool {
		conn, err := net.Dial("tcp", d.addr) //nolint:noctx // refused or not
		if err != nil {
			return false
		}
		_ = conn.Close()
		return true
	})
}

// kill ends the server as a crash would.
func (d *daemon) kill() {
	if d.cmd != nil {
		_ = d.cmd.Process.Kill() // it may have ended
		_ = d.cmd.Wait()         // with the signal
		d.cmd = nil
	}
}

// freeAddr returns a loopback address that nobody listens on.
func freeAddr(tb testing.TB) string {
	tb.Helper()
	var lc net.ListenConfig
	l, err := lc.Listen(tb.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	defer func() { _ = l.Close() }() // that it is free again is the purpose
	return l.Addr().String()
}

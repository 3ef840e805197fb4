// Package servers starts the servers that the stores' tests need, and ends them.
//
// Where a server comes from, in this order: an address in the environment; a
// container of an official image, or of the ones that the environment names; a
// binary on the PATH, started on a free loopback port. Where there is none of these,
// the test is skipped, or fails if CLOAKROOM_REQUIRE demands the server: it holds
// "all", "servers", or the names of kinds.
package servers

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cloakroom-go/cloakroom/conformance/stores/internal/need"
)

// A Server is a running server.
type Server struct {
	URL     string // what a client is given: host:port, or what its driver takes instead
	Inside  string // the address under which other servers of the test reach it
	Name    string // which product it is
	Version string // as it says itself

	kind *Kind
	unit unit
}

// A unit is what a server runs in: a container or a process. One call waits for another.
type unit interface {
	start(ctx context.Context) error // also after kill, with its data
	died(ctx context.Context) error  // why, if it has ended by itself, or nil
	kill(ctx context.Context) error  // at once, as a crash does
	remove(ctx context.Context) error
	shell(ctx context.Context, stdout, stderr io.Writer, script string, args ...string) (code int, err error)
	addr() string
	inside(ctx context.Context) (string, error)
}

// timeout bounds the time until a server answers, or has ended. One that ends early
// is not waited for, so it is only about those that hang; a busy machine may be slow.
const timeout = 10 * time.Minute

// errEnded is part of every report of a server that did not stay.
var errEnded = errors.New("the server has ended by itself")

// last returns the end of what a server has printed.
func last(output []byte) []byte { return bytes.TrimSpace(output[max(0, len(output)-2000):]) }

// Each runs a subtest on every version of a kind of server. Tests share these
// servers, and must not get in each other's way.
func Each(t *testing.T, k *Kind, run func(t *testing.T, s *Server)) {
	t.Helper()
	for _, s := range k.find(t) {
		t.Run(strings.ReplaceAll(s.name, "/", "_"), func(t *testing.T) {
			t.Parallel()
			run(t, s.get(t))
		})
	}
}

// Any returns a server that tests share, of whichever version comes first.
func Any(tb testing.TB, k *Kind) *Server {
	tb.Helper()
	return k.find(tb)[0].get(tb)
}

// Own starts a server for the test alone, which may configure, kill and start it
// again. args are added to its command line.
func Own(tb testing.TB, k *Kind, args ...string) *Server {
	tb.Helper()
	var u unit
	switch images, path := k.imagesHere(), k.binaryHere(); {
	case len(images) > 0:
		u = newContainer(k, images[0], args)
	case path != "":
		u = newProcess(k, path, args)
	default:
		k.missing(tb)
	}
	s := &Server{kind: k, unit: u}
	AtEnd(u.remove)
	tb.Cleanup(func() { s.Remove(tb) })
	s.Start(tb)
	return s
}

// Beside returns a server that the tests have started, so that [Server.Shell] finds its
// client programs: a shared one, or one of its own where the environment names another.
func Beside(tb testing.TB, k *Kind) *Server {
	tb.Helper()
	if s := Any(tb, k); s.unit != nil {
		return s
	}
	return Own(tb, k)
}

// Shell runs a script of sh where the server's client programs are: in its container, or on
// this machine. It returns what was printed, with errors if it fails, and the exit code.
func (s *Server) Shell(tb testing.TB, script string, args ...string) (output string, code int) {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.Context(), timeout)
	defer cancel()
	var stdout, stderr bytes.Buffer
	code, err := s.unit.shell(ctx, &stdout, &stderr, script, args...)
	if err != nil {
		tb.Fatalf("%s: %v", s.kind.Name, err)
	}
	if code != 0 {
		return stdout.String() + stderr.String(), code
	}
	return stdout.String(), code
}

// Start starts an Own server again after Kill, with what it had kept on disk. It
// returns when the server answers.
func (s *Server) Start(tb testing.TB) {
	tb.Helper()
	ctx, cancel := context.WithTimeout(running, timeout)
	defer cancel()
	if err := s.run(ctx); err != nil {
		tb.Fatalf("%s: %v", s.kind.Name, err)
	}
}

// Kill ends an Own server as a crash does.
func (s *Server) Kill(tb testing.TB) {
	tb.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(tb.Context()), timeout)
	defer cancel()
	if err := s.unit.kill(ctx); err != nil {
		tb.Fatalf("%s: %v", s.kind.Name, err)
	}
}

// Remove ends an Own server for good, before the test ends.
func (s *Server) Remove(tb testing.TB) {
	tb.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(tb.Context()), timeout)
	defer cancel()
	if err := s.unit.remove(ctx); err != nil {
		tb.Errorf("%s: %v", s.kind.Name, err)
	}
}

// run starts the server's unit and fills in what is known of it then.
func (s *Server) run(ctx context.Context) error {
	if err := s.unit.start(ctx); err != nil {
		return err
	}
	s.URL = s.kind.url(s.unit.addr())
	var err error
	if s.Inside, err = s.unit.inside(ctx); err != nil {
		return err
	}
	return s.wait(ctx)
}

// shorten leaves Docker's proxy out of the way to a container, where there is another
// way: it takes more processor time than some servers. A container that is started again
// may have another address, so this is for servers that stay.
func (s *Server) shorten(ctx context.Context) {
	if runtime.GOOS != "linux" || os.Getenv("DOCKER_HOST") != "" || !onBridge(s.Inside) {
		return // the address may be another machine's
	}
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", s.Inside)
	if err != nil {
		return
	}
	_ = conn.Close() // only tried
	s.URL = s.kind.url(s.Inside)
}

// onBridge reports whether an address belongs to a network that an interface of this
// machine is on, such as Docker's bridge, and not to one behind a router.
func onBridge(address string) bool {
	host, _, _ := net.SplitHostPort(address)
	ip := net.ParseIP(host)
	own, err := net.InterfaceAddrs()
	return err == nil && slices.ContainsFunc(own, func(a net.Addr) bool {
		n, ok := a.(*net.IPNet)
		return ok && n.Contains(ip)
	})
}

// wait returns when the server answers.
func (s *Server) wait(ctx context.Context) error {
	for {
		attempt, cancel := context.WithTimeout(ctx, 5*time.Second)
		name, version, err := s.kind.ask(attempt, s.URL)
		cancel()
		if err == nil {
			s.Name, s.Version = name, version
			return nil
		}
		if s.unit != nil {
			if err := s.unit.died(ctx); err != nil {
				return err
			}
		}
		select {
		case <-time.After(100 * time.Millisecond):
		case <-ctx.Done():
			return fmt.Errorf("does not answer: %w", err)
		}
	}
}

// A shared server is started when it is first asked for and ended by Stop.
type shared struct {
	name string
	once sync.Once
	s    *Server
	err  error
}

func (s *shared) get(tb testing.TB) *Server {
	tb.Helper()
	s.once.Do(func() {
		ctx, cancel := context.WithTimeout(running, timeout)
		defer cancel()
		if s.s.unit == nil {
			s.err = s.s.wait(ctx)
			return
		}
		AtEnd(s.s.unit.remove)
		if s.err = s.s.run(ctx); s.err == nil {
			s.s.shorten(ctx)
		}
	})
	if s.err != nil {
		tb.Fatalf("%s: %v", s.name, s.err)
	}
	return s.s
}

// find returns the shared servers of a kind.
func (k *Kind) find(tb testing.TB) []*shared {
	tb.Helper()
	k.once.Do(func() {
		images, path := k.imagesHere(), k.binaryHere()
		switch url := os.Getenv(k.AddrEnv); {
		case url != "":
			k.shared = []*shared{{name: "given", s: &Server{kind: k, URL: url, Inside: url}}}
		case len(images) > 0:
			for _, image := range images {
				k.shared = append(k.shared, &shared{name: image, s: &Server{kind: k, unit: newContainer(k, image, nil)}})
			}
		case path != "":
			k.shared = []*shared{{name: path, s: &Server{kind: k, unit: newProcess(k, path, nil)}}}
		}
	})
	if len(k.shared) == 0 {
		k.missing(tb)
	}
	return k.shared
}

// imagesHere returns the images to make containers of, if there is Docker.
func (k *Kind) imagesHere() []string {
	if !dockerWorks() {
		return nil
	}
	if images, ok := os.LookupEnv(k.ImageEnv); ok {
		return strings.Fields(images)
	}
	return k.Images
}

func (k *Kind) binaryHere() string {
	if k.process == nil {
		return ""
	}
	for _, name := range k.binaries {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	return ""
}

// missing ends a test that has no server.
func (k *Kind) missing(tb testing.TB) {
	tb.Helper()
	looked := fmt.Sprintf("no %s server: %s is not set, Docker doesn't answer or %s is empty, and there is no %s on the PATH",
		k.Name, k.AddrEnv, k.ImageEnv, strings.Join(k.binaries, " or "))
	need.Missing(tb, looked, k.Name, "servers")
}

// FreePort returns a port of the loopback interface that nobody listens on. It is
// below those that systems give to connections: until a server has taken it, or while
// one is down, no client in another test gets it by chance.
func FreePort() (string, error) {
	const lowest, beyond, tries = 15_000, 32_768, 1000
	var err error
	for range tries {
		port := strconv.Itoa(lowest + rand.IntN(beyond-lowest)) //nolint:gosec // no secret
		var l net.Listener
		l, err = net.Listen("tcp", net.JoinHostPort(loopback, port)) //nolint:noctx // does not wait
		if err == nil {
			return port, l.Close() //nolint:wrapcheck // can't happen
		}
	}
	return "", fmt.Errorf("free port: %w", err)
}

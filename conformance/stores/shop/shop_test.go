package shop_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/cloakroom-go/cloakroom/conformance/stores/internal/browser"
	"github.com/cloakroom-go/cloakroom/core/session"
)

// program is the demo shop, built once.
var program struct {
	once sync.Once
	dir  string
	path string
	err  error
}

func build(ctx context.Context) {
	if program.dir, program.err = os.MkdirTemp("", "cloakroom-shop"); program.err != nil {
		return
	}
	program.path = filepath.Join(program.dir, "demo.exe") // a suffix that every system takes
	cmd := exec.CommandContext(ctx, "go", "build", "-o", program.path, "./demo")
	cmd.Dir = filepath.Join("..", "..", "..", "examples") // its own module, with and without the workspace
	if out, err := cmd.CombinedOutput(); err != nil {
		program.err = fmt.Errorf("go build: %w\n%s", err, out)
	}
}

// A shop is a process of the demo shop. Its tests don't share one: they sign each
// other's accounts out.
type shop struct {
	tb    testing.TB
	args  []string
	key   string
	url   string // changes when it is started again; cookies don't care about ports
	cmd   *exec.Cmd
	log   bytes.Buffer  // of all processes so far
	ended chan struct{} // when nothing more comes from the process
}

// open starts a shop with this -store, and perhaps other flags, and closes it when
// the test ends.
func open(tb testing.TB, store string, flags ...string) *shop {
	tb.Helper()
	browser.Need(tb)
	program.once.Do(func() { build(tb.Context()) })
	if program.err != nil {
		tb.Fatal(program.err)
	}
	s := &shop{
		tb:   tb,
		args: append([]string{"-addr", "127.0.0.1:0", "-store", store, "-patience", "5m"}, flags...),
		key:  session.FormatKey(session.GenerateKey()),
	}
	s.start()
	tb.Cleanup(s.close)
	return s
}

// openFiles starts a shop that keeps sessions in files of its own.
func openFiles(tb testing.TB, flags ...string) *shop {
	tb.Helper()
	return open(tb, "file:"+filepath.Join(tb.TempDir(), "data"), flags...)
}

func (s *shop) start() {
	s.tb.Helper()
	s.cmd = exec.CommandContext(context.WithoutCancel(s.tb.Context()), program.path, s.args...)
	s.cmd.Env = append(os.Environ(), "CLOAKROOM_KEYS="+s.key)
	s.cmd.Stderr = &s.log
	stdout, err := s.cmd.StdoutPipe()
	if err == nil {
		err = s.cmd.Start()
	}
	if err != nil {
		s.tb.Fatalf("shop: %v", err)
	}
	lines := bufio.NewReader(stdout)
	greeting, err := lines.ReadString('\n')
	_, at, ok := strings.Cut(greeting, "http://")
	if err != nil || !ok {
		_ = s.cmd.Process.Kill()
		_ = s.cmd.Wait() // fills the log
		s.tb.Fatalf("shop %q: it says %q, %v\n%s", s.args, greeting, err, s.log.String())
	}
	s.url = "http://" + strings.TrimSpace(at)
	s.ended = make(chan struct{})
	go func() {
		defer close(s.ended)
		_, _ = io.Copy(io.Discard, lines) // it ends with the process
	}()
}

// kill ends the shop as a crash does.
func (s *shop) kill() {
	s.tb.Helper()
	if err := s.cmd.Process.Kill(); err != nil {
		s.tb.Fatalf("kill: %v", err)
	}
	<-s.ended
	_ = s.cmd.Wait() // says that it was killed
}

// close ends the shop as Ctrl-C does, and looks at what it has logged.
func (s *shop) close() {
	asked := s.cmd.Process.Signal(os.Interrupt) == nil
	if !asked { // a system without signals
		_ = s.cmd.Process.Kill()
	}
	<-s.ended
	if err := s.cmd.Wait(); err != nil && asked {
		s.tb.Errorf("the shop ended with %v", err)
	}
	log := s.log.String()
	if strings.Contains(log, "panic") {
		s.tb.Error("the shop has panicked")
	}
	if s.tb.Failed() {
		s.tb.Logf("the shop has logged:\n%s", log)
	}
}

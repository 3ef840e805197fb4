package servers

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
)

// A process is a server from the PATH. It has the same port and folder each time
// that it is started.
type process struct {
	kind *Kind
	path string
	args []string
	dir  string
	port string

	mu    sync.Mutex
	cmd   *exec.Cmd     // nil unless it was started
	ended chan struct{} // closed when cmd has ended
}

// newProcess describes a server that start gives a folder and a port.
func newProcess(k *Kind, path string, args []string) *process {
	return &process{kind: k, path: path, args: args}
}

func (p *process) start(ctx context.Context) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	err := ctx.Err()
	if err != nil {
		return fmt.Errorf("start %s: %w", p.path, err)
	}
	if p.port == "" {
		if p.port, err = FreePort(); err != nil {
			return err
		}
	}
	if p.dir == "" {
		if p.dir, err = p.kind.folder(); err != nil {
			return fmt.Errorf("folder for %s: %w", p.path, err)
		}
	}
	args, err := p.kind.process(ctx, p.dir, p.port)
	if err != nil {
		return err
	}
	command := []string{p.path}
	if p.kind.shell != "" {
		command = []string{"env", "LISTEN=127.0.0.1", "PORT=" + p.port, "DIR=" + p.dir, "sh", "-c", p.kind.shell, p.kind.Name}
	}
	args = slices.Concat(command, args, p.args)
	if p.kind.notRoot {
		args = unprivileged(args)
	}
	output, err := os.Create(p.outputPath())
	if err != nil {
		return fmt.Errorf("output of %s: %w", p.path, err)
	}
	defer func() { _ = output.Close() }()      // the server has its own
	p.cmd = exec.Command(args[0], args[1:]...) //nolint:gosec,noctx // a known server, which outlives ctx
	p.cmd.Dir, p.cmd.Stdout, p.cmd.Stderr = p.dir, output, output
	if err := p.cmd.Start(); err != nil {
		p.cmd = nil
		return fmt.Errorf("start %s: %w", p.path, err)
	}
	cmd, ended := p.cmd, make(chan struct{})
	id := strconv.Itoa(cmd.Process.Pid)
	err = os.WriteFile(filepath.Join(p.dir, processID), []byte(id), 0o600)
	p.ended = ended
	go func() {
		defer close(ended)
		_ = cmd.Wait() // what matters is that it has ended
	}()
	if err != nil {
		return errors.Join(fmt.Errorf("start %s: %w", p.path, err), p.end())
	}
	return nil
}

// unprivileged returns args, or for root what runs them as nobody.
func unprivileged(args []string) []string {
	if os.Getuid() == 0 {
		return append([]string{"runuser", "-u", "nobody", "--"}, args...)
	}
	return args
}

// folder makes a folder for a server, which belongs to the user that it runs as.
func (k *Kind) folder() (string, error) {
	dir, err := os.MkdirTemp("", "cloakroom-server")
	if err != nil || !k.notRoot || os.Getuid() != 0 {
		return dir, err //nolint:wrapcheck // the caller says what for
	}
	nobody, err := user.Lookup("nobody")
	if err != nil {
		return "", errors.Join(err, os.Remove(dir))
	}
	uid, errUID := strconv.Atoi(nobody.Uid)
	gid, errGID := strconv.Atoi(nobody.Gid)
	if err := errors.Join(errUID, errGID); err != nil {
		return "", errors.Join(err, os.Remove(dir))
	}
	return dir, os.Chown(dir, uid, gid) //nolint:wrapcheck // the same
}

func (p *process) outputPath() string { return filepath.Join(p.dir, "output") }

func (p *process) kill(context.Context) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.end()
}

// end kills the process. p.mu is locked.
func (p *process) end() error {
	if p.cmd == nil {
		return nil
	}
	err := p.cmd.Process.Kill()
	<-p.ended
	p.cmd = nil
	_ = os.Remove(filepath.Join(p.dir, processID)) // no other process's
	if err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("kill %s: %w", p.path, err)
	}
	return nil
}

func (p *process) died(context.Context) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cmd == nil {
		return errEnded
	}
	select {
	case <-p.ended:
		output, _ := os.ReadFile(p.outputPath()) // the end of the process tells more than a failure here
		return fmt.Errorf("%s: %w, %s, and has said %q", p.path, errEnded, p.cmd.ProcessState, last(output))
	default:
		return nil
	}
}

func (p *process) remove(context.Context) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return errors.Join(p.end(), os.RemoveAll(p.dir))
}

func (p *process) shell(ctx context.Context, stdout, stderr io.Writer, script string, args ...string) (code int, err error) {
	cmd := exec.CommandContext(ctx, "sh", append([]string{"-c", script, "sh"}, args...)...) //nolint:gosec // a test's
	cmd.Stdout, cmd.Stderr = stdout, stderr
	err = cmd.Run()
	if exit := new(exec.ExitError); err != nil && !errors.As(err, &exit) {
		return 0, fmt.Errorf("run beside %s: %w", p.path, err)
	}
	return cmd.ProcessState.ExitCode(), nil
}

func (p *process) addr() string { return net.JoinHostPort(loopback, p.port) }

func (p *process) inside(context.Context) (string, error) { return p.addr(), nil }

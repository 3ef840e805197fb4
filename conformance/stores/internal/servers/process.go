package servers

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"slices"
)

// A process is a server from the PATH. It has the same port and folder each time
// that it is started.
type process struct {
	kind *Kind
	path string
	args []string
	dir  string
	port string
	cmd  *exec.Cmd // nil unless it runs
}

// newProcess describes a server that start gives a folder and a port.
func newProcess(k *Kind, path string, args []string) *process {
	return &process{kind: k, path: path, args: args}
}

func (p *process) start(ctx context.Context) error {
	var err error
	if p.port == "" {
		if p.port, err = FreePort(); err != nil {
			return err
		}
	}
	if p.dir == "" {
		if p.dir, err = os.MkdirTemp("", "cloakroom-server"); err != nil {
			return fmt.Errorf("folder for %s: %w", p.path, err)
		}
	}
	args, err := p.kind.process(ctx, p.dir, p.port)
	if err != nil {
		return err
	}
	command := []string{p.path}
	if p.kind.shell != "" {
		command = []string{"env", "LISTEN=127.0.0.1", "PORT=" + p.port, "DIR=" + p.dir, "sh", "-c", p.kind.shell, p.kind.name}
	}
	args = slices.Concat(command, args, p.args)
	if p.kind.notRoot && os.Getuid() == 0 {
		args = append([]string{"runuser", "-u", "nobody", "--"}, args...)
	}
	p.cmd = exec.Command(args[0], args[1:]...) //nolint:gosec,noctx // a known server, which outlives ctx
	p.cmd.Dir = p.dir
	if err := p.cmd.Start(); err != nil {
		return fmt.Errorf("start %s: %w", p.path, err)
	}
	return nil
}

func (p *process) kill(context.Context) error {
	if p.cmd == nil {
		return nil
	}
	err := p.cmd.Process.Kill()
	_ = p.cmd.Wait() // says that it was killed
	p.cmd = nil
	if err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("kill %s: %w", p.path, err)
	}
	return nil
}

func (p *process) remove(ctx context.Context) error {
	return errors.Join(p.kill(ctx), os.RemoveAll(p.dir))
}

func (p *process) addr() string { return net.JoinHostPort(loopback, p.port) }

func (p *process) inside(context.Context) (string, error) { return p.addr(), nil }

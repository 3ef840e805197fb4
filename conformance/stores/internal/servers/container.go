package servers

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"slices"
	"sync"

	"github.com/moby/moby/api/pkg/stdcopy"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"
	"github.com/moby/moby/client"
	"github.com/testcontainers/testcontainers-go"
)

// dockerWorks reports whether containers can be started.
var dockerWorks = sync.OnceValue(func() bool { //nolint:gochecknoglobals // asked once
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	provider, err := testcontainers.NewDockerProvider()
	if err != nil {
		return false
	}
	defer func() { _ = provider.Close() }() // only asked
	return provider.Health(ctx) == nil
})

// A box is a container. It has the same port each time that it is started.
type box struct {
	kind     *Kind
	image    string
	args     []string
	hostPort string

	mu sync.Mutex
	c  *testcontainers.DockerContainer // nil before the first start, and after remove
}

func newContainer(k *Kind, image string, args []string) *box {
	return &box{kind: k, image: image, args: args}
}

func (b *box) start(ctx context.Context) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.c != nil {
		if err := b.c.Start(ctx); err != nil {
			return fmt.Errorf("start %s again: %w", b.image, err)
		}
		return nil
	}
	var err error
	if b.hostPort, err = FreePort(); err != nil {
		return err
	}
	port, err := network.ParsePort(b.kind.port + "/tcp")
	if err != nil {
		return fmt.Errorf("port of %s: %w", b.kind.Name, err)
	}
	binding := network.PortBinding{HostIP: netip.MustParseAddr(loopback), HostPort: b.hostPort}
	options := []testcontainers.ContainerCustomizer{
		testcontainers.WithExposedPorts(b.kind.port + "/tcp"),
		testcontainers.WithEnv(b.kind.env),
		testcontainers.WithLabels(map[string]string{label: os.Getenv("TMPDIR")}),
		testcontainers.WithHostConfigModifier(func(c *container.HostConfig) {
			c.PortBindings = network.PortMap{port: {binding}}
		}),
	}
	if args := slices.Concat(b.kind.args, b.args); len(args) > 0 {
		options = append(options, testcontainers.WithCmd(args...))
	}
	if b.kind.shell != "" {
		options = append(options,
			testcontainers.WithEntrypoint("sh", "-c", b.kind.shell, b.kind.Name),
			testcontainers.WithEnv(map[string]string{"LISTEN": "0.0.0.0", "PORT": b.kind.port, "DIR": "/tmp"}))
	}
	if b.c, err = testcontainers.Run(ctx, b.image, options...); err != nil {
		return fmt.Errorf("start %s: %w", b.image, err)
	}
	return nil
}

func (b *box) died(ctx context.Context) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.c == nil {
		return errEnded
	}
	state, err := b.c.State(ctx)
	if err != nil || state.Running {
		return nil // Docker doesn't know: the server may be well
	}
	return fmt.Errorf("%s: %w, exit status %d, and has said %q", b.image, errEnded, state.ExitCode, last(b.output(ctx)))
}

// output returns what the container has printed, as far as Docker tells.
func (b *box) output(ctx context.Context) []byte {
	logs, err := b.c.Logs(ctx)
	if err != nil {
		return nil
	}
	defer func() { _ = logs.Close() }() // only read
	output, _ := io.ReadAll(logs)       // what there is
	return output
}

func (b *box) kill(ctx context.Context) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.c == nil {
		return nil
	}
	provider, err := testcontainers.NewDockerProvider()
	if err != nil {
		return fmt.Errorf("kill %s: %w", b.image, err)
	}
	defer func() { _ = provider.Close() }() // only asked
	// Stop, even at once, sends SIGTERM first: a server tidies up.
	if _, err := provider.Client().ContainerKill(ctx, b.c.GetContainerID(), client.ContainerKillOptions{Signal: "KILL"}); err != nil {
		return fmt.Errorf("kill %s: %w", b.image, err)
	}
	return nil
}

func (b *box) remove(ctx context.Context) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.c == nil {
		return nil
	}
	if err := b.c.Terminate(ctx, testcontainers.StopTimeout(0)); err != nil {
		return fmt.Errorf("remove %s: %w", b.image, err)
	}
	b.c = nil
	return nil
}

func (b *box) shell(ctx context.Context, stdout, stderr io.Writer, script string, args ...string) (code int, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.c == nil {
		return 0, errEnded
	}
	code, printed, err := b.c.Exec(ctx, append([]string{"sh", "-c", script, "sh"}, args...))
	if err == nil {
		_, err = stdcopy.StdCopy(stdout, stderr, printed)
	}
	if err != nil {
		return 0, fmt.Errorf("run in %s: %w", b.image, err)
	}
	return code, nil
}

func (b *box) addr() string { return net.JoinHostPort(loopback, b.hostPort) }

func (b *box) inside(ctx context.Context) (string, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.c == nil {
		return "", errEnded
	}
	ip, err := b.c.ContainerIP(ctx)
	if err != nil {
		return "", fmt.Errorf("address of %s: %w", b.image, err)
	}
	return net.JoinHostPort(ip, b.kind.port), nil
}

package servers

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/moby/moby/client"
	"github.com/testcontainers/testcontainers-go"
)

// A run that is killed ends nothing. A guard does it then: this binary once more, which
// notices that the run has ended when its standard input does. What it has to end is
// found by the run's folder: containers have it as a label, and a server that is a process
// has a file in it with its id.

const (
	guarded   = "CLOAKROOM_GUARDED" // the variable with the folder of the run
	label     = "cloakroom.tests"
	processID = "pid"
)

// startGuard starts the guard of a run. What it returns is the guard's standard input, which
// is open until the run ends.
func startGuard(folder string) (lifeline io.Closer, err error) {
	exe, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("guard: %w", err)
	}
	cmd := exec.Command(exe) //nolint:gosec,noctx // itself, which outlives this process
	cmd.Env = append(os.Environ(), guarded+"="+folder)
	if lifeline, err = cmd.StdinPipe(); err != nil {
		return nil, fmt.Errorf("guard: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("guard: %w", err)
	}
	return lifeline, nil
}

// guard waits until the run has ended, and ends what it has left.
func guard(folder string) {
	signal.Ignore(os.Interrupt, syscall.SIGTERM) // a terminal sends them to all
	_, _ = io.Copy(io.Discard, os.Stdin)
	if _, err := os.Stat(folder); errors.Is(err, os.ErrNotExist) { //nolint:gosec // it is ours
		return // the run has tidied up
	}
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	files, _ := filepath.Glob(filepath.Join(folder, "*", processID)) // the pattern is right
	for _, file := range files {
		endProcess(file)
	}
	if dockerWorks() {
		removeContainers(ctx, folder)
	}
	_ = os.RemoveAll(folder) //nolint:gosec // it is ours; nobody is there to be told of an error
}

func endProcess(file string) {
	text, err := os.ReadFile(file) //nolint:gosec // our own
	if err != nil {
		return
	}
	id, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		return
	}
	if p, err := os.FindProcess(id); err == nil {
		_ = p.Kill() // it may have ended
	}
}

// removeContainers removes those of a run, and looks again for one that Docker was about to
// make.
func removeContainers(ctx context.Context, folder string) {
	provider, err := testcontainers.NewDockerProvider()
	if err != nil {
		return
	}
	defer func() { _ = provider.Close() }() // the process ends
	docker := provider.Client()
	for none := 0; none < 3 && ctx.Err() == nil; <-time.After(time.Second) {
		list, err := docker.ContainerList(ctx, client.ContainerListOptions{
			All: true, Filters: make(client.Filters).Add("label", label+"="+folder),
		})
		none++
		if err != nil {
			continue
		}
		for i := range list.Items {
			none = 0
			_, _ = docker.ContainerRemove(ctx, list.Items[i].ID, client.ContainerRemoveOptions{RemoveVolumes: true, Force: true})
		}
	}
}

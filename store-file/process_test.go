package filestore_test

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strconv"
	"sync"
	"testing"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
	filestore "github.com/cloakroom-go/cloakroom/store-file"
)

func init() { //nolint:gochecknoinits // registers what TestMain runs
	children["increment"] = childIncrement
}

func TestProcessesLoseNoUpdate(t *testing.T) {
	t.Parallel()
	const processes, goroutines, each = 2, 4, 25
	dir := folder(t)
	s := open(t, dir)
	id, r := create(t, s, "0", "ada")
	cmds := make([]*exec.Cmd, processes)
	for i := range cmds {
		cmds[i] = childCommand(t, "increment", dir, id, strconv.Itoa(goroutines), strconv.Itoa(each))
		if err := cmds[i].Start(); err != nil {
			t.Fatal(err)
		}
	}
	for _, cmd := range cmds {
		if err := cmd.Wait(); err != nil {
			t.Error(err)
		}
	}
	got, err := s.Load(t.Context(), id)
	if want := strconv.Itoa(processes * goroutines * each); err != nil || string(got.Data) != want {
		t.Errorf("counted to %s, %v, want %s", got.Data, err, want)
	}
	if !got.Expires.Equal(r.Expires) || got.Subject != r.Subject {
		t.Errorf("record is %+v, want the expiry and subject of %+v", got, r)
	}
}

// childIncrement counts in a record from several goroutines.
func childIncrement(args []string) int {
	goroutines, err1 := strconv.Atoi(args[2])
	each, err2 := strconv.Atoi(args[3])
	s, err3 := filestore.New(args[0], filestore.Options{})
	if err := errors.Join(err1, err2, err3); err != nil {
		return fail(err)
	}
	failures := make([]int, goroutines)
	var wg sync.WaitGroup
	for i := range failures {
		wg.Go(func() {
			for range each {
				if err := increment(s, args[1]); err != nil {
					failures[i] = fail(err)
				}
			}
		})
	}
	wg.Wait()
	var failed int
	for _, n := range failures {
		failed |= n
	}
	return failed
}

// increment adds one to the number in a record, as often as it takes.
func increment(s *filestore.Store, id string) error {
	for {
		r, err := s.Load(context.Background(), id)
		if err != nil {
			return fmt.Errorf("increment: %w", err)
		}
		n, err := strconv.Atoi(string(r.Data))
		if err != nil {
			return fmt.Errorf("increment: %w", err)
		}
		old := r.Version
		r.Data, r.Version = []byte(strconv.Itoa(n+1)), newVersion()
		if err = s.Update(context.Background(), id, old, r); !errors.Is(err, sessionstore.ErrConflict) {
			return err
		}
	}
}

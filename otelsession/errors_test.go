package otelsession

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"syscall"
	"testing"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

func TestOutcomes(t *testing.T) {
	t.Parallel()
	repeated := fmt.Errorf("%w: %w", sessionstore.ErrConflict, sessionstore.ErrRepeated)
	pathError := &fs.PathError{Op: "open", Path: "secret", Err: syscall.ENOSPC}
	for name, c := range map[string]struct {
		err  error
		want outcome
	}{
		"success":                  {nil, outcome{"ok", ""}},
		"an answer":                {sessionstore.ErrNotFound, outcome{"not_found", ""}},
		"a wrapped answer":         {fmt.Errorf("x: %w", sessionstore.ErrConflict), outcome{"conflict", ""}},
		"another answer":           {sessionstore.ErrExists, outcome{"exists", ""}},
		"perhaps with itself":      {repeated, outcome{"repeated", "repeated"}},
		"too large":                {sessionstore.ErrTooLarge, outcome{"too_large", "too_large"}},
		"damage":                   {fmt.Errorf("x: %w", sessionstore.ErrCorrupt), outcome{"corrupt", "corrupt"}},
		"unsupported":              {sessionstore.ErrUnsupported, outcome{"unsupported", "unsupported"}},
		"misuse":                   {sessionstore.ErrInvalid, outcome{"invalid", "invalid"}},
		"a client that went away":  {fmt.Errorf("x: %w", context.Canceled), outcome{"error", "canceled"}},
		"a deadline":               {context.DeadlineExceeded, outcome{"error", "timeout"}},
		"a deadline of the system": {fmt.Errorf("x: %w", os.ErrDeadlineExceeded), outcome{"error", "timeout"}},
		"a timeout of the network": {&net.DNSError{IsTimeout: true}, outcome{"error", "timeout"}},
		"a driver's error":         {fmt.Errorf("x: %w", fmt.Errorf("y: %w", pathError)), outcome{"error", "*fs.PathError"}},
		"a driver's value":         {fmt.Errorf("x: %w", syscall.ENOSPC), outcome{"error", "syscall.Errno"}},
		"several, one of a type":   {fmt.Errorf("%w: %w", errors.New("x"), pathError), outcome{"error", "*fs.PathError"}},
		"joined":                   {errors.Join(errors.New("x"), pathError), outcome{"error", "*fs.PathError"}},
		"joined, none of a type":   {errors.Join(errors.New("x"), errors.New("y")), outcome{"error", "_OTHER"}},
		"words":                    {fmt.Errorf("x: %w", errors.New("y")), outcome{"error", "_OTHER"}},
	} {
		if got := outcomeOf(c.err); got != c.want {
			t.Errorf("%s: got %+v, want %+v", name, got, c.want)
		}
	}
}

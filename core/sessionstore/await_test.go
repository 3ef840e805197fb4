package sessionstore_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

func TestAwaitReturnsWhatTheFunctionReturns(t *testing.T) {
	t.Parallel()
	for name, ctx := range map[string]context.Context{"can be done": t.Context(), "is never done": context.Background()} {
		got, err := sessionstore.Await(ctx, func() (int, error) { return 7, errDown })
		if got != 7 || !errors.Is(err, errDown) {
			t.Errorf("a context that %s: %d, %v, want 7, %v", name, got, err, errDown)
		}
	}
}

func TestAwaitReturnsWhenTheContextIsDone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		start := time.Now()
		got, err := sessionstore.Await(ctx, func() (int, error) {
			<-time.After(time.Hour)
			return 7, nil
		})
		if took := time.Since(start); got != 0 || !errors.Is(err, context.DeadlineExceeded) || took != time.Second {
			t.Errorf("%d, %v after %v, want 0, %v after a second", got, err, took, context.DeadlineExceeded)
		}
		<-time.After(time.Hour) // the function comes to its end
	})
}

func TestCertainErrorsAreTheContractsOwn(t *testing.T) {
	t.Parallel()
	for _, err := range []error{
		sessionstore.ErrNotFound, sessionstore.ErrExists, sessionstore.ErrConflict, sessionstore.ErrTooLarge,
		sessionstore.ErrCorrupt, sessionstore.ErrUnsupported, sessionstore.ErrInvalid,
	} {
		if !sessionstore.Certain(fmt.Errorf("wrapped: %w", err)) {
			t.Errorf("%v is not certain", err)
		}
	}
	for _, err := range []error{nil, errDown, context.Canceled, errors.New("something else")} {
		if sessionstore.Certain(err) {
			t.Errorf("%v is certain", err)
		}
	}
}

func TestAwaitPanicsAsTheFunctionDoes(t *testing.T) {
	t.Parallel()
	defer func() {
		if text := fmt.Sprint(recover()); !strings.HasPrefix(text, "broken driver\n") || !strings.Contains(text, "brokenDriver") {
			t.Errorf("panic %q, want the driver's, with its stack", text)
		}
	}()
	_, err := sessionstore.Await(t.Context(), brokenDriver)
	t.Errorf("returned %v", err)
}

func brokenDriver() (int, error) { panic("broken driver") }

func TestAwaitDropsThePanicOfAFunctionThatItHasLeft(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := sessionstore.Await(ctx, func() (int, error) {
			<-time.After(time.Minute)
			return brokenDriver()
		})
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("returned %v", err)
		}
		<-time.After(time.Hour)
	})
}

func TestAFunctionThatEndsItsGoroutineHasNoResult(t *testing.T) {
	t.Parallel()
	got, err := sessionstore.Await(t.Context(), func() (int, error) {
		runtime.Goexit()
		return 7, nil
	})
	if got != 0 || err == nil || sessionstore.Certain(err) {
		t.Errorf("%d, %v, want an error that is not certain", got, err)
	}
}

func TestAwaitStartsNothingForADoneContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := sessionstore.Await(ctx, func() (int, error) {
		t.Error("it was started")
		return 1, nil
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

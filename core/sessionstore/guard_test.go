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

var errDriver = errors.New("driver: i/o timeout")

func TestAGuardRefusesWhatTheContractForbids(t *testing.T) {
	t.Parallel()
	g := &sessionstore.Guard{Package: "mystore", MaxData: 4}
	done, cancel := context.WithCancel(t.Context())
	cancel()
	large, timeless := aRecord, aRecord
	large.Data, timeless.Expires = []byte("12345"), time.Time{}
	for name, c := range map[string]struct{ err, want error }{
		"Check":                    {g.Check(t.Context(), anID), nil},
		"Check, done":              {g.Check(done, anID), context.Canceled},
		"Check, bad id":            {g.Check(t.Context(), "../etc"), sessionstore.ErrInvalid},
		"CheckWrite":               {g.CheckWrite(t.Context(), anID, aRecord), nil},
		"CheckWrite, done":         {g.CheckWrite(done, anID, aRecord), context.Canceled},
		"CheckWrite, bad id":       {g.CheckWrite(t.Context(), "", aRecord), sessionstore.ErrInvalid},
		"CheckWrite, bad record":   {g.CheckWrite(t.Context(), anID, timeless), sessionstore.ErrInvalid},
		"CheckWrite, too large":    {g.CheckWrite(t.Context(), anID, large), sessionstore.ErrTooLarge},
		"CheckWrite without limit": {(&sessionstore.Guard{}).CheckWrite(t.Context(), anID, large), nil},
		"CheckTouch":               {g.CheckTouch(t.Context(), anID, farAway), nil},
		"CheckTouch, done":         {g.CheckTouch(done, anID, farAway), context.Canceled},
		"CheckTouch, bad expiry":   {g.CheckTouch(t.Context(), anID, time.Time{}), sessionstore.ErrInvalid},
		"CheckSubject":             {g.CheckSubject(t.Context(), "ann"), nil},
		"CheckSubject, done":       {g.CheckSubject(done, "ann"), context.Canceled},
		"CheckSubject, nobody":     {g.CheckSubject(t.Context(), ""), sessionstore.ErrInvalid},
		"CheckContext":             {g.CheckContext(t.Context()), nil},
		"CheckContext, done":       {g.CheckContext(done), context.Canceled},
	} {
		if !errors.Is(c.err, c.want) || (c.err == nil) != (c.want == nil) {
			t.Errorf("%s: %v, want %v", name, c.err, c.want)
		}
		if errors.Is(c.err, context.Canceled) && !strings.HasPrefix(c.err.Error(), "mystore: ") {
			t.Errorf("%s: %q does not name the package", name, c.err)
		}
	}
}

// A request's context is one that only its deadline ends; whoever adds another end to it
// needs a goroutine.
func TestAGuardTakesADriverAtItsWordOnlyUntilADeadline(t *testing.T) {
	t.Parallel()
	type key struct{}
	only, release := sessionstore.WithDeadlineOnly(t.Context(), time.Now().Add(time.Hour))
	defer release()
	cancellable, cancel := context.WithCancel(only)
	defer cancel()
	earlier, cancelEarlier := context.WithTimeout(only, time.Minute)
	defer cancelEarlier()
	prompt := func(left time.Duration) bool { return left > time.Minute }
	for name, c := range map[string]struct {
		ctx    context.Context //nolint:containedctx // of a case
		prompt func(time.Duration) bool
		direct bool
	}{
		"a request's":           {only, prompt, true},
		"with more values":      {context.WithValue(only, key{}, 1), prompt, true},
		"cancellable":           {cancellable, prompt, false},
		"with a deadline more":  {earlier, prompt, false},
		"another context":       {t.Context(), prompt, false},
		"too little time":       {only, func(left time.Duration) bool { return left > time.Hour }, false},
		"a driver without word": {only, nil, false},
	} {
		g := &sessionstore.Guard{Package: "mystore", EndsByDeadline: c.prompt}
		outside := goroutine()
		inside, err := sessionstore.Guarded(c.ctx, g, func() (string, error) { return goroutine(), errDriver })
		if (inside == outside) != c.direct {
			t.Errorf("%s: called in the caller's goroutine: %v, want %v", name, inside == outside, c.direct)
		}
		if !errors.Is(err, errDriver) || !strings.HasPrefix(err.Error(), "mystore: ") {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

// goroutine returns the number of the caller's goroutine.
func goroutine() string {
	stack := make([]byte, 64)
	return strings.Fields(string(stack[:runtime.Stack(stack, false)]))[1]
}

func TestALimitIsPositiveAndNotAboveTheLargest(t *testing.T) {
	t.Parallel()
	g := &sessionstore.Guard{Package: "mystore"}
	for value, fine := range map[int]bool{-1: false, 0: false, 1: true, 10: true, 11: false} {
		err := g.CheckLimit("MaxData", value, 10)
		want := fmt.Sprintf("mystore: MaxData is %d: want 1 to 10", value)
		if (err == nil) != fine || err != nil && !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%d: %v, want fine: %v", value, err, fine)
		}
	}
}

func TestWrapNamesThePackageAndLeavesWhatIsCertain(t *testing.T) {
	t.Parallel()
	g := &sessionstore.Guard{Package: "mystore", Explain: func(err error) error {
		if errors.Is(err, errDown) {
			return sessionstore.ErrNotFound
		}
		return fmt.Errorf("a hint: %w", err)
	}}
	done, cancel := context.WithCancel(t.Context())
	cancel()
	certain := fmt.Errorf("%w: cut short", sessionstore.ErrCorrupt)
	none := "<nil>"
	for name, c := range map[string]struct {
		err      error
		want     string
		wantDone string // with a context that is done
	}{
		"nothing":      {nil, none, none},
		"certain":      {certain, certain.Error(), certain.Error()},
		"made certain": {errDown, sessionstore.ErrNotFound.Error(), sessionstore.ErrNotFound.Error()},
		"the driver's": {
			errDriver, "mystore: a hint: driver: i/o timeout", "mystore: context canceled: a hint: driver: i/o timeout",
		},
		"the context's": {
			fmt.Errorf("driver: %w", context.Canceled),
			"mystore: a hint: driver: context canceled", "mystore: a hint: driver: context canceled",
		},
	} {
		if got := fmt.Sprint(g.Wrap(t.Context(), c.err)); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
		if got := fmt.Sprint(g.Wrap(done, c.err)); got != c.wantDone {
			t.Errorf("%s, done: %q, want %q", name, got, c.wantDone)
		}
	}
	if err := g.Wrap(done, errDriver); !errors.Is(err, context.Canceled) || !errors.Is(err, errDriver) {
		t.Errorf("%v, want the context's error and the driver's", err)
	}
}

// A driver may notice a deadline a moment before the context does.
func TestWrapWaitsForADeadlineThatIsDue(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		time.Sleep(time.Second) //nolint:forbidigo // in a bubble, to the very moment
		g := &sessionstore.Guard{Package: "mystore"}
		if err := g.Wrap(ctx, errDriver); !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, errDriver) {
			t.Errorf("%v, want the deadline's error and the driver's", err)
		}
	})
}

func TestDoAndGuardedAwaitAndWrap(t *testing.T) {
	t.Parallel()
	g := &sessionstore.Guard{Package: "mystore"}
	if err := g.Do(t.Context(), func() error { return nil }); err != nil {
		t.Errorf("Do: %v", err)
	}
	if err := g.Do(t.Context(), func() error { return errDriver }); err == nil || err.Error() != "mystore: driver: i/o timeout" {
		t.Errorf("Do: %v", err)
	}
	n, err := sessionstore.Guarded(t.Context(), g, func() (int, error) { return 7, nil })
	if n != 7 || err != nil {
		t.Errorf("Guarded: %d, %v", n, err)
	}
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		err := g.Do(ctx, func() error {
			<-time.After(time.Hour)
			return nil
		})
		if !errors.Is(err, context.DeadlineExceeded) || !strings.HasPrefix(err.Error(), "mystore: ") {
			t.Errorf("Do past its deadline: %v", err)
		}
		<-time.After(time.Hour)
	})
}

func TestARecordIsLiveUntilItExpires(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := sessionstore.Record{Expires: time.Now().Add(time.Second)}
		<-time.After(time.Second - 1)
		if !r.Live() {
			t.Error("dead 1 ns early")
		}
		<-time.After(1)
		if r.Live() {
			t.Error("live at its expiry")
		}
	})
}

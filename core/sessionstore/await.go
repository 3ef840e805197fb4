package sessionstore

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
)

// Await returns what f returns, or ctx's error as soon as ctx is done. It is meant
// for stores whose driver can't be interrupted: the contract gives them 50 ms.
//
// If ctx is done before the call, f is not started. If ctx is done first, f is left
// to come to its end in a goroutine of its own, and its result is dropped. So f owns
// all that it uses, and something else has to bring about its end, the driver's
// timeouts, for instance; variables that f sets must not be read then.
//
// If f panics, Await panics, with f's stack in the text: net/http, which answers for
// handlers that panic, would not see it in another goroutine. After ctx is done,
// that is dropped as well.
func Await[T any](ctx context.Context, f func() (T, error)) (T, error) {
	if ctx.Done() == nil {
		return f()
	}
	var none T
	if err := ctx.Err(); err != nil {
		return none, err
	}
	type result struct {
		value    T
		err      error
		panicked string
	}
	done := make(chan result, 1)
	go func() {
		r := result{err: errExited}
		defer func() {
			if p := recover(); p != nil {
				r.panicked = fmt.Sprintf("%v\n\n%s", p, debug.Stack())
			}
			done <- r
		}()
		grow()
		r.value, r.err = f()
	}()
	select {
	case r := <-done:
		if r.panicked != "" {
			panic(r.panicked)
		}
		return r.value, r.err
	case <-ctx.Done():
		return none, ctx.Err()
	}
}

// grow gives a new goroutine the stack that a driver's call takes, at once. Otherwise
// the stack doubles, and is copied, once and again on the way down: BenchmarkAwait takes
// twice as long.
//
//go:noinline
func grow() {
	var room [7 << 10]byte
	keep(&room)
}

//go:noinline
func keep(room *[7 << 10]byte) { room[0] = 1 }

var errExited = errors.New("session: Await: the function has ended its goroutine")

// Certain reports whether err is one of the errors by which a [Store] says for
// certain what has happened, ErrNotFound to ErrInvalid, and not [ErrRepeated]. Any
// other error means that the outcome is unknown; stores put their name before those.
// nil is no such error: Certain reports false.
func Certain(err error) bool {
	if errors.Is(err, ErrRepeated) {
		return false
	}
	for _, certain := range []error{ErrNotFound, ErrExists, ErrConflict, ErrTooLarge, ErrCorrupt, ErrUnsupported, ErrInvalid} {
		if errors.Is(err, certain) {
			return true
		}
	}
	return false
}

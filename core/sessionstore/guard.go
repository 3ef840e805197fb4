package sessionstore

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cloakroom-go/cloakroom/core/internal/deadline"
)

// DefaultMaxData is the largest [Record].Data in bytes that a store of this library
// takes unless its Options say otherwise.
const DefaultMaxData = 8 << 20

// A Guard is what every store has in common: it refuses what the contract forbids
// before the backend is asked, and words errors as the contract wants them. A store
// calls one of its Check methods first in each method, and returns errors of its
// driver by way of Wrap. It is safe for concurrent use.
type Guard struct {
	// Package is the name of the store's package, with which every error begins
	// that is not the contract's own.
	Package string

	// MaxData is the largest Record.Data in bytes that the store takes. 0 means no
	// limit.
	MaxData int

	// Explain translates an error of the driver. If the error says for certain what
	// has happened, Explain returns the contract's error for that. It may also return
	// an error that says what to do. It returns all other errors as they are. If nil,
	// no error is translated.
	Explain func(err error) error

	// EndsByDeadline reports whether the driver ends a call by its deadline without help,
	// when that much time is left: because it keeps to the deadlines of contexts, or because
	// its own timeouts are shorter. Do and Guarded then make the call in the caller's
	// goroutine if its context is one of [WithDeadlineOnly], which nothing else ends. If nil,
	// they always use [Await].
	EndsByDeadline func(left time.Duration) bool
}

// CheckContext returns an error if ctx is done.
func (g *Guard) CheckContext(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("%s: %w", g.Package, err)
	}
	return nil
}

// Check returns an error if ctx is done or [CheckID] refuses id. It is for Load and
// Delete.
func (g *Guard) Check(ctx context.Context, id string) error {
	if err := g.CheckContext(ctx); err != nil {
		return err
	}
	return CheckID(id)
}

// CheckWrite is Check for Create and Update: it also returns an error if [CheckRecord]
// refuses r, and [ErrTooLarge] if its data is above MaxData.
func (g *Guard) CheckWrite(ctx context.Context, id string, r Record) error {
	if err := g.Check(ctx, id); err != nil {
		return err
	}
	if err := CheckRecord(r); err != nil {
		return err
	}
	if g.MaxData > 0 && len(r.Data) > g.MaxData {
		return fmt.Errorf("%w: %d bytes of data, the store takes %d", ErrTooLarge, len(r.Data), g.MaxData)
	}
	return nil
}

// CheckTouch is Check for Touch: it also returns an error if [CheckExpires] refuses
// expires.
func (g *Guard) CheckTouch(ctx context.Context, id string, expires time.Time) error {
	if err := g.Check(ctx, id); err != nil {
		return err
	}
	return CheckExpires(expires)
}

// CheckSubject returns an error if ctx is done or [CheckSubject] refuses subject. It is
// for ListSubject and DeleteSubject.
func (g *Guard) CheckSubject(ctx context.Context, subject string) error {
	if err := g.CheckContext(ctx); err != nil {
		return err
	}
	return CheckSubject(subject)
}

// CheckLimit returns an error unless an option of the store, whose default has been
// filled in, is positive and at most largest. It is for constructors.
func (g *Guard) CheckLimit(option string, value, largest int) error {
	if value <= 0 || value > largest {
		return fmt.Errorf("%s: %s is %d: want 1 to %d, or 0 for the default", g.Package, option, value, largest)
	}
	return nil
}

// Wrap returns an error of the driver as the store's callers get it. Errors that are
// [Certain], and nil, stay as they are; every other one begins with the package's
// name. If ctx is done, its error is found in it, whatever the driver says.
func (g *Guard) Wrap(ctx context.Context, err error) error {
	if err != nil && !Certain(err) && g.Explain != nil {
		err = g.Explain(err)
	}
	if err == nil || Certain(err) {
		return err
	}
	if done := doneError(ctx); done != nil && !errors.Is(err, done) {
		return fmt.Errorf("%s: %w: %w", g.Package, done, err)
	}
	return fmt.Errorf("%s: %w", g.Package, err)
}

// doneError returns ctx's error if it is done. A driver may notice a deadline a moment
// before the context does.
func doneError(ctx context.Context) error {
	if at, ok := ctx.Deadline(); ok && !time.Now().Before(at) {
		<-ctx.Done()
	}
	return ctx.Err()
}

// Do calls f as [Await] does, or directly where EndsByDeadline allows it, and returns its error by
// way of Wrap.
func (g *Guard) Do(ctx context.Context, f func() error) error {
	_, err := Guarded(ctx, g, func() (struct{}, error) { return struct{}{}, f() })
	return err
}

// Guarded is g.Do for what returns a value.
func Guarded[T any](ctx context.Context, g *Guard, f func() (T, error)) (T, error) {
	if g.EndsByDeadline != nil {
		if at, ok := deadline.Only(ctx); ok && g.EndsByDeadline(time.Until(at)) {
			value, err := f()
			return value, g.Wrap(ctx, err)
		}
	}
	value, err := Await(ctx, f)
	return value, g.Wrap(ctx, err)
}

package main

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/cloakroom-go/cloakroom/cmd/cloakroom/internal/storeurl"
	"github.com/cloakroom-go/cloakroom/core/session"
	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

func runEnd(ctx context.Context, x *call) error {
	arg := ""
	if len(x.args) > 0 {
		arg = x.args[0]
	}
	switch {
	case x.all && (len(x.args) > 0 || x.subject != ""):
		return usageError{errors.New("-all ends everybody's sessions: it takes no ID and no subject")}
	case !x.all && arg == "" && x.subject == "":
		return usageError{errors.New("want an ID, -subject SUBJECT or -all")}
	case arg != "" && !isID(arg):
		return noID(arg)
	}
	return x.with(ctx, func(s *storeurl.Opened) error {
		switch {
		case x.all:
			return x.repeat(ctx, "ended", errEmpty, func(ctx context.Context) (int, error) { return sessionstore.DeleteAll(ctx, s.Store) })
		case arg != "":
			return x.endOne(ctx, s, arg)
		}
		none := fmt.Errorf("%w of %s", errNoSession, quote(x.subject))
		return x.repeat(ctx, "ended", none, func(ctx context.Context) (int, error) {
			return sessionstore.DeleteSubject(ctx, s.Store, x.subject)
		})
	})
}

// isID reports whether a text has the form of a public id.
func isID(text string) bool {
	if len(text) != 16 {
		return false
	}
	for _, c := range []byte(text) {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-', c == '_':
		default:
			return false
		}
	}
	return true
}

// noID tells of an argument without the form of an ID: no store is searched for it. It is not
// taken for a subject either: an ID that has lost a letter would end nothing, and look done.
func noID(arg string) error {
	return usageError{fmt.Errorf("%s is no ID; cloakroom list SUBJECT prints a subject's, end -subject SUBJECT ends them", quote(arg))}
}

func (x *call) endOne(ctx context.Context, s *storeurl.Opened, id string) error {
	a, err := x.admin(s)
	if err != nil {
		return err
	}
	e, _, err := x.find(ctx, s.Store, a, id)
	if errors.Is(err, errNoSession) && x.subject == "" {
		return fmt.Errorf("%w; if that is a subject, say -subject", err)
	}
	if err != nil {
		return err
	}
	one, cancel := context.WithTimeout(ctx, x.timeout)
	defer cancel()
	if err := s.Store.Delete(one, e.ID); err != nil {
		return err
	}
	return x.result("ended", 1, false)
}

// result prints how many sessions were ended or removed: so many, or at least so many.
func (x *call) result(verb string, n int, least bool) error {
	if x.json {
		all := map[string]any{verb: n}
		if least {
			all["atLeast"] = true
		}
		return printJSON(x.stdout, all)
	}
	if least {
		return x.print("at least " + number(n, "session") + " " + verb + "\n")
	}
	return x.print(number(n, "session") + " " + verb + "\n")
}

// A slice of work is over after sliceTime, the next after twice as long, and so on: what a
// store has to look at, it looks at anew with each call, and would never come to the end of
// much. A slice says how much it has done. One that has done nothing, and had maxSlice, is
// the last. What a call was about when it was cut off may be done, and is not counted.
const (
	sliceTime = 2 * time.Second
	maxSlice  = 2 * time.Minute
	mostTime  = 24 * time.Hour
)

// repeat calls f until all is done, and says meanwhile how far it is. If there was nothing
// to do, it returns none.
func (x *call) repeat(ctx context.Context, verb string, none error, f func(context.Context) (int, error)) error {
	var total atomic.Int64
	stop := x.progress(func() string { return number(int(total.Load()), "session") + " " + verb + " so far" })
	calls := 0
	err := sliced(ctx, f, func(n int) {
		calls++
		total.Add(int64(n))
	})
	stop()
	n := int(total.Load())
	switch {
	case ctx.Err() != nil:
		return interrupted{"at least " + number(n, "session") + " " + verb + "; run it again for the rest"}
	case err != nil && n > 0:
		return fmt.Errorf("at least %s %s, run it again for the rest: %w", number(n, "session"), verb, err)
	case err != nil:
		return err
	}
	if err := x.result(verb, n, calls > 1); err != nil || n > 0 || calls > 1 {
		return err
	}
	return none
}

func sliced(ctx context.Context, f func(context.Context) (int, error), done func(int)) error {
	for limit := sliceTime; ; limit = min(2*limit, mostTime) {
		slice, cancel := context.WithTimeout(ctx, limit)
		n, err := f(slice)
		over := slice.Err() != nil
		cancel()
		done(n)
		switch {
		case err == nil:
			return nil
		case !over, ctx.Err() != nil, n == 0 && limit >= maxSlice:
			return err
		}
	}
}

func runPrune(ctx context.Context, x *call) error {
	return x.with(ctx, func(s *storeurl.Opened) error {
		if _, ok := sessionstore.As[sessionstore.Pruner](s.Store); !ok {
			x.note("nothing to do, the server removes what has expired")
			return x.result("removed", 0, false)
		}
		return x.repeat(ctx, "removed", nil, func(ctx context.Context) (int, error) { return sessionstore.Prune(ctx, s.Store) })
	})
}

func runMigrate(ctx context.Context, x *call) error {
	s, err := x.opened(ctx, true)
	if err != nil {
		return err
	}
	text := "this store needs no table, index or folder"
	if s.Migrate != nil {
		text = "the store has all that it needs"
		ctx, cancel := context.WithTimeout(ctx, x.timeout)
		defer cancel()
		err = s.Migrate(ctx)
	}
	if err := s.Hide(errors.Join(err, s.Close())); err != nil {
		return err
	}
	if x.json {
		return printJSON(x.stdout, map[string]bool{"migrated": s.Migrate != nil})
	}
	return x.print(text + "\n")
}

func runKeygen(_ context.Context, x *call) error {
	return x.print(session.FormatKey(session.GenerateKey()) + "\n")
}

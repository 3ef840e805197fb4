package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/cloakroom-go/cloakroom/cmd/cloakroom/internal/storeurl"
	"github.com/cloakroom-go/cloakroom/core/session"
)

// The exit codes, which usage documents.
const (
	exitDone        = 0
	exitFailed      = 1
	exitUsage       = 2
	exitNotFound    = 3
	exitUnsupported = 4
	exitInterrupted = 130
)

const exitCodes = `Exit codes:
  0    done; for check: the store can be used
  1    the store failed, or something was left out
  2    the command line or the store's address is wrong
  3    there is no such session, or none at all to end or to copy
  4    this store can't do that
  130  interrupted; what was done is done
`

// An app runs one command.
type app struct {
	stdout, stderr io.Writer
	open           opener
}

// An opener opens a store by its address: storeurl.Open, but for tests.
type opener func(context.Context, string, storeurl.Options) (*storeurl.Opened, error)

// A call is one command with its flags and arguments.
type call struct {
	app

	args    []string
	store   string
	json    bool
	timeout time.Duration

	subject string        // show, end
	idle    time.Duration // list, show
	all     bool          // end
	mirror  bool          // copy
	skew    time.Duration // check
}

// run returns the exit code.
func (a app) run(ctx context.Context, args []string) int {
	a.stdout = printer{a.stdout}
	if len(args) == 0 {
		_, _ = io.WriteString(a.stderr, usage()) // there is nobody else to tell
		return exitUsage
	}
	switch args[0] {
	case "help", "-h", "-help", "--help":
		return a.exit(ctx, a.print(usage()))
	}
	for i := range commands {
		if c := &commands[i]; c.name == args[0] {
			return a.exit(ctx, a.call(ctx, c, args[1:]))
		}
	}
	return a.exit(ctx, usageError{fmt.Errorf("there is no command %s; run cloakroom without arguments for a list", quote(args[0]))})
}

func (a app) print(text string) error {
	_, err := io.WriteString(a.stdout, text)
	return err //nolint:wrapcheck // it is the terminal's
}

func (a app) call(ctx context.Context, c *command, args []string) error {
	x := &call{app: a}
	flags := flag.NewFlagSet(c.name, flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	if c.opens {
		flags.StringVar(&x.store, "store", "", "`address` of the store; from "+storeVariable+" if it is left out")
	}
	if c.waits {
		flags.DurationVar(&x.timeout, "timeout", 10*time.Second, "how long to wait for one call to the store")
		flags.BoolVar(&x.json, "json", false, "print JSON")
	}
	if c.flags != nil {
		c.flags(flags, x)
	}
	switch err := flags.Parse(apart(flags, args)); {
	case errors.Is(err, flag.ErrHelp):
		return a.print(c.help(flags))
	case err != nil:
		return usageError{err}
	}
	x.args = flags.Args()
	for i, arg := range x.args {
		if i > 0 && strings.HasPrefix(arg, "-") {
			return usageError{fmt.Errorf("%s: flags come before arguments", quote(arg))}
		}
	}
	if len(x.args) < c.least || len(x.args) > c.most {
		return usageError{fmt.Errorf("want cloakroom %s; -h says more", c.usage(" [flags]"))}
	}
	empty := "" // a script's variable that was not set, perhaps
	flags.Visit(func(f *flag.Flag) {
		if f.Value.String() == "" {
			empty = f.Name
		}
	})
	switch {
	case empty != "":
		return usageError{fmt.Errorf("-%s is empty", empty)}
	case c.waits && x.timeout <= 0:
		return usageError{errors.New("-timeout is not positive")}
	case x.idle < 0:
		return usageError{errors.New("-idle is negative")}
	}
	return c.run(ctx, x)
}

// apart keeps a public id from being taken for a flag: one of 64 begins with a dash.
func apart(flags *flag.FlagSet, args []string) []string {
	last := len(args) - 1
	if last < 0 || !strings.HasPrefix(args[last], "-") || !isID(args[last]) || slices.Contains(args, "--") {
		return args
	}
	if last > 0 {
		name, isFlag := strings.CutPrefix(args[last-1], "-")
		if f := flags.Lookup(strings.TrimPrefix(name, "-")); isFlag && f != nil {
			if b, ok := f.Value.(interface{ IsBoolFlag() bool }); !ok || !b.IsBoolFlag() {
				return args // it is that flag's value
			}
		}
	}
	return slices.Insert(slices.Clone(args), last, "--")
}

// storeVariable holds the address of a store, because a command line is seen by others
// on the machine.
const storeVariable = "CLOAKROOM_STORE"

// opened opens the store that -store names.
func (x *call) opened(ctx context.Context, create bool) (*storeurl.Opened, error) {
	address := x.store
	if address == "" { // no default of the flag: -h would print it
		address = os.Getenv(storeVariable)
	}
	if address == "" {
		return nil, usageError{errors.New("no store: set " + storeVariable + " or -store; -h lists what they take")}
	}
	return x.open(ctx, address, storeurl.Options{Timeout: x.timeout, Create: create})
}

// with opens the store that -store names for f.
func (x *call) with(ctx context.Context, f func(*storeurl.Opened) error) error {
	s, err := x.opened(ctx, false)
	if err != nil {
		return err
	}
	err = f(s)
	if printed := new(unprinted); !errors.As(err, printed) || err.Error() != printed.Error() { // else the store is not at fault
		err = s.Hide(err)
	}
	if closed := s.Hide(s.Close()); err == nil {
		err = closed
	}
	return err
}

// sealerVariable holds the keys of the application's session.Options.Sealer.
const sealerVariable = "CLOAKROOM_SEALER_KEYS"

// admin reads what the store holds.
func (x *call) admin(s *storeurl.Opened) (*session.Admin, error) {
	// How long sessions live is in their records; the application's timeouts are not
	// known here.
	o := session.Options{IdleTimeout: cmp.Or(x.idle, session.DefaultIdleTimeout), AbsoluteTimeout: session.NoTimeout}
	if text, ok := os.LookupEnv(sealerVariable); ok {
		keys, err := session.ParseKeys(text)
		if err == nil {
			o.Sealer, err = session.NewSealer(keys...)
		}
		if err != nil {
			return nil, usageError{fmt.Errorf("%s: %w", sealerVariable, err)}
		}
	}
	a, err := session.NewAdmin(s.Store, o)
	return a, err
}

// A usageError is about the command line.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

// An interrupted error says what to do after Ctrl-C.
type interrupted struct{ advice string }

func (e interrupted) Error() string { return "interrupted: " + e.advice }

// exit says what went wrong, and returns the exit code.
func (a app) exit(ctx context.Context, err error) int {
	if err == nil {
		return exitDone
	}
	var stopped interrupted
	if ctx.Err() != nil && !errors.As(err, &stopped) {
		err = interrupted{"what was begun may be done or not"}
	}
	var usage usageError
	var address storeurl.InvalidError
	text := err.Error()
	if errors.As(err, &usage) && strings.Contains(text, "://") { // which may hold a password
		text = "a store's address is in the wrong place: it goes into " + storeVariable + ", or behind -store"
	}
	a.note(text)
	switch {
	case ctx.Err() != nil:
		return exitInterrupted
	case errors.As(err, &usage), errors.As(err, &address), errors.Is(err, session.ErrInvalid):
		return exitUsage
	case errors.Is(err, session.ErrUnsupported):
		a.note(unsupportedHint)
		return exitUnsupported
	case errors.Is(err, errNoSession):
		return exitNotFound
	default:
		return exitFailed
	}
}

const unsupportedHint = "memcached can't list what it holds. check, migrate, prune, keygen and copy to it work; count, list, show, end " +
	"and copy from it don't. New keys end everybody's sessions"

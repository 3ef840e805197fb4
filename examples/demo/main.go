// Demo is a small shop that keeps its visitors' sessions with cloakroom: a cart
// and a checkout, signing in and out, dashboards by role, languages and
// preferences, a list of one's devices, and an administrator's page.
//
//	go run ./examples/demo
//	go run ./examples/demo -addr :9000 -store redis://localhost:6379
//
// Its sessions outlive it: kill it, start it again, and its visitors are still
// signed in.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}

// config is what the command line says.
type config struct {
	addr     string
	store    string
	secure   bool
	https    bool
	fresh    time.Duration
	patience time.Duration
}

const usage = `Demo is a small shop that keeps its visitors' sessions with cloakroom.

	demo [flags]

` + keysVariable + ` holds the keys that sign tickets, the first one for new ones: go run ./examples/keygen
prints one. Without it, one is made; with -store file: it is kept in the folder.

`

func parseArgs(args []string, out io.Writer) (config, error) {
	var c config
	flags := flag.NewFlagSet("demo", flag.ContinueOnError)
	flags.SetOutput(io.Discard) // the caller reports the error, once
	flags.StringVar(&c.addr, "addr", "127.0.0.1:8080", "`address` to listen on")
	flags.StringVar(&c.store, "store", "file:cloakroom-demo-data", "where sessions are kept: "+storeHelp)
	flags.BoolVar(&c.secure, "secure", false, "visitors come over https, through a proxy: mark the cookie Secure")
	flags.BoolVar(&c.https, "https", false, "serve https, with a certificate that is made now, and bind sessions to the device")
	flags.DurationVar(&c.fresh, "fresh", 5*time.Minute, "how long after entering the password devices can be seen and ended")
	flags.DurationVar(&c.patience, "patience", 15*time.Second, "how long a request waits for the store")
	err := flags.Parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		flags.SetOutput(out)
		_, _ = fmt.Fprint(out, usage) // nobody is left to be told that it failed
		flags.PrintDefaults()
		return c, flag.ErrHelp
	case err != nil:
		return c, fmt.Errorf("%w; -h lists the flags", err)
	case flags.NArg() > 0:
		return c, fmt.Errorf("unexpected argument %q; -h lists the flags", flags.Arg(0))
	case c.https && c.secure:
		return c, errors.New("both -https and -secure: either the shop or a proxy serves https")
	case c.fresh <= 0:
		return c, fmt.Errorf("-fresh %v is not positive", c.fresh)
	case c.patience <= 0:
		return c, fmt.Errorf("-patience %v is not positive", c.patience)
	}
	return c, nil
}

// run is the whole program: it returns when ctx is done or the server fails.
func run(ctx context.Context, args []string, out io.Writer) (err error) {
	c, err := parseArgs(args, out)
	if err != nil {
		return err
	}
	keys, err := environmentKeys()
	if err != nil {
		return err
	}
	st, err := openStorage(ctx, c.store, keys, c.patience)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, st.close()) }()
	sh, err := newShop(settings{
		store: st.store, keys: st.keys, secure: c.secure, https: c.https, fresh: c.fresh, patience: c.patience, log: slog.Default(),
	})
	if err != nil {
		return err
	}
	ln, err := (&net.ListenConfig{}).Listen(ctx, "tcp", c.addr)
	if err != nil {
		return fmt.Errorf("-addr %s: %w", c.addr, err)
	}
	greet(out, ln.Addr(), st.about(), c)
	if c.https {
		cert, err := newCertificate()
		if err != nil {
			return errors.Join(err, ln.Close())
		}
		cert.greet(out, ln.Addr())
		ln = cert.listen(ln)
	}
	return serve(ctx, ln, sh, c.patience)
}

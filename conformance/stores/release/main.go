// Release prepares the release of a module, and checks that modules work as they are
// released: for their consumers, a module's replace directives don't exist.
//
//	release -module core -version v0.1.0       changes go.mod files and the changelog
//	release -module all -version v0.1.0 -n     says what would be done
//	release -check                             builds a consumer of each published module
//
// It tags and pushes nothing. RELEASE.md tells what is left to do.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Args[1:], os.Stdout)
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "release:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, out io.Writer) error {
	flags := flag.NewFlagSet("release", flag.ContinueOnError)
	root := flags.String("root", ".", "`folder` of the repository")
	name := flags.String("module", "", "the module's `folder`, or all")
	version := flags.String("version", "", "the `version` to release, such as v0.1.0")
	dry := flags.Bool("n", false, "change nothing")
	check := flags.Bool("check", false, "check that modules work as they are released")
	if err := flags.Parse(args); err != nil {
		return err //nolint:wrapcheck // it says everything
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("%q is not understood: -n, in make DRY=-n, changes nothing", flags.Args())
	}
	r, err := load(ctx, *root)
	if err != nil {
		return err
	}
	if *check {
		return r.check(ctx, out)
	}
	return r.release(ctx, out, *name, *version, *dry)
}

// Cloakroom looks after the sessions in any store of this repository, without the keys of
// the application:
//
//	export CLOAKROOM_STORE=postgres://app:secret@db/shop
//	cloakroom count
//	cloakroom list account-1001
//	cloakroom end -subject account-1001
//	cloakroom copy env:OLD_STORE env:NEW_STORE
//
// Run it without arguments for its commands, and a command with -h for its flags.
// The page docs/command.md of the repository tells how to use it.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/cloakroom-go/cloakroom/cmd/cloakroom/internal/storeurl"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends the process at once
	a := app{os.Stdout, os.Stderr, storeurl.Open}
	os.Exit(a.run(ctx, os.Args[1:]))
}

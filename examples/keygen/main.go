// Keygen prints a new key in the form that session.ParseKeys reads.
//
//	export CLOAKROOM_KEYS=$(go run ./examples/keygen)
//
// To replace a key, put the new one in front and keep the old one for as long as
// a session may last:
//
//	export CLOAKROOM_KEYS=$(go run ./examples/keygen),$CLOAKROOM_KEYS
package main

import (
	"fmt"
	"io"
	"log"
	"os"

	"github.com/cloakroom-go/cloakroom/core/session"
)

func main() {
	if err := printKey(os.Stdout); err != nil {
		log.Fatal(err)
	}
}

func printKey(w io.Writer) error {
	_, err := fmt.Fprintln(w, session.FormatKey(session.GenerateKey()))
	return err //nolint:wrapcheck // it says all
}

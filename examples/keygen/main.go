// Keygen prints a new key in the form that session.ParseKeys reads.
//
//	export CLOAKROOM_KEYS=$(go run ./examples/keygen)
//
// docs/operations.md says how to replace a key. The new one begins at the end:
//
//	export CLOAKROOM_KEYS=$CLOAKROOM_KEYS,$(go run ./examples/keygen)
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

package session_test

import (
	"fmt"
	"log"

	"github.com/cloakroom-go/cloakroom/core/session"
)

// The ring that Options.Keys makes, for signing something else.
func ExampleNewSigner() {
	previous, current := session.GenerateKey(), session.GenerateKey()
	before, err := session.NewSigner(previous)
	if err != nil {
		log.Fatal(err)
	}
	now, err := session.NewSigner(current, previous)
	if err != nil {
		log.Fatal(err)
	}
	message := []byte("unsubscribe account-1001")
	signature := before.Sign("newsletter", message)
	fmt.Println("after rotation:", now.Verify("newsletter", message, signature))
	fmt.Println("for another purpose:", now.Verify("password reset", message, signature))
	fmt.Println("with the new key:", before.Verify("newsletter", message, now.Sign("newsletter", message)))
	// Output:
	// after rotation: true
	// for another purpose: false
	// with the new key: false
}

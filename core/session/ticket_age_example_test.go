package session_test

import (
	"fmt"
	"log"
	"strings"
	"time"

	"github.com/cloakroom-go/cloakroom/core/memstore"
	"github.com/cloakroom-go/cloakroom/core/session"
)

// With RenewEvery, a ticket that leaks is of use for a quarter of an hour.
func ExampleOptions_renewEvery() {
	sessions, err := session.New(memstore.New(memstore.Options{}), session.Options{
		Keys:       [][]byte{session.GenerateKey()},
		RenewEvery: 15 * time.Minute,
	})
	if err != nil {
		log.Fatal(err)
	}
	for line := range strings.Lines(sessions.Policy()) {
		if strings.HasPrefix(line, "new ticket") {
			fmt.Print(line)
		}
	}
	// Output:
	// new ticket:       on authentication, and every 15m0s
}

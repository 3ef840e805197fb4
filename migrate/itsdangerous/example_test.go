package itsdangerous_test

import (
	"fmt"
	"log"
	"time"

	"github.com/cloakroom-go/cloakroom/migrate/itsdangerous"
)

// A link in a mail that was sent by an application in Flask:
//
//	URLSafeTimedSerializer(secret_key, salt="reset").dumps(user.id)
func ExampleTimedSerializer() {
	links := itsdangerous.TimedSerializer{
		Signer: itsdangerous.Signer{Keys: []string{"secret_key"}, Salt: "reset"},
		MaxAge: time.Hour,
	}
	token, err := links.Dumps("account-1001", time.Now())
	if err != nil {
		log.Fatal(err)
	}
	account, _, err := links.Loads(token, time.Now())
	fmt.Println(account, err)
	// Output: account-1001 <nil>
}

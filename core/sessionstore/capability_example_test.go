package sessionstore_test

import (
	"context"
	"fmt"
	"log"
	"strings"
	"time"

	"github.com/cloakroom-go/cloakroom/core/memstore"
	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// What a subject has in the store, and an end to all of it.
func ExampleListSubject() {
	store := memstore.New(memstore.Options{})
	ctx := context.Background()
	for _, device := range []string{"p", "d"} {
		err := store.Create(ctx, strings.Repeat(device, sessionstore.IDLen), sessionstore.Record{
			Data: []byte("a session"), Subject: "account-1001",
			Expires: time.Now().Add(time.Hour), Version: sessionstore.NewVersion(),
		})
		if err != nil {
			log.Fatal(err)
		}
	}

	entries, err := sessionstore.ListSubject(ctx, store, "account-1001")
	if err != nil {
		log.Fatal(err) // ErrUnsupported where the backend has no such list
	}
	fmt.Println("signed in on", len(entries), "devices")

	ended, err := sessionstore.DeleteSubject(ctx, store, "account-1001")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("signed out on", ended)
	// Output:
	// signed in on 2 devices
	// signed out on 2
}

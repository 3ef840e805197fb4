package sessionstore_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cloakroom-go/cloakroom/core/memstore"
	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// An operator counts sessions.
func ExampleScan() {
	ctx, store := context.Background(), memstore.New(memstore.Options{})
	id := "-----------------an-id-for-the-example-----"
	r := sessionstore.Record{Subject: "ann", Expires: time.Now().Add(time.Hour), Version: sessionstore.NewVersion()}
	if err := store.Create(ctx, id, r); err != nil {
		fmt.Println(err)
		return
	}

	live, damaged := 0, 0
	for _, err := range sessionstore.Scan(ctx, store) {
		switch {
		case err == nil:
			live++
		case errors.Is(err, sessionstore.ErrCorrupt):
			damaged++ // and the iteration goes on
		default:
			fmt.Println("not counted to the end:", err)
		}
	}
	fmt.Println(live, damaged)
	// Output: 1 0
}

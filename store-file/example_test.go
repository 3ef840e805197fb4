package filestore_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
	filestore "github.com/cloakroom-go/cloakroom/store-file"
)

// exampleFolder stands for /var/lib/shop/sessions or the like.
func exampleFolder() string {
	dir, _ := os.MkdirTemp("", "sessions") // with mode 0700; New refuses "", which it is on failure
	return dir
}

// A store keeps its records in a folder, for this process and the next.
func Example() {
	dir := exampleFolder()
	defer func() { _ = os.RemoveAll(dir) }()

	store, err := filestore.New(dir, filestore.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = store.Close() }()

	// The manager does this for an application.
	ctx := context.Background()
	id := strings.Repeat("x", sessionstore.IDLen)
	err = store.Create(ctx, id, sessionstore.Record{
		Data:    []byte(`{"cart":["umbrella"]}`),
		Subject: "ada",
		Expires: time.Now().Add(time.Hour),
		Version: 1,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	r, err := store.Load(ctx, id)
	fmt.Printf("%s %v\n", r.Data, err)
	// Output: {"cart":["umbrella"]} <nil>
}

// FileMode 0660 lets several users of one group share the folder, which is to
// have mode 0770 then.
func ExampleNew_group() {
	dir := exampleFolder()
	defer func() { _ = os.RemoveAll(dir) }()
	if err := os.Chmod(dir, 0o770); err != nil {
		fmt.Println(err)
		return
	}

	store, err := filestore.New(dir, filestore.Options{FileMode: 0o660})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(store.Close())
	// Output: <nil>
}

// A folder that doesn't exist is an error: after a failed mount, an empty
// store would log everybody out.
func ExampleNew_missing() {
	dir := exampleFolder()
	defer func() { _ = os.RemoveAll(dir) }()

	_, err := filestore.New(dir+"/not-mounted", filestore.Options{})
	fmt.Println(errors.Is(err, fs.ErrNotExist))
	// Output: true
}

// Expired records take up room until Prune removes them. A server has
// session.Manager.RunPruner do it; this is for a timer of the system.
func ExampleStore_Prune() {
	dir := exampleFolder()
	defer func() { _ = os.RemoveAll(dir) }()
	store, err := filestore.New(dir, filestore.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = store.Close() }()

	n, err := store.Prune(context.Background())
	fmt.Println(n, err)
	// Output: 0 <nil>
}

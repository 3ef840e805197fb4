package storeurl

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	filestore "github.com/cloakroom-go/cloakroom/store-file"
)

func openFile(_ context.Context, a *address, o Options) (*Opened, error) {
	mode, err := a.number("mode", 8)
	if err != nil {
		return nil, err
	}
	if err := existing(a.path, o.Create, makeFolder); err != nil {
		return nil, err
	}
	//nolint:contextcheck,gosec // a folder is opened at once; the mode is not negative
	store, err := filestore.New(a.path, filestore.Options{FileMode: fs.FileMode(mode), MaxData: largest})
	if err != nil {
		return nil, err
	}
	return &Opened{Store: store, Close: store.Close, Migrate: nothing}, nil
}

// nothing is what is left of a migration that opening has made.
func nothing(context.Context) error { return nil }

// largest is what all stores but one may take at most. The application's own limit
// holds for what it writes, and a copy must not fail for it.
const largest = 64 << 20

// existing sees to it that there is something at path: a mistake in a path must not
// make an empty store, which then has no sessions.
func existing(path string, create bool, makeIt func(string) error) error {
	_, err := os.Stat(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return err //nolint:wrapcheck // it names the file
	}
	if !create {
		return InvalidError{fmt.Errorf("there is no %s; cloakroom migrate makes it", path)}
	}
	return makeIt(path)
}

func makeFolder(path string) error { return os.MkdirAll(path, 0o700) } //nolint:wrapcheck // it names the folder

// makeFile makes an empty file that others can't read.
func makeFile(path string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600) //nolint:gosec // the operator names it
	if err != nil {
		return err //nolint:wrapcheck // it names the file
	}
	return f.Close() //nolint:wrapcheck // the same
}

package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"

	filestore "github.com/cloakroom-go/cloakroom/store-file"
)

// openFiles opens the shop's folder: the key beside the sessions, because
// whoever may clear the sessions away need not be able to sign tickets.
func openFiles(dir string, keys [][]byte) (*storage, error) {
	sessions := filepath.Join(dir, "sessions")
	err := os.MkdirAll(dir, 0o700)
	if err == nil {
		err = checkPrivate(dir) // before anything of ours is in it
	}
	if err == nil {
		err = os.MkdirAll(sessions, 0o700)
	}
	if err != nil {
		return nil, fmt.Errorf("-store: %w", err)
	}
	from := "from " + keysVariable
	if keys == nil {
		if keys, from, err = fileKeys(filepath.Join(dir, "key")); err != nil {
			return nil, err
		}
	}
	store, err := filestore.New(sessions, filestore.Options{})
	if err != nil {
		return nil, fmt.Errorf("-store: %w", err)
	}
	return &storage{store: store, where: "files in " + absolute(sessions), close: store.Close, keys: keys, keyFrom: from}, nil
}

// checkPrivate refuses a folder in which other users could replace the key.
func checkPrivate(dir string) error {
	info, err := os.Stat(dir)
	switch {
	case err != nil:
		return err //nolint:wrapcheck // it names the folder
	case hasModes && info.Mode().Perm()&0o022 != 0:
		return fmt.Errorf("folder %s has mode %#o, other users can write to it: change it to 0700, or name another one",
			dir, info.Mode().Perm())
	}
	return nil
}

// hasModes tells whether a file's mode says who may use it.
const hasModes = runtime.GOOS != "windows"

func absolute(path string) string {
	if abs, err := filepath.Abs(path); err == nil {
		return abs
	}
	return path
}

// fileKeys returns the keys in the file at path, which is made if there is none.
func fileKeys(path string) (keys [][]byte, about string, err error) {
	about = "in "
	keys, err = readKeys(path)
	if errors.Is(err, fs.ErrNotExist) {
		about = "made now, in "
		if err = makeKey(path); err == nil {
			keys, err = readKeys(path)
		}
	}
	if err != nil {
		return nil, "", fmt.Errorf("signing key: %w", err)
	}
	return keys, about + absolute(path) + " (" + keysVariable + " takes precedence)", nil
}

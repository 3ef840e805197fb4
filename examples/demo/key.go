package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/cloakroom-go/cloakroom/core/session"
)

// keysVariable holds signing keys as text; see session.ParseKeys.
const keysVariable = "CLOAKROOM_KEYS"

// environmentKeys returns the keys from the environment, or none if the
// variable is not set. One that is set to nothing is a mistake somewhere else,
// and not a wish for another key.
func environmentKeys() ([][]byte, error) {
	text, ok := os.LookupEnv(keysVariable)
	if !ok {
		return nil, nil
	}
	keys, err := session.ParseKeys(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", keysVariable, err)
	}
	return keys, nil
}

// maxKeyFile bounds what is read: a ring of a few keys and their line ends.
const maxKeyFile = 64 << 10

// readKeys reads the keys in the file at path. A file that other users can read,
// or that holds no key, is refused and left as it is: what to do about it is not
// for a program to guess.
func readKeys(path string) ([][]byte, error) {
	info, err := os.Lstat(path)
	switch {
	case err != nil:
		return nil, err //nolint:wrapcheck // it names the file
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("%s is not a regular file", path)
	case hasModes && info.Mode().Perm()&0o077 != 0:
		return nil, fmt.Errorf("%s has mode %#o, other users can use it: replace the key, or change the mode to 0600 if nobody has seen it",
			path, info.Mode().Perm())
	case info.Size() > maxKeyFile:
		return nil, fmt.Errorf("%s has %d bytes, too many for keys", path, info.Size())
	}
	text, err := os.ReadFile(path) //nolint:gosec // the path is the operator's
	if err != nil {
		return nil, err //nolint:wrapcheck // it names the file
	}
	keys, err := session.ParseKeys(string(text))
	if err != nil {
		return nil, fmt.Errorf("%s: %w; restore the file, or remove it, which signs everybody out", path, err)
	}
	return keys, nil
}

// makeKey writes a new key to the file at path unless there is a file already.
// The key appears under its name at once and as a whole, so that a crash leaves
// no half of it, and of several processes that start together the first decides.
func makeKey(path string) (err error) {
	dir := filepath.Dir(path)
	temp, err := os.CreateTemp(dir, ".key-*") // mode 0600
	if err != nil {
		return err //nolint:wrapcheck // it names the file
	}
	defer func() { err = errors.Join(err, os.Remove(temp.Name())) }()
	_, err = temp.WriteString(session.FormatKey(session.GenerateKey()) + "\n")
	if err = errors.Join(err, temp.Sync(), temp.Close()); err != nil {
		return err
	}
	// Rename would replace another process's key; Link does not.
	if err := os.Link(temp.Name(), path); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%w; set %s instead", err, keysVariable)
	}
	return syncDir(dir)
}

// syncDir makes a new name in the folder last through a power failure.
func syncDir(dir string) error {
	if !hasModes {
		return nil // Windows can't flush a folder
	}
	f, err := os.Open(dir) //nolint:gosec // the path is the operator's
	if err != nil {
		return err //nolint:wrapcheck // it names the folder
	}
	return errors.Join(f.Sync(), f.Close())
}

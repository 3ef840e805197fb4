package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"

	"github.com/cloakroom-go/cloakroom/core/session"
)

// keysVariable holds signing keys as text; see session.ParseKeys.
const keysVariable = "CLOAKROOM_KEYS"

// hasModes tells whether a file's mode says who may use it.
const hasModes = runtime.GOOS != "windows"

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

// fileKeys returns the keys in the file at path, which is made if there is none. A file
// that other users can read, or that holds no key, is refused and left as it is.
func fileKeys(path string) (keys [][]byte, about string, err error) {
	about = "in "
	if _, err := os.Lstat(path); errors.Is(err, fs.ErrNotExist) {
		about = "made now, in "
		if err := makeKey(path); err != nil {
			return nil, "", fmt.Errorf("signing key: %w", err)
		}
	}
	info, err := os.Lstat(path)
	if err == nil && (!info.Mode().IsRegular() || hasModes && info.Mode().Perm()&0o077 != 0) {
		err = fmt.Errorf("%s is %v, want a file that nobody else can read: replace the key", path, info.Mode())
	}
	var text []byte
	if err == nil {
		text, err = os.ReadFile(path) //nolint:gosec // the path is the operator's
	}
	if err == nil {
		if keys, err = session.ParseKeys(string(text)); err != nil {
			err = fmt.Errorf("%s: %w; restore the file, or remove it, which signs everybody out", path, err)
		}
	}
	if err != nil {
		return nil, "", fmt.Errorf("signing key: %w", err)
	}
	return keys, about + absolute(path) + " (" + keysVariable + " takes precedence)", nil
}

// makeKey writes a new key to the file at path unless there is a file already. It
// appears at once and as a whole, so that of several processes that start together
// the first decides: Rename would replace its key, Link does not.
func makeKey(path string) (err error) {
	temp, err := os.CreateTemp(filepath.Dir(path), ".key-*") // mode 0600
	if err != nil {
		return err //nolint:wrapcheck // it names the file
	}
	defer func() { err = errors.Join(err, os.Remove(temp.Name())) }()
	_, err = temp.WriteString(session.FormatKey(session.GenerateKey()) + "\n")
	if err = errors.Join(err, temp.Sync(), temp.Close()); err != nil {
		return err
	}
	if err := os.Link(temp.Name(), path); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%w; set %s instead", err, keysVariable)
	}
	return nil
}

func absolute(path string) string {
	if abs, err := filepath.Abs(path); err == nil {
		return abs
	}
	return path
}

package filestore

import (
	"errors"
	"fmt"
	"io/fs"
)

// errGone says that nothing can be told about any record. ErrNotFound would log
// everybody out.
var errGone = errors.New("the store's folder, or a part of it, was removed, replaced or unmounted")

// explain says what to do about an error.
func explain(err error) error {
	if errors.Is(err, fs.ErrClosed) {
		return fmt.Errorf("the store is closed: %w", err)
	}
	return err
}

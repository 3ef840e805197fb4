package filestore

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// errGone says that nothing can be told about any record. ErrNotFound would log
// everybody out.
var errGone = errors.New("the store's folder, or a part of it, was removed, replaced or unmounted")

// wrap puts the package's name before every error that is not the contract's.
// All errors pass through it on their way out.
func wrap(err error) error {
	if err == nil || sessionstore.Certain(err) {
		return err
	}
	if errors.Is(err, fs.ErrClosed) {
		return fmt.Errorf("filestore: the store is closed: %w", err)
	}
	return fmt.Errorf("filestore: %w", err)
}

package filestore

import (
	"cmp"
	"fmt"
	"io/fs"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// Options configure a [Store]. The zero value is right for almost everybody.
type Options struct {
	// FileMode is the mode of every file that the store creates, whatever
	// the umask says. 0 means 0600: the owner alone. 0660 shares the folder with
	// other users of its group; its own mode is then 2770, so that all that is made in it
	// belongs to the group. The owner must be able to read and write; bits for
	// execution or for everybody are refused. Folders get the same bits, and
	// permission to search wherever there is permission to read. It has no
	// meaning on Windows, where files inherit the folder's access list.
	FileMode fs.FileMode

	// MaxData is the largest Record.Data in bytes that the store takes; above it
	// writes fail with session.ErrTooLarge. 0 means 8 MiB, the largest possible value
	// is 64 MiB. Records stored under a higher limit stay readable.
	MaxData int
}

const (
	defaultFileMode = 0o600
	largestMaxData  = 64 << 20
)

// guard is the store's, of options that are resolved.
func (o Options) guard() *sessionstore.Guard {
	return &sessionstore.Guard{Package: "filestore", MaxData: o.MaxData, Explain: explain}
}

// resolved returns o with its defaults filled in.
func (o Options) resolved() (Options, error) {
	o.FileMode = cmp.Or(o.FileMode, defaultFileMode)
	o.MaxData = cmp.Or(o.MaxData, sessionstore.DefaultMaxData)
	switch {
	case o.FileMode&^fs.ModePerm != 0 || o.FileMode&0o111 != 0:
		return o, fmt.Errorf("filestore: FileMode %v: want permission to read and write only, such as 0600", o.FileMode)
	case o.FileMode&0o600 != 0o600:
		return o, fmt.Errorf("filestore: FileMode %#o: the owner must be able to read and write, as with 0600", o.FileMode)
	case o.FileMode&0o007 != 0:
		return o, fmt.Errorf("filestore: FileMode %#o opens sessions to every user: want 0600, or 0660 for a group", o.FileMode)
	}
	return o, o.guard().CheckLimit("MaxData", o.MaxData, largestMaxData)
}

// dirMode adds permission to search wherever there is permission to read.
func dirMode(file fs.FileMode) fs.FileMode { return file | file&0o444>>2 }

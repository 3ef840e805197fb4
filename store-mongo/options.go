package mongostore

import (
	"cmp"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// Options configure a [Store]. The zero value is right for almost everybody.
// Database and collection are those of the collection that New is given.
type Options struct {
	// MaxData is the largest Record.Data in bytes that the store takes; above it
	// writes fail with session.ErrTooLarge. 0 means 8 MiB, the largest possible value
	// is 16 MiB less 1 KiB, as MongoDB takes documents of 16 MiB. Records stored under
	// a higher limit stay readable.
	MaxData int

	// PruneBatch is how many documents Prune and DeleteAll delete with one
	// command. 0 means 1000, the largest possible value is 100,000.
	PruneBatch int
}

const (
	largestMaxData    = 16<<20 - 1<<10
	defaultPruneBatch = 1000
	largestPruneBatch = 100_000
)

// guard is the store's, of options that are resolved.
func (o Options) guard() *sessionstore.Guard {
	return &sessionstore.Guard{Package: "mongostore", MaxData: o.MaxData, Explain: explain}
}

// resolved returns o with its defaults filled in.
func (o Options) resolved() (Options, error) {
	o.MaxData = cmp.Or(o.MaxData, sessionstore.DefaultMaxData)
	o.PruneBatch = cmp.Or(o.PruneBatch, defaultPruneBatch)
	return o, cmp.Or(
		o.guard().CheckLimit("MaxData", o.MaxData, largestMaxData),
		o.guard().CheckLimit("PruneBatch", o.PruneBatch, largestPruneBatch),
	)
}

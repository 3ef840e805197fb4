package mongostore

import (
	"errors"
	"fmt"
)

// Options configure a [Store]. The zero value is right for almost everybody.
// Database and collection are those of the collection that New is given.
type Options struct {
	// MaxData is the largest Record.Data in bytes that the store takes; above it
	// writes fail with session.ErrTooLarge. 0 means the largest possible value,
	// 16 MiB less 1 KiB: MongoDB takes documents of 16 MiB. Records stored under
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

// resolved returns o with its defaults filled in.
func (o Options) resolved() (Options, error) {
	if o.MaxData == 0 {
		o.MaxData = largestMaxData
	}
	if o.PruneBatch == 0 {
		o.PruneBatch = defaultPruneBatch
	}
	switch {
	case o.MaxData < 0:
		return o, errors.New("mongostore: MaxData is negative")
	case o.MaxData > largestMaxData:
		return o, fmt.Errorf("mongostore: MaxData is %d bytes, at most %d", o.MaxData, largestMaxData)
	case o.PruneBatch < 0:
		return o, errors.New("mongostore: PruneBatch is negative")
	case o.PruneBatch > largestPruneBatch:
		return o, fmt.Errorf("mongostore: PruneBatch is %d, at most %d", o.PruneBatch, largestPruneBatch)
	}
	return o, nil
}

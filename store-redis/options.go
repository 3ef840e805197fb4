package redisstore

import (
	"cmp"
	"fmt"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// Options configure a [Store]. The zero value is right for almost everybody.
type Options struct {
	// KeyPrefix is how every key of the store begins: printable ASCII without
	// spaces and braces, at most 128 bytes. "" means "session:". Stores that share
	// a server need a prefix each, of which none is the beginning of another.
	KeyPrefix string

	// MaxData is the largest Record.Data in bytes that the store takes; above it
	// writes fail with session.ErrTooLarge. 0 means 8 MiB, the largest possible value
	// is 64 MiB. Records stored under a higher limit stay readable.
	MaxData int

	// Notify has the store publish the ids of records that end, for Watch to report. Set
	// it in every process that ends sessions, and in those that watch. Delete and
	// DeleteAll then take a script, and no call more.
	Notify bool
}

const (
	defaultKeyPrefix = "session:"
	longestKeyPrefix = 128
	largestMaxData   = 64 << 20
)

// guard is the store's, of options that are resolved.
func (o Options) guard() *sessionstore.Guard {
	return &sessionstore.Guard{Package: "redisstore", MaxData: o.MaxData, Explain: explain}
}

// resolved returns o with its defaults filled in.
func (o Options) resolved() (Options, error) {
	o.KeyPrefix = cmp.Or(o.KeyPrefix, defaultKeyPrefix)
	o.MaxData = cmp.Or(o.MaxData, sessionstore.DefaultMaxData)
	if len(o.KeyPrefix) > longestKeyPrefix {
		return o, fmt.Errorf("redisstore: KeyPrefix has %d bytes, at most %d", len(o.KeyPrefix), longestKeyPrefix)
	}
	for i := range len(o.KeyPrefix) {
		// Braces would put every session into one slot of a Cluster.
		if c := o.KeyPrefix[i]; c <= ' ' || c >= 0x7f || c == '{' || c == '}' {
			return o, fmt.Errorf("redisstore: KeyPrefix has byte %#x at %d: "+
				"want printable ASCII without spaces and braces, such as \"shop:session:\"", c, i)
		}
	}
	return o, o.guard().CheckLimit("MaxData", o.MaxData, largestMaxData)
}

package memcachestore

import (
	"cmp"
	"fmt"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// Options configure a [Store]. The zero value is right for almost everybody.
type Options struct {
	// KeyPrefix is how every key of the store begins: printable ASCII without
	// spaces, at most 128 bytes. "" means "session:". Stores that share a server
	// need a prefix each, of which none is the beginning of another.
	KeyPrefix string

	// MaxItemSize is the size of the largest item in bytes that the servers take:
	// what memcached was given as -I, from 1 KiB to 1 GiB. 0 means 1 MiB, as for
	// memcached. A record whose data, subject, key and 192 bytes more don't fit into it
	// fails with session.ErrTooLarge and is not sent.
	MaxItemSize int
}

const (
	defaultKeyPrefix   = "session:"
	longestKeyPrefix   = 128 // a key has 250 bytes at most
	defaultMaxItemSize = 1 << 20
	smallestItemSize   = 1 << 10 // as for memcached
	largestItemSize    = 1 << 30 // as for memcached

	// itemOverhead is what an item needs beside data, subject and key: the record's
	// header and, with room to spare, the server's own.
	itemOverhead = sessionstore.RecordHeaderLen + 128
)

// guard is the store's, of options that are resolved. What a record may have is
// decided by the size of its item.
func (o Options) guard() *sessionstore.Guard {
	return &sessionstore.Guard{Package: "memcachestore", Explain: explain}
}

// resolved returns o with its defaults filled in.
func (o Options) resolved() (Options, error) {
	o.KeyPrefix = cmp.Or(o.KeyPrefix, defaultKeyPrefix)
	o.MaxItemSize = cmp.Or(o.MaxItemSize, defaultMaxItemSize)
	if len(o.KeyPrefix) > longestKeyPrefix {
		return o, fmt.Errorf("memcachestore: KeyPrefix has %d bytes, at most %d", len(o.KeyPrefix), longestKeyPrefix)
	}
	for i := range len(o.KeyPrefix) {
		if c := o.KeyPrefix[i]; c <= ' ' || c >= 0x7f {
			return o, fmt.Errorf("memcachestore: KeyPrefix has byte %#x at %d: "+
				"want printable ASCII without spaces, such as \"shop:session:\"", c, i)
		}
	}
	if o.MaxItemSize < smallestItemSize || o.MaxItemSize > largestItemSize {
		return o, fmt.Errorf("memcachestore: MaxItemSize is %d bytes, want what memcached was given as -I, from %d to %d",
			o.MaxItemSize, smallestItemSize, largestItemSize)
	}
	return o, nil
}

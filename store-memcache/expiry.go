package memcachestore

import (
	"math"
	"time"
)

// longestRelative is the most seconds that memcached takes for a time left, and
// not for a date in 1970.
const longestRelative = 30 * 24 * 60 * 60

// expiration returns what tells memcached to keep an item until expires. Its
// clock ticks in whole seconds and may be one behind: the item is kept a little
// longer, and the record's own expiry decides. Dates beyond the driver's range, in
// 2038, become 0, which is never.
func expiration(expires time.Time) int32 {
	left := math.Ceil(time.Until(expires).Seconds()) + 1
	if left <= longestRelative {
		return int32(max(1, left))
	}
	if date := expires.Unix() + 2; date <= math.MaxInt32 {
		return int32(date) //nolint:gosec // just checked
	}
	return 0
}

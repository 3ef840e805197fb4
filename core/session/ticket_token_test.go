package session

import (
	"encoding/binary"
	"slices"
	"testing"
)

func TestAMillionTokensAreDifferent(t *testing.T) {
	t.Parallel()
	const n = 1_000_000
	seen := make([]uint64, n) // of each token's first 64 bits: enough to tell them apart
	for i := range seen {
		token := newToken()
		seen[i] = binary.BigEndian.Uint64(token[:])
	}
	slices.Sort(seen)
	if distinct := len(slices.Compact(seen)); distinct != n {
		t.Errorf("%d different tokens of %d", distinct, n)
	}
}

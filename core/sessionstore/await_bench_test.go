package sessionstore_test

import (
	"testing"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// BenchmarkAwait awaits what a call takes that needs as much stack as a driver's.
func BenchmarkAwait(b *testing.B) {
	for b.Loop() {
		if _, err := sessionstore.Await(b.Context(), func() (int, error) { return deep(24), nil }); err != nil {
			b.Fatal(err)
		}
	}
}

//go:noinline
func deep(n int) int {
	var frame [200]byte
	if n > 0 {
		frame[n] = byte(deep(n - 1))
	}
	return int(frame[n])
}

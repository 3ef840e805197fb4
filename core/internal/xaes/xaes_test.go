package xaes

import (
	"bytes"
	"encoding/hex"
	"testing"
)

// The vectors are those of C2SP's XAES-256-GCM specification.
func TestItGivesTheSpecificationsVectors(t *testing.T) {
	t.Parallel()
	for key, c := range map[byte]struct{ aad, want string }{
		1: {"", "ce546ef63c9cc60765923609b33a9a1974e96e52daf2fcf7075e2271"},
		3: {"c2sp.org/XAES-256-GCM", "986ec1832593df5443a179437fd083bf3fdb41abd740a21f71eb769d"},
	} {
		k, err := New(bytes.Repeat([]byte{key}, KeySize))
		if err != nil {
			t.Fatal(err)
		}
		const nonce = "ABCDEFGHIJKLMNOPQRSTUVWX"
		sealed, err := k.seal([]byte(nonce), []byte("XAES-256-GCM"), []byte(c.aad))
		if got := hex.EncodeToString(sealed[nonceSize:]); err != nil || got != c.want {
			t.Errorf("key %d: %s, %v, want %s", key, got, err, c.want)
		}
		if plaintext, ok := k.Open(sealed, []byte(c.aad)); !ok || string(plaintext) != "XAES-256-GCM" {
			t.Errorf("key %d: it opens as %q, %v", key, plaintext, ok)
		}
	}
}

func TestAKeyOfAnotherSizeIsRefused(t *testing.T) {
	t.Parallel()
	for _, size := range []int{0, 16, KeySize - 1, KeySize + 1} {
		if _, err := New(make([]byte, size)); err == nil {
			t.Errorf("%d bytes are accepted", size)
		}
	}
}

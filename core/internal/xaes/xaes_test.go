package xaes

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"strings"
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

func TestAKeyThatIsPrintedShowsNothingOfItself(t *testing.T) {
	t.Parallel()
	k, err := New(bytes.Repeat([]byte{1}, KeySize))
	if err != nil {
		t.Fatal(err)
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		for _, x := range []any{k, []*Key{k}} { // a ring of them is what a Sealer is
			printed := fmt.Sprintf(verb, x)
			for _, part := range []string{
				strings.Trim(fmt.Sprintf("%d", k.k1), "[]"), strings.Trim(fmt.Sprintf("%#v", k.k1[:]), "[]byte{}"),
				hex.EncodeToString(k.k1[:]), string(k.k1[:]),
			} {
				if strings.Contains(printed, part) {
					t.Errorf("%s of %T: %s", verb, x, printed)
				}
			}
		}
	}
}

package csrf

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
)

// A token is the session's secret behind a one-time pad, the pad first. As no
// two responses carry the same bytes, the compressed size of a page tells nothing
// about the secret (the BREACH attack).
const (
	secretLen = 32
	textLen   = (2*secretLen*8 + 5) / 6 // in base64url without padding
)

// Strict: a token has one spelling only.
var b64 = base64.RawURLEncoding.Strict()

// mask returns a token for secret, another one at each call.
func mask(secret []byte) string {
	var raw [2 * secretLen]byte
	pad, masked := raw[:secretLen], raw[secretLen:]
	_, _ = rand.Read(pad) // never fails, as crypto/rand says
	subtle.XORBytes(masked, secret, pad)
	return b64.EncodeToString(raw[:])
}

// matches reports whether text is a token for secret. It takes the same time for
// every token of the right form, and hardly any for other texts, however long.
func matches(text string, secret []byte) bool {
	if len(text) != textLen {
		return false
	}
	var raw [2 * secretLen]byte
	// The number of bytes counts: the decoder skips line breaks.
	if n, err := b64.Decode(raw[:], []byte(text)); err != nil || n != len(raw) {
		return false
	}
	pad, masked := raw[:secretLen], raw[secretLen:]
	subtle.XORBytes(masked, masked, pad)
	return subtle.ConstantTimeCompare(masked, secret) == 1
}

package session

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

var b64 = base64.RawURLEncoding.Strict()

// A token is the visitor's secret: 256 bits from crypto/rand, where ASVS 7.2.3
// asks for 128.
type token [32]byte

func newToken() token {
	var t token
	_, _ = rand.Read(t[:])
	return t
}

// id returns the store's key for the token. Nobody who reads the store can
// compute the token from it.
func (t *token) id() string {
	sum := sha256.Sum256(t[:])
	var id [sessionstore.IDLen]byte
	b64.Encode(id[:], sum[:])
	return string(id[:])
}

package memstore

import (
	"encoding/base64"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// idBytes is how many bytes the characters of an id stand for.
const idBytes = 32

// A packedID is an id in 33 bytes. Its characters stand for six bits each, which makes two
// bits more than 32 bytes have: any character may be the last, and so it is kept as well.
type packedID struct {
	bytes [idBytes]byte
	last  byte
}

// packID packs an id that the guard has let pass.
func packID(text string) (id packedID) {
	_, _ = base64.RawURLEncoding.Decode(id.bytes[:], []byte(text)) // it has no other characters
	id.last = text[len(text)-1]
	return id
}

// text returns what packID was given.
func (id *packedID) text() string {
	var b [sessionstore.IDLen]byte
	base64.RawURLEncoding.Encode(b[:], id.bytes[:])
	b[len(b)-1] = id.last
	return string(b[:])
}

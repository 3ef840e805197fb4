package session

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"hash"
	"sync"
)

// A Signer authenticates short messages, so that what a visitor presents is
// known to be of our making before anything is done with it. It is safe for
// concurrent use.
type Signer interface {
	// Sign returns a signature over msg that holds for this purpose only: a
	// signature on a cookie of one name is worth nothing under another.
	Sign(purpose string, msg []byte) []byte

	// Verify reports whether sig is a signature over msg for purpose. It takes
	// the same time wherever sig differs. It keeps none of its arguments.
	Verify(purpose string, msg, sig []byte) bool
}

// NewSigner returns a Signer that uses HMAC-SHA256 under a ring of keys: the
// first signs, all verify, so that a key is replaced by putting a new one in
// front and removing the old one once no session from its time is left. A key
// that was removed verifies no more.
//
// It refuses an empty ring, a key of less than [MinKeyLen] bytes and one made of
// a single repeated byte. The keys may be changed after NewSigner returns.
func NewSigner(keys ...[]byte) (Signer, error) {
	if err := checkKeys(keys); err != nil {
		return nil, err
	}
	ring := make(keyRing, len(keys))
	for i, key := range keys {
		// A key of its own for every use, so that one ring serves signing and
		// sealing (NIST SP 800-57, 5.2: a key has one purpose).
		derived, err := hkdf.Key(sha256.New, key, nil, "cloakroom signer", sha256.Size)
		if err != nil {
			return nil, fmt.Errorf("session: deriving a signing key: %w", err)
		}
		ring[i] = &macPool{sync.Pool{New: func() any { return hmac.New(sha256.New, derived) }}}
	}
	return ring, nil
}

type keyRing []*macPool

func (k keyRing) Sign(purpose string, msg []byte) []byte {
	return k[0].append(nil, purpose, msg)
}

func (k keyRing) Verify(purpose string, msg, sig []byte) bool {
	var buf [sha256.Size]byte
	for _, key := range k {
		if hmac.Equal(sig, key.append(buf[:0], purpose, msg)) {
			return true
		}
	}
	return false
}

// A macPool reuses the HMAC states of one key: setting one up costs as much as
// the signature itself.
type macPool struct{ pool sync.Pool }

// append appends the MAC over purpose and msg. The purpose's length comes
// first, so that no two pairs give the same input.
func (p *macPool) append(dst []byte, purpose string, msg []byte) []byte {
	mac := p.pool.Get().(hash.Hash) //nolint:forcetypeassert,errcheck,revive // New returns nothing else
	defer p.pool.Put(mac)
	mac.Reset()
	buf := make([]byte, 0, 128)
	buf = binary.BigEndian.AppendUint64(buf, uint64(len(purpose)))
	buf = append(buf, purpose...)
	buf = append(buf, msg...)
	mac.Write(buf)
	return mac.Sum(dst)
}

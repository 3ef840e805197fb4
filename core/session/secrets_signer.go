package session

import (
	"bytes"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"hash"
	"sync"
)

// A Signer authenticates short messages. What a visitor presents is verified before
// anything is done with it. A Signer is safe for concurrent use.
type Signer interface {
	// Sign returns a signature over msg that holds for this purpose only: a signature
	// on a cookie of one name is worth nothing under another. The same arguments
	// should give the same signature. If they don't, a change of the key is not
	// noticed, and tickets under the old one are not replaced.
	Sign(purpose string, msg []byte) []byte

	// Verify reports whether sig is a signature over msg for purpose. It takes
	// the same time wherever sig differs. It keeps none of its arguments.
	Verify(purpose string, msg, sig []byte) bool
}

// NewSigner returns a Signer that uses HMAC-SHA256 under a ring of keys. The first
// signs, and all verify. To replace a key, add the new one at the end in every process,
// then put it in front, and remove the old one once no session from its time is left. A
// key that was removed verifies no more.
//
// NewSigner refuses an empty ring, a key of less than [MinKeyLen] bytes, and one made
// of a single repeated byte. The keys may be changed after NewSigner returns.
func NewSigner(keys ...[]byte) (Signer, error) {
	if err := checkKeys(keys, ""); err != nil {
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
		ring[i] = &macPool{sync.Pool{New: func() any { return &mac{h: hmac.New(sha256.New, derived)} }}}
	}
	return ring, nil
}

type keyRing []*macPool

func (k keyRing) Sign(purpose string, msg []byte) []byte {
	m := k[0].get()
	defer k[0].pool.Put(m)
	return bytes.Clone(m.sum(purpose, msg))
}

func (k keyRing) Verify(purpose string, msg, sig []byte) bool {
	for _, key := range k {
		m := key.get()
		ok := hmac.Equal(sig, m.sum(purpose, msg))
		key.pool.Put(m)
		if ok {
			return true
		}
	}
	return false
}

// A macPool reuses the HMAC states of one key: setting one up costs as much as
// the signature itself.
type macPool struct{ pool sync.Pool }

func (p *macPool) get() *mac {
	return p.pool.Get().(*mac) //nolint:forcetypeassert,errcheck // New returns nothing else
}

// A mac is an HMAC state with its buffers.
type mac struct {
	h       hash.Hash
	in, out []byte
}

// sum returns the MAC over purpose and msg, valid until the next call. The
// purpose's length comes first, so that no two pairs give the same input.
func (m *mac) sum(purpose string, msg []byte) []byte {
	m.in = binary.BigEndian.AppendUint64(m.in[:0], uint64(len(purpose)))
	m.in = append(m.in, purpose...)
	m.in = append(m.in, msg...)
	m.h.Reset()
	m.h.Write(m.in)
	m.out = m.h.Sum(m.out[:0])
	return m.out
}

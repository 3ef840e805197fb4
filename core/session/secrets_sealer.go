package session

import (
	"crypto/hkdf"
	"crypto/sha256"
	"fmt"

	"github.com/cloakroom-go/cloakroom/core/internal/xaes"
	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// A Sealer encrypts and authenticates, so that data can travel with a visitor, or lie
// in a store, without being read or changed. A Sealer is safe for concurrent use.
type Sealer interface {
	// Seal returns plaintext encrypted. Only Open with the same purpose gives it
	// back.
	Seal(purpose string, plaintext []byte) ([]byte, error)

	// Open returns what Seal was given. For anything that Seal did not return for the
	// same purpose, the error wraps sessionstore.ErrCorrupt. Any other error says that
	// Open could not find out, because a key service does not answer for instance, and
	// counts as a failure of the store. Data that does not open is not read in any other
	// way (CVE-2026-39324). Open keeps none of its arguments.
	Open(purpose string, sealed []byte) ([]byte, error)
}

var errOpen = fmt.Errorf("%w: sealed data does not open", sessionstore.ErrCorrupt)

// NewSealer returns a Sealer that uses XAES-256-GCM (C2SP) under a ring of keys. The
// first seals, and all open. Its nonces are random, and long enough for as many messages
// as a key ever sees: a key does not wear out, as it does with plain AES-GCM (NIST SP
// 800-38D, 8.3). Sealing adds 40 bytes.
//
// NewSealer refuses the same keys as [NewSigner]. One ring may serve both.
func NewSealer(keys ...[]byte) (Sealer, error) {
	if err := checkKeys(keys, ""); err != nil {
		return nil, err
	}
	ring := make(sealRing, len(keys))
	for i, key := range keys {
		derived, err := hkdf.Key(sha256.New, key, nil, "cloakroom sealer", xaes.KeySize)
		if err != nil {
			return nil, fmt.Errorf("session: deriving a sealing key: %w", err)
		}
		if ring[i], err = xaes.New(derived); err != nil {
			return nil, err
		}
	}
	return ring, nil
}

type sealRing []*xaes.Key

func (r sealRing) Seal(purpose string, plaintext []byte) ([]byte, error) {
	sealed, err := r[0].Seal(plaintext, []byte(purpose))
	if err != nil {
		return nil, fmt.Errorf("session: sealing: %w", err)
	}
	return sealed, nil
}

func (r sealRing) Open(purpose string, sealed []byte) ([]byte, error) {
	for _, key := range r {
		if plaintext, ok := key.Open(sealed, []byte(purpose)); ok {
			return plaintext, nil
		}
	}
	return nil, errOpen
}

package session

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"fmt"

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
	// counts as a failure of the store. There is no weaker reading of sealed data
	// (CVE-2026-39324). Open keeps none of its arguments.
	Open(purpose string, sealed []byte) ([]byte, error)
}

var errOpen = fmt.Errorf("%w: sealed data does not open", sessionstore.ErrCorrupt)

// NewSealer returns a Sealer that uses XAES-256-GCM (C2SP) under a ring of
// keys: the first seals, all open. Its nonces are long enough to be random for as
// many messages as a key ever sees, so that a key does not wear out as with
// plain AES-GCM (NIST SP 800-38D, 8.3). Sealing adds 40 bytes.
//
// It refuses the same keys as [NewSigner]; one ring may serve both.
func NewSealer(keys ...[]byte) (Sealer, error) {
	if err := checkKeys(keys); err != nil {
		return nil, err
	}
	ring := make(sealRing, len(keys))
	for i, key := range keys {
		derived, err := hkdf.Key(sha256.New, key, nil, "cloakroom sealer", xaesKeySize)
		if err != nil {
			return nil, fmt.Errorf("session: deriving a sealing key: %w", err)
		}
		if ring[i], err = newXAES(derived); err != nil {
			return nil, err
		}
	}
	return ring, nil
}

type sealRing []*xaes

func (r sealRing) Seal(purpose string, plaintext []byte) ([]byte, error) {
	sealed := make([]byte, xaesNonceSize, xaesNonceSize+len(plaintext)+xaesOverhead)
	_, _ = rand.Read(sealed)
	aead, err := r[0].forNonce(sealed)
	if err != nil {
		return nil, err
	}
	return aead.Seal(sealed, sealed[xaesNonceSize/2:], plaintext, []byte(purpose)), nil
}

func (r sealRing) Open(purpose string, sealed []byte) ([]byte, error) {
	if len(sealed) < xaesNonceSize+xaesOverhead {
		return nil, errOpen
	}
	nonce, ciphertext := sealed[:xaesNonceSize], sealed[xaesNonceSize:]
	for _, key := range r {
		aead, err := key.forNonce(nonce)
		if err != nil {
			return nil, err
		}
		if plaintext, err := aead.Open(nil, nonce[xaesNonceSize/2:], ciphertext, []byte(purpose)); err == nil {
			return plaintext, nil
		}
	}
	return nil, errOpen
}

const (
	xaesKeySize   = 32
	xaesNonceSize = 24
	xaesOverhead  = 16
)

// xaes is XAES-256-GCM: half of the nonce selects a key for AES-256-GCM, derived
// with CMAC (NIST SP 800-108, counter mode), the other half is its nonce.
type xaes struct {
	block cipher.Block
	k1    [aes.BlockSize]byte // CMAC's subkey for complete blocks
}

func newXAES(key []byte) (*xaes, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("session: sealing key: %w", err)
	}
	x := &xaes{block: block}
	block.Encrypt(x.k1[:], x.k1[:])
	carry := byte(0)
	for i := len(x.k1) - 1; i >= 0; i-- {
		x.k1[i], carry = x.k1[i]<<1|carry, x.k1[i]>>7
	}
	x.k1[len(x.k1)-1] ^= carry * 0x87
	return x, nil
}

// forNonce returns the AES-GCM to use with the second half of nonce.
func (x *xaes) forNonce(nonce []byte) (cipher.AEAD, error) {
	key := bytes.Repeat([]byte{0, 1, 'X', 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, xaesKeySize/aes.BlockSize)
	for i := range xaesKeySize / aes.BlockSize {
		b := key[i*aes.BlockSize : (i+1)*aes.BlockSize]
		b[1] = byte(i + 1)
		copy(b[4:], nonce[:xaesNonceSize/2])
		for j := range b {
			b[j] ^= x.k1[j]
		}
		x.block.Encrypt(b, b)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("session: sealing key: %w", err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return nil, fmt.Errorf("session: sealing key: %w", err)
	}
	return aead, nil
}

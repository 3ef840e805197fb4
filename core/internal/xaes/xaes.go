// Package xaes is XAES-256-GCM (C2SP): AES-256-GCM with nonces that are long enough to be
// random for as many messages as a key ever sees, so that a key does not wear out as
// with plain AES-GCM (NIST SP 800-38D, 8.3).
package xaes

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"fmt"
	"io"
)

// KeySize is the size of a key in bytes.
const KeySize = 32

const (
	nonceSize = 24
	overhead  = 16
)

// A Key seals and opens. Half of a nonce selects a key for AES-256-GCM, derived with
// CMAC (NIST SP 800-108, counter mode); the other half is that one's nonce. A Key is
// safe for concurrent use.
type Key struct {
	block cipher.Block
	k1    [aes.BlockSize]byte // CMAC's subkey for complete blocks
}

// New returns the Key made of KeySize bytes.
func New(key []byte) (*Key, error) {
	if len(key) != KeySize {
		return nil, fmt.Errorf("xaes: key of %d bytes, want %d", len(key), KeySize)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("xaes: %w", err)
	}
	k := &Key{block: block}
	block.Encrypt(k.k1[:], k.k1[:])
	carry := byte(0)
	for i := len(k.k1) - 1; i >= 0; i-- {
		k.k1[i], carry = k.k1[i]<<1|carry, k.k1[i]>>7
	}
	k.k1[len(k.k1)-1] ^= carry * 0x87
	return k, nil
}

// Format implements [fmt.Formatter]: a Key that is printed shows nothing of itself.
func (*Key) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "xaes.Key") }

// Seal returns a random nonce and the plaintext encrypted, 40 bytes more than it.
func (k *Key) Seal(plaintext, additional []byte) ([]byte, error) {
	sealed := make([]byte, nonceSize, nonceSize+len(plaintext)+overhead)
	_, _ = rand.Read(sealed)
	return k.seal(sealed, plaintext, additional)
}

// seal appends to a nonce.
func (k *Key) seal(nonce, plaintext, additional []byte) ([]byte, error) {
	aead, err := k.forNonce(nonce)
	if err != nil {
		return nil, err
	}
	return aead.Seal(nonce, nonce[nonceSize/2:], plaintext, additional), nil
}

// Open returns what Seal was given, and whether sealed is what it has made with the same
// key and additional data.
func (k *Key) Open(sealed, additional []byte) ([]byte, bool) {
	if len(sealed) < nonceSize+overhead {
		return nil, false
	}
	nonce, ciphertext := sealed[:nonceSize], sealed[nonceSize:]
	aead, err := k.forNonce(nonce)
	if err != nil {
		return nil, false
	}
	plaintext, err := aead.Open(nil, nonce[nonceSize/2:], ciphertext, additional)
	return plaintext, err == nil
}

// forNonce returns the AES-GCM to use with the second half of nonce.
func (k *Key) forNonce(nonce []byte) (cipher.AEAD, error) {
	key := bytes.Repeat([]byte{0, 1, 'X', 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, KeySize/aes.BlockSize)
	for i := range KeySize / aes.BlockSize {
		b := key[i*aes.BlockSize : (i+1)*aes.BlockSize]
		b[1] = byte(i + 1)
		copy(b[4:], nonce[:nonceSize/2])
		for j := range b {
			b[j] ^= k.k1[j]
		}
		k.block.Encrypt(b, b)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("xaes: %w", err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return nil, fmt.Errorf("xaes: %w", err)
	}
	return aead, nil
}

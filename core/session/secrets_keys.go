package session

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
)

// MinKeyLen is the least length of a key in bytes (RFC 2104, 3: a key for HMAC
// should not be shorter than the hash).
const MinKeyLen = 32

// GenerateKey returns a new random key of [MinKeyLen] bytes for [Options].Keys. Make one once, keep
// it where the application's other secrets are, and give the same to every
// process.
func GenerateKey() []byte {
	key := make([]byte, MinKeyLen)
	_, _ = rand.Read(key) // never fails: it ends the process instead
	return key
}

// FormatKey returns key as text, for a secret store or an environment variable.
func FormatKey(key []byte) string { return base64.RawURLEncoding.EncodeToString(key) }

// ParseKeys returns the keys in text, the signing key first, separated by commas or
// white space. Each is base64 of either alphabet, padded or not, as [FormatKey] prints
// it. An error names the key by its position, and does not repeat it.
func ParseKeys(text string) ([][]byte, error) {
	fields := strings.FieldsFunc(text, func(c rune) bool { return c == ',' || c == ' ' || c == '\t' || c == '\r' || c == '\n' })
	keys := make([][]byte, len(fields))
	plain := strings.NewReplacer("+", "-", "/", "_")
	for i, f := range fields {
		key, err := base64.RawURLEncoding.DecodeString(plain.Replace(strings.TrimRight(f, "=")))
		if err != nil {
			return nil, fmt.Errorf("session: key %d is not base64; %s", i+1, makeKey)
		}
		keys[i] = key
	}
	if err := checkKeys(keys, " when decoded"); err != nil {
		return nil, err
	}
	return keys, nil
}

const makeKey = "GenerateKey makes one, or head -c 32 /dev/urandom | base64"

func checkKeys(keys [][]byte, encoded string) error {
	if len(keys) == 0 {
		return errors.New("session: no key; " + makeKey + "; make it once, and keep it")
	}
	for i, key := range keys {
		if len(key) < MinKeyLen {
			return fmt.Errorf("session: key %d has %d bytes%s, at least %d are needed; %s", i+1, len(key), encoded, MinKeyLen, makeKey)
		}
		if bytes.Count(key, key[:1]) == len(key) {
			return fmt.Errorf("session: key %d is one byte repeated, not a secret; %s", i+1, makeKey)
		}
	}
	return nil
}

package itsdangerous

import (
	"crypto/hmac"
	"crypto/sha1" //nolint:gosec // the format's default; HMAC does not need resistance to collisions
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"slices"
	"strings"
	"time"

	"github.com/cloakroom-go/cloakroom/migrate/internal/python"
)

var (
	// ErrSignature says that a value was not signed by any of the keys, or not in
	// this way, or was changed since.
	ErrSignature = errors.New("itsdangerous: signature does not match")

	// ErrExpired says that a value was signed longer ago than is allowed, or that
	// an age is asked for and it was signed in the future.
	ErrExpired = errors.New("itsdangerous: signature has expired")

	// ErrPayload says that the signature is right, but that what was signed can't be
	// read.
	ErrPayload = errors.New("itsdangerous: payload can't be read")
)

// A Derivation is how the key for signing is made from the secret and the salt.
type Derivation int

// The derivations, with their names in Python.
const (
	DjangoConcat Derivation = iota // django-concat, the default
	Concat                         // concat
	HMAC                           // hmac
	NoDerivation                   // none: the secret itself
)

// A Signer appends a signature to text. Its zero value plus Keys is Python's
// Signer(secret_key). It may be used by several goroutines at once.
type Signer struct {
	// Keys are the secrets: the first one signs, all of them verify. There must
	// be one. Text is taken as UTF-8; a key may be any bytes.
	Keys []string

	// Salt tells apart what is signed for different purposes. The default is
	// itsdangerous.Signer.
	Salt string

	// Separator stands between the parts. The default is a dot.
	Separator string

	// Derivation is key_derivation.
	Derivation Derivation

	// Hash is digest_method. The default is SHA-1.
	Hash func() hash.Hash
}

// Sign returns value with its signature. It panics without a key.
func (s Signer) Sign(value string) string {
	if len(s.Keys) == 0 {
		panic("itsdangerous: Signer has no key")
	}
	return value + s.separator() + base64.RawURLEncoding.EncodeToString(s.sum(s.Keys[0], value))
}

// Unsign returns the value that was signed. The error wraps ErrSignature.
func (s Signer) Unsign(signed string) (string, error) {
	value, signature, ok := cutLast(signed, s.separator())
	if !ok {
		return "", fmt.Errorf("%w: there is none", ErrSignature)
	}
	sum, err := python.DecodeBase64URL(signature)
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrSignature, err)
	}
	for _, key := range s.Keys {
		if hmac.Equal(sum, s.sum(key, value)) {
			return value, nil
		}
	}
	return "", ErrSignature
}

// SignAt returns value with a time and a signature of both, as TimestampSigner
// does at that time. The time is kept in seconds and not before 1970. It panics without
// a key.
func (s Signer) SignAt(value string, at time.Time) string {
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], uint64(max(0, at.Unix())))
	seconds := strings.TrimLeft(string(b[:]), "\x00")
	return s.Sign(value + s.separator() + base64.RawURLEncoding.EncodeToString([]byte(seconds)))
}

// UnsignAt returns the value that was signed and when that was. The error wraps
// ErrSignature. How old a signature may be is for the caller to say, see
// CheckAge.
func (s Signer) UnsignAt(signed string) (string, time.Time, error) {
	both, err := s.Unsign(signed)
	if err != nil {
		return "", time.Time{}, err
	}
	value, stamp, ok := cutLast(both, s.separator())
	if !ok {
		return "", time.Time{}, fmt.Errorf("%w: the time is missing", ErrSignature)
	}
	b, err := python.DecodeBase64URL(stamp)
	if err != nil || len(b) > 8 {
		return "", time.Time{}, fmt.Errorf("%w: the time is malformed", ErrSignature)
	}
	seconds := binary.BigEndian.Uint64(slices.Concat(make([]byte, 8-len(b)), b))
	if seconds > maxTime {
		return "", time.Time{}, fmt.Errorf("%w: the time is too far away", ErrSignature)
	}
	return value, time.Unix(int64(seconds), 0), nil
}

// maxTime is the last second that Python's datetime can hold.
const maxTime = 253402300799

// CheckAge returns an error that wraps ErrExpired if at is more than maxAge before
// now, or in the future, in whole seconds. A maxAge of zero or less allows any.
func CheckAge(at, now time.Time, maxAge time.Duration) error {
	if maxAge <= 0 {
		return nil
	}
	age := now.Unix() - at.Unix()
	if age > int64(maxAge/time.Second) {
		return fmt.Errorf("%w: it is %d seconds old, over %d", ErrExpired, age, int64(maxAge/time.Second))
	}
	if age < 0 {
		return fmt.Errorf("%w: it was made %d seconds in the future", ErrExpired, -age)
	}
	return nil
}

// sum returns the signature of value under a key.
func (s Signer) sum(key, value string) []byte {
	h := hmac.New(s.hash(), s.derive(key))
	h.Write([]byte(value))
	return h.Sum(nil)
}

func (s Signer) derive(key string) []byte {
	salt := s.Salt
	if salt == "" {
		salt = "itsdangerous.Signer"
	}
	h := s.hash()()
	switch s.Derivation {
	case NoDerivation:
		return []byte(key)
	case HMAC:
		h = hmac.New(s.hash(), []byte(key))
		h.Write([]byte(salt))
	case Concat:
		h.Write([]byte(salt + key))
	case DjangoConcat:
		h.Write([]byte(salt + "signer" + key))
	}
	return h.Sum(nil)
}

func (s Signer) hash() func() hash.Hash {
	if s.Hash == nil {
		return sha1.New
	}
	return s.Hash
}

func (s Signer) separator() string {
	if s.Separator == "" {
		return "."
	}
	return s.Separator
}

// cutLast splits text around the last separator.
func cutLast(text, separator string) (before, after string, found bool) {
	i := strings.LastIndex(text, separator)
	if i < 0 {
		return "", "", false
	}
	return text[:i], text[i+len(separator):], true
}

package migrate

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// The format of gorilla/securecookie is base64 of "date|value|mac". The value is
// base64 itself, of an initialization vector and what was encrypted, if it was,
// and the MAC covers "name|date|value".

// open verifies and decrypts a value with each pair of keys, until decode accepts
// what is in it.
func (g Gorilla) open(value string, now time.Time, decode func([]byte) error) (time.Time, error) {
	err := errors.New("there is no key")
	for i := 0; i < len(g.Keys); i += 2 {
		var block []byte
		if i+1 < len(g.Keys) {
			block = g.Keys[i+1]
		}
		plain, signed, why := g.openWith(value, g.Keys[i], block, now)
		if why == nil {
			if why = decode(plain); why == nil {
				return signed, nil
			}
		}
		err = why
	}
	return time.Time{}, err
}

func (g Gorilla) openWith(value string, hashKey, blockKey []byte, now time.Time) ([]byte, time.Time, error) {
	raw, err := base64.URLEncoding.DecodeString(value)
	if err != nil {
		return nil, time.Time{}, errors.New("it is not base64")
	}
	date, rest, _ := strings.Cut(string(raw), "|")
	text, mac, ok := strings.Cut(rest, "|")
	hash := g.Hash
	if hash == nil {
		hash = sha256.New
	}
	h := hmac.New(hash, hashKey)
	h.Write([]byte(g.Cookie.Name + "|" + date + "|" + text))
	if !ok || len(hashKey) == 0 || !hmac.Equal(h.Sum(nil), []byte(mac)) {
		return nil, time.Time{}, errors.New("signature does not match")
	}
	seconds, err := strconv.ParseInt(date, 10, 64)
	if err != nil {
		return nil, time.Time{}, errors.New("its time is malformed")
	}
	signed := time.Unix(seconds, 0)
	if age := maxAge(g.MaxAge, gorillaMaxAge); age > 0 && signed.Before(now.Truncate(time.Second).Add(-age)) {
		return nil, time.Time{}, fmt.Errorf("it was made at %v, too long ago", signed)
	}
	plain, err := base64.URLEncoding.DecodeString(text)
	if err != nil {
		return nil, time.Time{}, errors.New("its value is not base64")
	}
	if len(blockKey) > 0 {
		plain, err = decrypt(plain, blockKey)
	}
	return plain, signed, err
}

// macPart returns what the MAC is of in a cookie that has opened. Base64 can be spelled in several
// ways, and the MAC may have a bar in it.
func macPart(value string) string {
	raw, _ := base64.URLEncoding.DecodeString(value)
	parts := strings.SplitN(string(raw), "|", 3)
	return strings.Join(parts[:2], "|")
}

// decrypt decrypts AES in counter mode. Whether the key was the right one turns
// out when the result is decoded.
func decrypt(sealed, key []byte) ([]byte, error) {
	block, err := aes.NewCipher(key)
	if err != nil || len(sealed) <= aes.BlockSize {
		return nil, errors.New("its value does not decrypt")
	}
	plain := make([]byte, len(sealed)-aes.BlockSize)
	cipher.NewCTR(block, sealed[:aes.BlockSize]).XORKeyStream(plain, sealed[aes.BlockSize:])
	return plain, nil
}

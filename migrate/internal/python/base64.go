// Package python reads and writes text as Python's standard library does, where
// that differs from Go's: sessions that Python has written are accepted exactly if
// Python would accept them.
package python

import (
	"encoding/base64"
	"errors"
	"strings"
)

// DecodeBase64 decodes s as binascii.a2b_base64 does without its strict mode:
// characters outside the alphabet are skipped, and what follows the padding is
// ignored. With padding that is missing, and with a single character left over, it
// fails.
func DecodeBase64(s string) ([]byte, error) {
	digits := make([]byte, 0, len(s))
	pads := 0
	for i := range len(s) {
		open := len(digits) % 4
		switch {
		case s[i] == '=':
			if pads++; open >= 2 && open+pads >= 4 {
				return decodeDigits(digits)
			}
		case strings.IndexByte(alphabet, s[i]) >= 0:
			pads = 0
			digits = append(digits, s[i])
		}
	}
	if len(digits)%4 != 0 {
		return nil, errIncomplete
	}
	return decodeDigits(digits)
}

const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

var errIncomplete = errors.New("base64 is incomplete")

func decodeDigits(digits []byte) ([]byte, error) {
	b, err := base64.RawStdEncoding.AppendDecode([]byte{}, digits)
	if err != nil {
		return nil, errIncomplete
	}
	return b, nil
}

var toStandard = strings.NewReplacer("-", "+", "_", "/")

// DecodeBase64URL decodes s as itsdangerous does: DecodeBase64 for the URL-safe
// alphabet beside the standard one, with padding added as far as the length calls
// for it.
func DecodeBase64URL(s string) ([]byte, error) {
	padding := strings.Repeat("=", (4-len(s)%4)%4)
	return DecodeBase64(toStandard.Replace(s) + padding)
}

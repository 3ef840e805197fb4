package itsdangerous

import (
	"bytes"
	"compress/zlib"
	"encoding/base64"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/cloakroom-go/cloakroom/migrate/internal/python"
)

// MaxPayload is the largest payload that is read, in bytes after it was
// inflated. A cookie has 4096 bytes, so that only a bomb is larger.
const MaxPayload = 1 << 20

// A TimedSerializer signs JSON together with the time, as URLSafeTimedSerializer
// does. What becomes shorter is compressed. It may be used by several goroutines
// at once.
type TimedSerializer struct {
	// Signer signs. The default of its Salt is itsdangerous here, not
	// itsdangerous.Signer.
	Signer Signer

	// MaxAge is how long a signature is good. Zero is for ever; otherwise one that
	// was made in the future is refused as well.
	MaxAge time.Duration
}

// Dumps returns v, as JSON, signed at a time. v consists of what Loads returns;
// anything else is an error. It panics without a key.
func (s TimedSerializer) Dumps(v any, at time.Time) (string, error) {
	text, err := python.EncodeJSON(v, python.Compact)
	if err != nil {
		return "", fmt.Errorf("itsdangerous: %w", err)
	}
	payload := base64.RawURLEncoding.EncodeToString([]byte(text))
	if small := deflate(text); len(small) < len(text)-1 {
		payload = "." + base64.RawURLEncoding.EncodeToString(small)
	}
	return s.signer().SignAt(payload, at), nil
}

// Loads returns what was signed, and when. It consists of nil, bool, int64, *big.Int
// for numbers beyond that, float64, string, []any and map[string]any. The error
// wraps ErrSignature, ErrExpired or ErrPayload. Nothing is decoded before the
// signature was verified.
func (s TimedSerializer) Loads(signed string, now time.Time) (any, time.Time, error) {
	payload, at, err := s.signer().UnsignAt(signed)
	if err != nil {
		return nil, time.Time{}, err
	}
	if err := CheckAge(at, now, s.MaxAge); err != nil {
		return nil, time.Time{}, err
	}
	v, err := decode(payload)
	if err != nil {
		return nil, time.Time{}, fmt.Errorf("%w: %w", ErrPayload, err)
	}
	return v, at, nil
}

// decode decodes a payload. Compressed ones begin with a dot.
func decode(payload string) (any, error) {
	payload, compressed := strings.CutPrefix(payload, ".")
	text, err := python.DecodeBase64URL(payload)
	if err == nil && compressed {
		text, err = inflate(text)
	}
	if err != nil {
		return nil, err
	}
	if len(text) > MaxPayload {
		return nil, fmt.Errorf("it is over %d bytes long", MaxPayload)
	}
	return python.DecodeJSON(text)
}

func (s TimedSerializer) signer() Signer {
	if s.Signer.Salt == "" {
		s.Signer.Salt = "itsdangerous"
	}
	return s.Signer
}

func deflate(text string) []byte {
	var out bytes.Buffer
	w := zlib.NewWriter(&out)
	_, _ = io.WriteString(w, text) // a buffer takes everything
	_ = w.Close()
	return out.Bytes()
}

// inflate returns what was compressed, or one byte more than MaxPayload of it.
func inflate(b []byte) ([]byte, error) {
	r, err := zlib.NewReader(bytes.NewReader(b))
	if err != nil {
		return nil, fmt.Errorf("it does not inflate: %w", err)
	}
	out, err := io.ReadAll(io.LimitReader(r, MaxPayload+1))
	if err != nil {
		return nil, fmt.Errorf("it does not inflate: %w", err)
	}
	return out, nil
}

package itsdangerous_test

import (
	"bytes"
	"compress/zlib"
	"encoding/base64"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/cloakroom-go/cloakroom/migrate/itsdangerous"
)

func TestWhatBecomesShorterIsCompressed(t *testing.T) {
	t.Parallel()
	s := itsdangerous.TimedSerializer{Signer: itsdangerous.Signer{Keys: []string{"k"}}}
	for text, compressed := range map[string]bool{"x": false, strings.Repeat("x", 100): true} {
		want := map[string]any{"text": text, "n": int64(1), "f": 0.5}
		signed, err := s.Dumps(want, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(signed, ".") != compressed {
			t.Errorf("%d bytes are written as %s", len(text), signed)
		}
		if got, _, err := s.Loads(signed, time.Now()); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%v, %v", got, err)
		}
	}
}

func TestABombIsNotInflated(t *testing.T) {
	t.Parallel()
	s := itsdangerous.TimedSerializer{Signer: itsdangerous.Signer{Keys: []string{"k"}}}
	var b bytes.Buffer
	w := zlib.NewWriter(&b)
	for range 100 {
		if _, err := w.Write(make([]byte, itsdangerous.MaxPayload)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	signer := itsdangerous.Signer{Keys: []string{"k"}, Salt: "itsdangerous"}
	signed := signer.SignAt("."+base64.RawURLEncoding.EncodeToString(b.Bytes()), time.Now())
	used := testing.Benchmark(func(b *testing.B) {
		b.Helper()
		for b.Loop() {
			if _, _, err := s.Loads(signed, time.Now()); !errors.Is(err, itsdangerous.ErrPayload) {
				b.Fatal(err)
			}
		}
	}).AllocedBytesPerOp()
	if used > 20*itsdangerous.MaxPayload {
		t.Errorf("%d bytes are allocated", used)
	}
	// Forged, it is not even decoded.
	if _, _, err := s.Loads(signed[:len(signed)-3]+"AAA", time.Now()); !errors.Is(err, itsdangerous.ErrSignature) {
		t.Error(err)
	}
}

func TestPayloadsThatAreNoneAreErrors(t *testing.T) {
	t.Parallel()
	s := itsdangerous.TimedSerializer{Signer: itsdangerous.Signer{Keys: []string{"k"}}, MaxAge: time.Hour}
	signer := itsdangerous.Signer{Keys: []string{"k"}, Salt: "itsdangerous"}
	now := time.Now()
	for _, payload := range []string{"", "!", "A", ".", ".e30", "e30A", "eyI", "e30gZTMw"} {
		if v, _, err := s.Loads(signer.SignAt(payload, now), now); !errors.Is(err, itsdangerous.ErrPayload) {
			t.Errorf("%q: %v, %v", payload, v, err)
		}
	}
	if _, _, err := s.Loads(signer.SignAt("e30", now.Add(-2*time.Hour)), now); !errors.Is(err, itsdangerous.ErrExpired) {
		t.Error(err)
	}
	if _, err := s.Dumps(make(chan int), now); err == nil {
		t.Error("a channel is written")
	}
}

package session

import (
	"bytes"
	"strconv"
	"testing"
)

func testSealer(tb testing.TB, keys ...[]byte) Sealer {
	tb.Helper()
	s, err := NewSealer(keys...)
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

func TestTheFirstKeySealsAndAllOpen(t *testing.T) {
	t.Parallel()
	oldKey, newKey := GenerateKey(), GenerateKey()
	before, during, after := testSealer(t, oldKey), testSealer(t, newKey, oldKey), testSealer(t, newKey)
	for _, c := range []struct {
		name       string
		seal, open Sealer
		opens      bool
	}{
		{"sealed before, opened during", before, during, true},
		{"sealed during, opened after", during, after, true},
		{"sealed before, opened after", before, after, false},
		{"sealed during, opened before", during, before, false},
	} {
		sealed, err := c.seal.Seal("purpose", []byte("secret"))
		if err != nil {
			t.Fatal(err)
		}
		got, err := c.open.Open("purpose", sealed)
		if opened := err == nil && string(got) == "secret"; opened != c.opens {
			t.Errorf("%s: %q, %v", c.name, got, err)
		}
	}
}

func TestNothingOpensButWhatWasSealed(t *testing.T) {
	t.Parallel()
	s := testSealer(t, GenerateKey())
	sealed, err := s.Seal("purpose", []byte("secret"))
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(sealed, []byte("secret")) {
		t.Error("the plaintext can be read")
	}
	again, err := s.Seal("purpose", []byte("secret"))
	if err != nil || bytes.Equal(again, sealed) {
		t.Errorf("sealing twice gives the same, or %v", err)
	}
	wantClosed := func(what, purpose string, b []byte) {
		t.Helper()
		if got, err := s.Open(purpose, b); err == nil {
			t.Errorf("%s opens: %q", what, got)
		}
	}
	for bit := range len(sealed) * 8 {
		b := bytes.Clone(sealed)
		b[bit/8] ^= 1 << (bit % 8)
		wantClosed("flipped bit "+strconv.Itoa(bit), "purpose", b)
	}
	for n := range sealed {
		wantClosed("cut to "+strconv.Itoa(n), "purpose", sealed[:n])
	}
	wantClosed("an added byte", "purpose", append(bytes.Clone(sealed), 0))
	wantClosed("another purpose", "purpos", sealed)
}

func TestNewSealerRefusesWhatNewSignerRefuses(t *testing.T) {
	t.Parallel()
	for name, keys := range map[string][][]byte{
		"none": nil, "short": {make([]byte, MinKeyLen-1)}, "one byte repeated": {make([]byte, MinKeyLen)},
	} {
		if _, err := NewSealer(keys...); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func FuzzOpen(f *testing.F) {
	s := testSealer(f, GenerateKey())
	sealed, err := s.Seal("purpose", []byte("secret"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(sealed)
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		if _, err := s.Open("purpose", b); err == nil && !bytes.Equal(b, sealed) {
			t.Error("opens what was not sealed")
		}
	})
}

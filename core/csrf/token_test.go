package csrf

import (
	"bytes"
	"encoding/base64"
	"strings"
	"testing"
)

var testSecret = bytes.Repeat([]byte("0123456789abcdef"), 2)

func TestEveryMaskIsAnotherTextForTheSameSecret(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for range 1000 {
		text := mask(testSecret)
		if seen[text] {
			t.Fatal("the same text twice")
		}
		seen[text] = true
		if !matches(text, testSecret) {
			t.Fatalf("%s does not match its secret", text)
		}
		if matches(text, make([]byte, secretLen)) {
			t.Fatalf("%s matches another secret", text)
		}
		if raw, err := base64.RawURLEncoding.DecodeString(text); err != nil || bytes.Contains(raw, testSecret[:8]) {
			t.Fatalf("%x, %v: the secret shows", raw, err)
		}
	}
}

func TestATokenHasOneSpelling(t *testing.T) {
	t.Parallel()
	text := mask(testSecret)
	for i := range text {
		for _, c := range []byte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_+/=\n\r\x00") {
			if c == text[i] {
				continue
			}
			if changed := text[:i] + string(c) + text[i+1:]; matches(changed, testSecret) {
				t.Fatalf("matches with %q in the place of %q at %d", c, text[i], i)
			}
		}
	}
	for name, changed := range map[string]string{
		"empty":              "",
		"cut":                text[:len(text)-1],
		"longer":             text + "A",
		"padded":             text + "==",
		"with a line break":  text + "\n",
		"the secret alone":   base64.RawURLEncoding.EncodeToString(testSecret),
		"break for the last": text[:len(text)-1] + "\n",
		"twice":              text + text,
	} {
		if matches(changed, testSecret) {
			t.Errorf("%s: matches", name)
		}
	}
}

//nolint:paralleltest // AllocsPerRun counts the allocations of all goroutines
func TestAnOversizedTokenCostsNoMemory(t *testing.T) {
	large := strings.Repeat("A", 1<<20)
	if n := testing.AllocsPerRun(10, func() { matches(large, testSecret) }); n != 0 {
		t.Errorf("%v allocations for a token of 1 MiB", n)
	}
}

func TestLineBreaksDoNotStandForBytes(t *testing.T) {
	t.Parallel()
	raw := make([]byte, 2*secretLen) // a pad of which the last byte leaves 0 behind it
	copy(raw, testSecret)
	text := base64.RawURLEncoding.EncodeToString(raw)
	if !matches(text, testSecret) {
		t.Fatal("does not match")
	}
	if matches(text[:len(text)-2]+"\r\n", testSecret) {
		t.Error("matches with line breaks in the place of the last byte")
	}
}

// FuzzVerify looks for texts that match a secret without being a pad and the
// secret behind it.
func FuzzVerify(f *testing.F) {
	good := mask(testSecret)
	for _, seed := range []string{
		"", good, good[:43], good + "\n", good[:85] + "\n", good[:84] + "\r\n", good[43:] + good[:43], good + "==",
		strings.Repeat("A", textLen), strings.Repeat("\xff", textLen), strings.Repeat("=", textLen), "'\"><script>",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		raw, err := base64.RawURLEncoding.DecodeString(text)
		want := err == nil && len(text) == 86 && len(raw) == 64
		for i := 0; want && i < 32; i++ {
			want = raw[i]^raw[32+i] == testSecret[i]
		}
		if want { // the last character has four bits that count
			want = base64.RawURLEncoding.EncodeToString(raw) == text
		}
		if got := matches(text, testSecret); got != want {
			t.Errorf("matches(%q) = %v, want %v", text, got, want)
		}
	})
}

func BenchmarkToken(b *testing.B) {
	b.Run("mask", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			mask(testSecret)
		}
	})
	b.Run("matches", func(b *testing.B) {
		text := mask(testSecret)
		b.ReportAllocs()
		for b.Loop() {
			matches(text, testSecret)
		}
	})
}

package itsdangerous_test

import (
	"crypto/sha256"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/cloakroom-go/cloakroom/migrate/itsdangerous"
)

// That signatures are Python's is for the vectors in migrate, and for the tests with
// the original itself in conformance/stores.

func TestWhatWasSignedIsReadUnderTheSameSettingsOnly(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_700_000_000, 0)
	signers := []itsdangerous.Signer{
		{Keys: []string{"k"}},
		{Keys: []string{"K"}},
		{Keys: []string{"k"}, Salt: "s"},
		{Keys: []string{"k"}, Separator: ":"},
		{Keys: []string{"k"}, Derivation: itsdangerous.Concat},
		{Keys: []string{"k"}, Derivation: itsdangerous.HMAC},
		{Keys: []string{"k"}, Derivation: itsdangerous.NoDerivation},
		{Keys: []string{"k"}, Hash: sha256.New},
	}
	for i, by := range signers {
		for j, reader := range signers {
			for _, value := range []string{"", "value", "a.b:c", "\xff\x00"} {
				got, err := reader.Unsign(by.Sign(value))
				if i == j && (err != nil || got != value) || i != j && !errors.Is(err, itsdangerous.ErrSignature) {
					t.Errorf("%d by %d: %q, %v", i, j, got, err)
				}
				got, at, err := reader.UnsignAt(by.SignAt(value, now))
				if i == j && (err != nil || got != value || !at.Equal(now)) || i != j && !errors.Is(err, itsdangerous.ErrSignature) {
					t.Errorf("%d by %d: %q at %v, %v", i, j, got, at, err)
				}
			}
		}
	}
}

func TestEveryBitOfASignatureCounts(t *testing.T) {
	t.Parallel()
	s := itsdangerous.Signer{Keys: []string{"k"}}
	signed := s.SignAt("value", time.Now())
	for i := range len(signed) {
		for bit := range 8 {
			changed := []byte(signed)
			changed[i] ^= 1 << bit
			if value, _, err := s.UnsignAt(string(changed)); err == nil && i < len(signed)-1 { // the last character has bits to spare
				t.Errorf("byte %d, bit %d: %q is read as %q", i, bit, changed, value)
			}
		}
	}
}

func TestAllKeysVerifyAndTheFirstSigns(t *testing.T) {
	t.Parallel()
	older, newer := itsdangerous.Signer{Keys: []string{"old"}}, itsdangerous.Signer{Keys: []string{"new"}}
	both := itsdangerous.Signer{Keys: []string{"new", "old"}}
	for _, s := range []itsdangerous.Signer{older, newer} {
		if _, err := both.Unsign(s.Sign("x")); err != nil {
			t.Errorf("%v: %v", s.Keys, err)
		}
	}
	if both.Sign("x") != newer.Sign("x") {
		t.Error("the first key does not sign")
	}
	if _, err := (itsdangerous.Signer{}).Unsign(itsdangerous.Signer{Keys: []string{""}}.Sign("x")); err == nil {
		t.Error("without a key, something verifies")
	}
}

func TestTimesAreAsPythonWritesThem(t *testing.T) {
	t.Parallel()
	s := itsdangerous.Signer{Keys: []string{"k"}}
	for seconds, want := range map[int64]string{0: "x.", -5: "x.", 1: "x.AQ", 256: "x.AQA", 1_700_000_000: "x.ZVPxAA"} {
		signed := s.SignAt("x", time.Unix(seconds, 999))
		if got := signed[:strings.LastIndexByte(signed, '.')]; got != want {
			t.Errorf("%d: %q, want %q", seconds, got, want)
		}
	}
	for _, stamp := range []string{"A", "AAAAAAAAAAAAAAAA", "__________8", "AAA!", ""} {
		_, _, err := s.UnsignAt(s.Sign("x." + stamp))
		if bad := stamp != ""; bad != errors.Is(err, itsdangerous.ErrSignature) && stamp != "AAA!" {
			t.Errorf("%q: %v", stamp, err)
		}
	}
}

func TestAgesAreWholeSeconds(t *testing.T) {
	t.Parallel()
	at := time.Unix(1_700_000_000, 0)
	for age, want := range map[time.Duration]bool{0: true, time.Minute: true, time.Minute + time.Second: false, -time.Second: false} {
		err := itsdangerous.CheckAge(at, at.Add(age), time.Minute)
		if (err == nil) != want || !want && !errors.Is(err, itsdangerous.ErrExpired) {
			t.Errorf("after %v: %v", age, err)
		}
		if err := itsdangerous.CheckAge(at, at.Add(age), 0); err != nil {
			t.Errorf("after %v, without a limit: %v", age, err)
		}
	}
	if err := itsdangerous.CheckAge(at, at.Add(time.Minute+999*time.Millisecond), time.Minute); err != nil {
		t.Errorf("parts of a second count: %v", err)
	}
}

func FuzzUnsign(f *testing.F) {
	s := itsdangerous.TimedSerializer{Signer: itsdangerous.Signer{Keys: []string{"k"}}}
	for _, v := range []any{nil, "x", strings.Repeat("x", 100), []any{int64(1)}} {
		signed, err := s.Dumps(v, time.Unix(1_700_000_000, 0))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(signed)
	}
	f.Fuzz(func(t *testing.T, signed string) {
		v, at, err := s.Loads(signed, time.Now())
		if err != nil {
			return
		}
		again, err := s.Dumps(v, at)
		if err != nil {
			t.Fatalf("%q is read as %#v, which is not written: %v", signed, v, err)
		}
		if _, _, err := s.Loads(again, time.Now()); err != nil {
			t.Errorf("%q is written as %q: %v", signed, again, err)
		}
	})
}

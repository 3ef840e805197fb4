package session_test

import (
	"bytes"
	"sync"
	"testing"

	"github.com/cloakroom-go/cloakroom/core/session"
)

func newSigner(t *testing.T, keys ...[]byte) session.Signer {
	t.Helper()
	s, err := session.NewSigner(keys...)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestTheFirstKeySignsAllVerifyARemovedOneFails(t *testing.T) {
	t.Parallel()
	a, b, c := session.GenerateKey(), session.GenerateKey(), session.GenerateKey()
	msg := []byte("message")
	ring := newSigner(t, a, b)
	byA, byB := newSigner(t, a).Sign("p", msg), newSigner(t, b).Sign("p", msg)
	if got := ring.Sign("p", msg); !bytes.Equal(got, byA) || bytes.Equal(got, byB) {
		t.Error("the first key does not sign")
	}
	if !ring.Verify("p", msg, byA) || !ring.Verify("p", msg, byB) {
		t.Error("not all keys verify")
	}
	if newSigner(t, c, a).Verify("p", msg, byB) {
		t.Error("a removed key verifies")
	}
}

func TestASignatureHoldsForItsPurposeAndMessageOnly(t *testing.T) {
	t.Parallel()
	s := newSigner(t, testKey)
	sig := s.Sign("cookie a", []byte("bc"))
	for _, other := range []struct{ purpose, msg string }{
		{"cookie b", "bc"},
		{"cookie a", "bd"},
		{"cookie ab", "c"}, // the same bytes in a row
		{"cookie ", "abc"},
		{"", "cookie abc"},
		{"cookie a", ""},
	} {
		if s.Verify(other.purpose, []byte(other.msg), sig) {
			t.Errorf("it holds for %q, %q too", other.purpose, other.msg)
		}
	}
	for _, forged := range [][]byte{nil, {}, sig[:len(sig)-1], append(bytes.Clone(sig), 0), make([]byte, len(sig))} {
		if s.Verify("cookie a", []byte("bc"), forged) {
			t.Errorf("%x verifies", forged)
		}
	}
}

func TestSignerIsSafeForConcurrentUse(t *testing.T) {
	t.Parallel()
	s := newSigner(t, session.GenerateKey(), testKey)
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			msg := bytes.Repeat([]byte{byte(i)}, 32)
			want := s.Sign("p", msg)
			for range 200 {
				if got := s.Sign("p", msg); !bytes.Equal(got, want) || !s.Verify("p", msg, got) {
					t.Error("signatures get mixed up")
					return
				}
			}
		})
	}
	wg.Wait()
}

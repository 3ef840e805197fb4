package dbsc_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"sync"
	"testing"
)

func ecKey(tb testing.TB) *ecdsa.PrivateKey {
	tb.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	return key
}

// rsaKey is one of 2048 bits, for all tests.
var rsaKey = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
})

// proof returns a proof as the browser's key signs it.
func (b *browser) proof(challenge string, withKey bool) string {
	b.t.Helper()
	header := map[string]any{"typ": "dbsc+jwt", "alg": "ES256"}
	if _, ok := b.signer.(*rsa.PrivateKey); ok {
		header["alg"] = "RS256"
	}
	if withKey {
		header["jwk"] = jwkOf(b.t, b.signer.Public())
	}
	return sign(b.t, header, map[string]any{"jti": challenge}, b.signer)
}

// sign makes a JWT.
func sign(tb testing.TB, header, payload any, signer crypto.Signer) string {
	tb.Helper()
	text := part(tb, header) + "." + part(tb, payload)
	return text + "." + base64.RawURLEncoding.EncodeToString(signature(tb, signer, text))
}

func signature(tb testing.TB, signer crypto.Signer, text string) []byte {
	tb.Helper()
	sum := sha256.Sum256([]byte(text))
	switch key := signer.(type) {
	case *ecdsa.PrivateKey:
		r, s, err := ecdsa.Sign(rand.Reader, key, sum[:])
		if err != nil {
			tb.Fatal(err)
		}
		return append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...)
	default:
		sig, err := signer.Sign(rand.Reader, sum[:], crypto.SHA256)
		if err != nil {
			tb.Fatal(err)
		}
		return sig
	}
}

func part(tb testing.TB, v any) string {
	tb.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		tb.Fatal(err)
	}
	return base64.RawURLEncoding.EncodeToString(data)
}

func jwkOf(tb testing.TB, key crypto.PublicKey) map[string]any {
	tb.Helper()
	text := base64.RawURLEncoding.EncodeToString
	switch key := key.(type) {
	case *ecdsa.PublicKey:
		point, err := key.Bytes()
		if err != nil {
			tb.Fatal(err)
		}
		return map[string]any{"kty": "EC", "crv": "P-256", "x": text(point[1:33]), "y": text(point[33:])}
	case *rsa.PublicKey:
		return map[string]any{"kty": "RSA", "n": text(key.N.Bytes()), "e": text(big.NewInt(int64(key.E)).Bytes())}
	default:
		tb.Fatalf("key: %T", key)
		return nil
	}
}

package dbsc

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
)

// What a key has to be. The least of RSA is that of RFC 7518, 3.3; the most bounds the
// work on a signature.
const (
	coordinateLen = 32
	minModulus    = 2048
	maxModulus    = 4096
	exponent      = "AQAB" // 65537
)

var errKey = errors.New("key is not one of P-256, or of RSA with 2048 to 4096 bits and the exponent 65537")

// parseJWK reads a public key (RFC 7517; RFC 7518, 6.2.1 and 6.3.1) for an algorithm.
func parseJWK(data []byte, alg string) (crypto.PublicKey, error) {
	var jwk members
	if err := json.Unmarshal(data, &jwk); err != nil || jwk["d"] != nil { // a private key is known to others
		return nil, errKey
	}
	switch {
	case alg == algES256 && jwk.text("kty") == "EC" && jwk.text("crv") == "P-256":
		x, errX := decode(jwk.text("x"))
		y, errY := decode(jwk.text("y"))
		if errX != nil || errY != nil || len(x) != coordinateLen || len(y) != coordinateLen {
			return nil, errKey
		}
		key, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), append(append([]byte{4}, x...), y...))
		if err != nil { // not on the curve
			return nil, errKey
		}
		return key, nil
	case alg == algRS256 && jwk.text("kty") == "RSA":
		n, err := decode(jwk.text("n"))
		if err != nil || len(n) == 0 || n[0] == 0 || jwk.text("e") != exponent {
			return nil, errKey
		}
		modulus := new(big.Int).SetBytes(n)
		if bits := modulus.BitLen(); bits < minModulus || bits > maxModulus || modulus.Bit(0) == 0 {
			return nil, errKey
		}
		return &rsa.PublicKey{N: modulus, E: 65537}, nil
	default:
		return nil, errKey
	}
}

// marshalKey returns a key as the record keeps it.
func marshalKey(key crypto.PublicKey) ([]byte, error) {
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		return nil, fmt.Errorf("dbsc: key: %w", err)
	}
	return der, nil
}

// unmarshalKey is the inverse of marshalKey.
func unmarshalKey(der []byte) (crypto.PublicKey, error) {
	key, err := x509.ParsePKIXPublicKey(der)
	if err != nil {
		return nil, fmt.Errorf("dbsc: stored key: %w", err)
	}
	return key, nil
}

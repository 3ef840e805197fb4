package dbsc

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"math/big"
	"strings"
)

// The algorithms that browsers may use (RFC 7518, 3.1). There is no other: with "none",
// or with a shared secret, a proof would prove nothing.
const (
	algES256 = "ES256"
	algRS256 = "RS256"
)

// What a proof is refused for before its signature is looked at.
var (
	errProof      = errors.New("proof is no JWT of type dbsc+jwt")
	errAlgorithm  = errors.New("proof has an algorithm other than ES256 and RS256")
	errNoKey      = errors.New("proof has no key to register")
	errForeignKey = errors.New("proof brings a key of its own")
)

// A proof is a JWT that a browser has signed (RFC 7519; RFC 7515, 3.1).
type proof struct {
	alg       string
	key       crypto.PublicKey // the jwk of its header, or nil
	challenge string           // its jti
	signed    []byte
	signature []byte
}

// parseProof reads a proof, whose signature it does not verify.
func parseProof(text string) (*proof, error) {
	parts := strings.Split(text, ".")
	if len(parts) != 3 {
		return nil, errProof
	}
	p := &proof{signed: []byte(text[:len(parts[0])+1+len(parts[1])])}
	header, err := object(parts[0])
	if err != nil || header.text("typ") != "dbsc+jwt" || header["crit"] != nil { // no extension is known (RFC 7515, 4.1.11)
		return nil, errProof
	}
	if p.alg = header.text("alg"); p.alg != algES256 && p.alg != algRS256 {
		return nil, errAlgorithm
	}
	if jwk := header["jwk"]; jwk != nil {
		if p.key, err = parseJWK(jwk, p.alg); err != nil {
			return nil, err
		}
	}
	payload, err := object(parts[1])
	if err != nil {
		return nil, errProof
	}
	if p.challenge = payload.text("jti"); p.challenge == "" {
		return nil, errProof
	}
	if p.signature, err = decode(parts[2]); err != nil {
		return nil, errProof
	}
	return p, nil
}

// verifies reports whether key has made the signature, with the algorithm that belongs
// to the key: what the proof says of itself does not decide.
func (p *proof) verifies(key crypto.PublicKey, alg string) bool {
	if p.alg != alg {
		return false
	}
	sum := sha256.Sum256(p.signed)
	switch key := key.(type) {
	case *ecdsa.PublicKey: // r and s, of 32 bytes each (RFC 7518, 3.4)
		if alg != algES256 || len(p.signature) != 2*coordinateLen {
			return false
		}
		r, s := new(big.Int).SetBytes(p.signature[:coordinateLen]), new(big.Int).SetBytes(p.signature[coordinateLen:])
		return ecdsa.Verify(key, sum[:], r, s)
	case *rsa.PublicKey:
		return alg == algRS256 && rsa.VerifyPKCS1v15(key, crypto.SHA256, sum[:], p.signature) == nil
	default:
		return false
	}
}

// Members are those of a JSON object, by their exact names.
type members map[string]json.RawMessage

// object decodes a part of a JWT.
func object(part string) (members, error) {
	data, err := decode(part)
	if err != nil {
		return nil, err
	}
	var m members
	if err := json.Unmarshal(data, &m); err != nil || m == nil {
		return nil, errProof
	}
	return m, nil
}

// text returns a member that is a string, or "".
func (m members) text(name string) string {
	var s *string
	if json.Unmarshal(m[name], &s) != nil || s == nil {
		return ""
	}
	return *s
}

// decode decodes base64url without padding.
func decode(text string) ([]byte, error) {
	data, err := b64.DecodeString(text)
	if err != nil || b64.EncodedLen(len(data)) != len(text) { // the decoder skips line breaks
		return nil, errProof
	}
	return data, nil
}

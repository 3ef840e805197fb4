package dbsc

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"strconv"
	"time"

	"github.com/cloakroom-go/cloakroom/core/session"
)

// This file derives what a login hands out: nothing of it is stored. All of it is
// authenticated with a secret that is the login's alone. It stays the same over Renew,
// StepUp and Reauthenticate, and a new key of session.Options.Keys does not change it. What
// another session, or an earlier login of the same one, was handed verifies nowhere else.

// A login is one login of a session, as the request's ticket shows it.
type login struct {
	s      *session.Session
	secret []byte
}

// loginOf returns the login of a session, or nil if nobody is signed in.
func loginOf(s *session.Session) *login {
	if s.Subject() == "" {
		return nil
	}
	return &login{s, s.Secret("dbsc")}
}

// id returns the session's public id. A nil login, of nobody, has none.
func (l *login) id() string {
	if l == nil {
		return ""
	}
	return l.s.ID()
}

// subject returns whose session it is.
func (l *login) subject() string {
	if l == nil {
		return ""
	}
	return l.s.Subject()
}

// tag names the login within its session.
func (l *login) tag() string { return b64.EncodeToString(l.mac("login")[:tagLen]) }

const tagLen = 12

// identifier names a key of the login to the browser, which keeps one under each. It gives no
// access.
func (l *login) identifier(key *binding) string {
	return l.s.ID() + "." + b64.EncodeToString(l.mac("key", strconv.AppendInt(nil, key.Offer, 10))[:tagLen])
}

// Strict: a text has one spelling only.
var b64 = base64.RawURLEncoding.Strict()

// mac returns a MAC over parts for one purpose. Lengths come first, so that no two
// lists of parts give the same input.
func (l *login) mac(purpose string, parts ...[]byte) []byte {
	h := hmac.New(sha256.New, l.secret)
	for _, p := range append([][]byte{[]byte(purpose)}, parts...) {
		var n [8]byte
		binary.BigEndian.PutUint64(n[:], uint64(len(p)))
		h.Write(n[:])
		h.Write(p)
	}
	return h.Sum(nil)
}

// A note is a text that is good until some time, and that nobody else can write: the time in
// nanoseconds and a MAC, in base64url.
const (
	noteHead = 8
	noteLen  = noteHead + sha256.Size
	noteText = (noteLen*8 + 5) / 6
)

func (l *login) write(purpose string, until time.Time, about []byte) string {
	head := binary.BigEndian.AppendUint64(make([]byte, 0, noteLen), uint64(until.UnixNano()))
	return b64.EncodeToString(append(head, l.mac(purpose, head, about)...))
}

// read returns until when a note is good, and whether it is l's, about the same, and still
// good.
func (l *login) read(purpose, text string, now time.Time, about []byte) (until time.Time, ok bool) {
	if len(text) != noteText {
		return time.Time{}, false
	}
	var raw [noteLen]byte
	// The number of bytes counts: the decoder skips line breaks.
	if n, err := b64.Decode(raw[:], []byte(text)); err != nil || n != noteLen {
		return time.Time{}, false
	}
	head, sum := raw[:noteHead], raw[noteHead:]
	until = time.Unix(0, int64(binary.BigEndian.Uint64(head))) //nolint:gosec // the inverse of write
	return until, hmac.Equal(sum, l.mac(purpose, head, about)) && now.Before(until)
}

// The purposes of notes.
const (
	purposeOffer     = "offer"     // the challenge of a registration
	purposeChallenge = "challenge" // the challenge of a refresh, about the last proof
	purposeCookie    = "cookie"    // the bound cookie, about the key
)

// challengeLife is how long an offer is good, and a challenge at least.
const (
	challengeLife = 10 * time.Minute
	clocksDiffer  = 5 * time.Minute
)

// offerUntil returns until when an offer is good: a browser takes it at once.
func offerUntil() time.Time { return time.Now().Add(challengeLife + clocksDiffer) }

// challengeUntil returns until when a challenge is good: a browser keeps the one that comes
// with a cookie until that cookie runs out.
func (b *Binder) challengeUntil() time.Time {
	return time.Now().Add(max(challengeLife, b.opts.Lifetime) + clocksDiffer)
}

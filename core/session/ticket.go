package session

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// A ticket is what the visitor holds: a token and its signature, each in base64url.
const (
	tokenTextLen = 43
	ticketSep    = '.'

	// maxTicketLen bounds the work on what a client sends. HMAC-SHA256 makes
	// tickets of 87 bytes; another Signer may make longer ones.
	maxTicketLen = 1024
)

// maxTickets bounds the work on a request: a browser sends two cookies of the
// same name when their paths or domains differ, hardly ever more.
const maxTickets = 4

var b64 = base64.RawURLEncoding.Strict()

// A token is the random part of a ticket: 32 bytes from crypto/rand. The first half
// names the session, whose tickets all have it; the second is the ticket's own
// secret. Each has 128 bits, as ASVS 7.2.3 asks for.
type token [2 * tokenHalf]byte

const tokenHalf = 16

// newToken returns a token of a new session. crypto/rand never fails: it ends the
// process rather than return predictable bytes.
func newToken() token {
	var t token
	_, _ = rand.Read(t[:])
	return t
}

// sibling returns another token of the same session.
func (t *token) sibling() token {
	s := *t
	_, _ = rand.Read(s[tokenHalf:])
	return s
}

// Labels keep apart what is derived from tokens.
const (
	labelID   = "cloakroom session id\x00"
	labelHash = "cloakroom ticket\x00"
	labelSeed = "cloakroom ticket seed\x00"
)

// id returns the store's key for the session. Nobody who reads the store can
// compute the token from it.
func (t *token) id() string {
	sum := labelled(labelID, t[:tokenHalf])
	var id [sessionstore.IDLen]byte
	b64.Encode(id[:], sum[:])
	return string(id[:])
}

// hash returns what the session's record knows of the ticket.
func (t *token) hash() ticketHash {
	sum := labelled(labelHash, t[:])
	return ticketHash(sum[:len(ticketHash{})])
}

// seed returns bytes that only the ticket's holder has.
func (t *token) seed() [seedLen]byte {
	sum := labelled(labelSeed, t[:])
	return [seedLen]byte(sum[:seedLen])
}

func labelled(label string, data []byte) [sha256.Size]byte {
	var b [64]byte
	return sha256.Sum256(append(append(b[:0], label...), data...))
}

// A presented ticket has a valid signature; whether it is good for a session only
// the store knows.
type presented struct {
	token  token
	ticket string
}

// present returns t with its ticket.
func (m *Manager) present(t token) presented { return presented{t, m.ticket(&t)} }

// ticket returns the signed ticket for t.
func (m *Manager) ticket(t *token) string {
	b := make([]byte, 0, 2*tokenTextLen+1)
	b = b64.AppendEncode(b, t[:])
	b = append(b, ticketSep)
	b = b64.AppendEncode(b, m.opts.Signer.Sign(m.purpose, t[:]))
	return string(b)
}

// verify returns the token in a ticket that we signed. Nothing else ever
// reaches the store. room is for what is decoded.
func (m *Manager) verify(ticket string, room *[2 * len(token{})]byte) (token, bool) {
	if len(ticket) <= tokenTextLen || len(ticket) > maxTicketLen || ticket[tokenTextLen] != ticketSep {
		return token{}, false
	}
	var text [2*tokenTextLen + 1]byte // all of it, when HMAC-SHA256 signs
	src := append(text[:0], ticket...)
	raw := room[:]
	if n := len(token{}) + b64.DecodedLen(len(src)-tokenTextLen-1); n <= len(room) {
		raw = raw[:n]
	} else {
		raw = make([]byte, n)
	}
	// The number of bytes counts: the decoder skips line breaks.
	if n, err := b64.Decode(raw, src[:tokenTextLen]); err != nil || n != len(token{}) {
		return token{}, false
	}
	msg, sig := raw[:len(token{})], raw[len(token{}):]
	if _, err := b64.Decode(sig, src[tokenTextLen+1:]); err != nil || !m.opts.Signer.Verify(m.purpose, msg, sig) {
		return token{}, false
	}
	return token(msg), true
}

// presented returns the valid tickets in a request, and whether it has brought any,
// valid or not. A value that is not valid leaves one line in the log, whatever its
// number and size.
func (m *Manager) presented(ctx context.Context, x *exchange) (found []presented, brought bool) {
	found = x.first[:0]
	seen, forged := 0, 0
	m.opts.eachTicket(x.r, func(value string) bool {
		if seen++; seen > maxTickets {
			return false
		}
		if m.store == nil {
			found = append(found, presented{ticket: value}) // load opens it
		} else if t, ok := m.verify(value, &x.raw); ok {
			found = append(found, presented{t, value})
		} else {
			forged++
		}
		return true
	})
	m.logForged(ctx, forged)
	return found, seen > 0
}

func (m *Manager) logForged(ctx context.Context, n int) {
	if n > 0 {
		m.log().InfoContext(ctx, "session: ticket does not verify, ignored", "in", m.purpose, "count", n)
	}
}

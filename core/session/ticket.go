package session

import (
	"context"
	"net/http"
)

// A ticket is what the visitor holds: token and signature, each in base64url.
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
// reaches the store.
func (m *Manager) verify(ticket string) (token, bool) {
	if len(ticket) <= tokenTextLen || len(ticket) > maxTicketLen || ticket[tokenTextLen] != ticketSep {
		return token{}, false
	}
	var text [2*tokenTextLen + 1]byte // all of it, when HMAC-SHA256 signs
	src := append(text[:0], ticket...)
	raw := make([]byte, len(token{})+b64.DecodedLen(len(src)-tokenTextLen-1))
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

// A presented ticket has a valid signature; whether there is such a session
// only the store knows.
type presented struct {
	token  token
	ticket string
}

// presented returns the valid tickets in a request. A value that is not valid
// leaves one line in the log, whatever its number and size.
func (m *Manager) presented(ctx context.Context, r *http.Request) []presented {
	var found []presented
	seen, forged := 0, 0
	m.opts.eachTicket(r, func(value string) bool {
		if seen++; seen > maxTickets {
			return false
		}
		if m.store == nil {
			found = append(found, presented{ticket: value}) // load opens it
		} else if t, ok := m.verify(value); ok {
			found = append(found, presented{t, value})
		} else {
			forged++
		}
		return true
	})
	m.logForged(ctx, forged)
	return found
}

func (m *Manager) logForged(ctx context.Context, n int) {
	if n > 0 {
		m.log().InfoContext(ctx, "session: ticket does not verify, ignored", "in", m.purpose, "count", n)
	}
}

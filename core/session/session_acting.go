package session

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"log/slog"
	"time"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// The session in which somebody acts has a record of its own, for lists and ends to find,
// and no ticket of its own: a ticket in the list of the administrator's own session leads
// to it. So nothing has to be done for it to end with that one, and a ticket that is
// offered, seen and retired is so in one list.

// A recordID is a record's id in a store, decoded.
type recordID [sha256.Size]byte

func (id *recordID) text() string { return b64.EncodeToString(id[:]) }

// acts reports whether the ticket leads to the session in which its holder acts.
func (e *entry) acts() bool { return e.as != recordID{} }

// actingSeed returns what secrets derive from while somebody acts, also when it is over:
// the form that leads back verifies.
func (e *entry) actingSeed() [seedLen]byte {
	mac := hmac.New(sha256.New, e.seed[:])
	mac.Write([]byte("cloakroom impersonation "))
	mac.Write(e.as[:])
	return [seedLen]byte(mac.Sum(nil))
}

// loadActing returns the session that an entry of own leads to. If that is over, what it
// returns is quiet.
func (m *Manager) loadActing(ctx context.Context, own found, e *entry, grace time.Duration) (found, error) {
	seed := e.actingSeed()
	over := own
	over.own = &own
	over.verdict.rights.seed = seed
	if own.verdict.standing < retired {
		over.own = nil
		return over, nil
	}
	over.verdict.standing, over.verdict.reason = quiet, isOver
	f, err := m.loadRecord(ctx, e.as.text())
	switch {
	case err != nil:
		return found{}, err
	case f.stored == nil || f.verdict.reason == isUnreadable || f.view.actor != own.view.subject:
		return over, nil
	}
	f.judge(m, e.hash, grace)
	if f.verdict.standing != good {
		return over, nil
	}
	f.verdict.standing, f.verdict.reason = own.verdict.standing, own.verdict.reason
	f.verdict.rights.seed, f.view.seed = seed, seed
	f.own = &own
	return f, nil
}

// leave returns what is found of a session in which its visitor acts when they sign in:
// that it is over.
func (f *found) leave() found {
	if f.own == nil {
		return *f
	}
	over := *f.own
	over.verdict.standing, over.verdict.reason = quiet, isOver
	return over
}

// leaving returns what ends with a login, besides what it replaces.
func (c *commit) leaving() []doomed {
	if c.left == nil || c.wants.login == "" {
		return nil
	}
	return []doomed{{stored: c.left, reason: EndReplaced, acting: true}}
}

// actorLives reports whether the session in which somebody acts can still be reached:
// whether their own has a ticket that leads there.
func (m *Manager) actorLives(ctx context.Context, id string, st *state) (bool, error) {
	own, err := m.loadRecord(ctx, st.home.text())
	if err != nil || own.stored == nil || own.verdict.reason == isUnreadable {
		return false, err
	}
	for i := range own.view.tickets {
		e := &own.view.tickets[i]
		if e.as.text() == id && own.view.judge(e.hash, m.times(wallNow(), m.opts.RenewGrace)).standing >= retired {
			return own.view.subject == st.actor, nil
		}
	}
	return false, nil
}

// proper returns the session of the visitor's own.
func (c *commit) proper() *view {
	if c.own != nil {
		return &c.own.view
	}
	return &c.view
}

// ownDue reports whether the administrator's own session is to learn that it is used.
func (s *Session) ownDue(now time.Time) bool {
	return s.own != nil && (s.own.view.unseen(s.ticket) || s.touchDue(&s.own.view, s.ticket, s.own.stored, now))
}

// keepOwn has the administrator's own session live on while they act, and notes in it
// that the ticket was seen. A failure is logged, and the next request tries again.
func (c *commit) keepOwn(ctx context.Context) {
	if c.own == nil || c.stored == nil {
		return
	}
	o := &commit{s: c.s, m: c.m, ticket: c.ticket, own: c.own}
	o.home()
	for range touchAttempts {
		if err := o.update(ctx); !errors.Is(err, sessionstore.ErrConflict) || o.rebase(ctx) != nil {
			break // update has logged what it was
		}
	}
	c.events = append(c.events, o.events...)
	own := *c.own
	own.stored, own.view = o.stored, o.view
	c.own = &own
}

// logOf returns the Logger for what happens to a session. It names who acts in it.
func (m *Manager) logOf(st *state) *slog.Logger {
	if st.actor == "" {
		return m.log()
	}
	return m.log().With("actor", st.actor)
}

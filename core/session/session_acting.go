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

// loadActing goes on from a visitor's own session, that f has found, to the one that an
// entry of it leads to. If that is over, what it finds is quiet.
func (f *found) loadActing(ctx context.Context, m *Manager, e *entry, grace time.Duration) error {
	seed := e.actingSeed()
	if f.verdict.standing < retired {
		f.verdict.rights.seed = seed
		return nil
	}
	own := new(*f)
	err := f.loadRecord(ctx, m, e.as.text())
	if err != nil {
		return err
	}
	there := f.stored != nil && f.verdict.reason != isUnreadable && f.view.actor == own.view.subject
	if there {
		f.judge(m, e.hash, grace)
	}
	f.verdict.rights.seed = seed
	if there && f.verdict.standing == good {
		f.verdict.standing, f.verdict.reason = own.verdict.standing, own.verdict.reason
		f.view.seed, f.own = seed, own
		return nil
	}
	*f = *own
	f.own = own
	f.verdict.standing, f.verdict.reason, f.verdict.rights.seed = quiet, isOver, seed
	return nil
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
	var own found
	err := own.loadRecord(ctx, m, st.home.text())
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

package session

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// The session of another system may be all that a browser has left: the answer to a logout is
// lost, and with it what ends the old session's cookie, or the request was sent before the
// browser had ours. So whatever an old session has gone into, and whatever a request has
// shown that signs out, leaves a tombstone where the next request with it would begin.

// origins are the ids of records that requests share which show the same old sessions, one
// behind the other.
type origins string

// maxOrigins bounds how many old sessions a session knows to have gone into it.
const maxOrigins = maxEntries

// originRecord returns the id of the record that all requests share which show a session of
// subject's that name names, or "" if there is none.
func (m *Manager) originRecord(name, subject string) string {
	if name == "" || subject == "" || m.store == nil {
		return ""
	}
	return originID(m.originKey(name, subject))
}

// goesInto returns the id that the session which the origin's goes into has to remember, or "".
func (o *origin) goesInto() string {
	if o == nil {
		return ""
	}
	return o.record
}

// has reports whether id is one of them.
func (o origins) has(id string) bool { return strings.Contains(string(o), id) }

// with returns o with another id, and without the first if there are too many.
func (o origins) with(id string) origins {
	if o.has(id) {
		return o
	}
	o += origins(id)
	return o[max(0, len(o)-maxOrigins*sessionstore.IDLen):]
}

// first returns the first id, and the others.
func (o origins) first() (string, origins) {
	n := min(len(o), sessionstore.IDLen)
	return string(o[:n]), o[n:]
}

func (o origins) check() error {
	for o != "" {
		var id string
		if id, o = o.first(); sessionstore.CheckID(id) != nil {
			return fmt.Errorf("%w: no id of a record", sessionstore.ErrCorrupt)
		}
	}
	return nil
}

// shows notes what the request shows, for Destroy.
func (s *Session) shows(name, subject string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.x.shown = s.x.shown.with(s.m.originRecord(name, subject))
}

// endShownLocked has the next commit end what the request has shown, unless that ends with the
// session. Where that is the session itself, an administrator may have ended it without a trace.
func (s *Session) endShownLocked() {
	shown := s.x.shown
	for s.x.shown = ""; shown != ""; {
		var id string
		id, shown = shown.first()
		if s.stored == nil || !s.stored.origins.has(id) {
			s.doomed = append(s.doomed, doomed{along: &stored{origins: origins(id)}, reason: EndDestroyed})
		}
	}
}

// closeOrigins ends what goes on with old sessions, and keeps it from beginning again.
func (c *commit) closeOrigins(ctx context.Context, all origins, why EndReason) error {
	for all != "" {
		var id string
		id, all = all.first()
		if err := c.close(ctx, id, why, func(*stored) (bool, error) { return true, nil }); err != nil {
			return err
		}
	}
	return nil
}

// close ends what is under an id, and keeps it from beginning again. That the latter is
// impossible, because the store has no room for instance, must keep nobody from signing out,
// nor must a record that is damaged.
func (c *commit) close(ctx context.Context, id string, why EndReason, ends func(*stored) (bool, error)) error {
	ended, err := c.m.endRecord(ctx, id, why, ends)
	if errors.Is(err, sessionstore.ErrCorrupt) {
		err = c.m.close(ctx, id, &stored{id: id}, why.isFinal())
	}
	if ended != nil {
		c.event(ended.over(why))
	}
	if errors.Is(err, errNotKept) {
		c.m.log().WarnContext(ctx, "session: an old session that was moved in from can be shown again", "error", err)
		return nil
	}
	return err
}

// EndMovedIn ends the session that goes on with another system's, see
// [Session.MoveIn], and keeps it from beginning again for ten minutes. It is no error if
// there is none, or if somebody has signed in to it since: whoever shows the old session
// gets another one then. After an error it may be live, or begin again.
func (m *Manager) EndMovedIn(ctx context.Context, origin, subject string) error {
	if m.store == nil {
		return fmt.Errorf("%w: a session that travels in its cookie", ErrUnsupported)
	}
	ctx, cancel := context.WithTimeout(ctx, m.opts.StoreTimeout)
	defer cancel()
	ended, err := m.endRecord(ctx, originID(m.originKey(origin, subject)), EndRevoked, func(at *stored) (bool, error) {
		return at.subject == subject, nil
	})
	if ended != nil {
		m.emit(ctx, ended.over(EndRevoked))
	}
	return m.tellError(ctx, err)
}

// endReplaced ends the session that the visitor's has taken the place of.
func (c *commit) endReplaced(ctx context.Context, id string, why EndReason) error {
	return c.close(ctx, id, why, func(at *stored) (bool, error) { return true, c.closeOrigins(ctx, at.origins, why) })
}

// endRecord leaves a tombstone under an id, in the place of a session if there is one,
// which it returns. If that is not to end, nothing is done. A tombstone that is there stays,
// unless this one says more.
func (m *Manager) endRecord(
	ctx context.Context, id string, why EndReason, ends func(*stored) (bool, error),
) (ended *stored, err error) {
	out := why.isFinal()
	for attempt := 0; ; attempt++ {
		var f found
		if err := f.loadRecord(ctx, m, id); err != nil {
			return ended, err
		}
		live := f.stored != nil && !f.view.ended
		switch {
		case f.view.ended && (f.view.out || !out):
			return ended, nil
		case live:
			if ok, err := ends(f.stored); !ok || err != nil {
				return ended, err
			}
		}
		err := m.close(ctx, id, f.stored, out)
		if live && (err == nil || errors.Is(err, errNotKept)) {
			ended = f.stored
		}
		switch {
		case err == nil:
			return ended, nil
		case !isMet(err):
			return ended, fmt.Errorf("session: ending: %w", err)
		}
		if err := backOff(ctx, attempt); err != nil {
			return ended, fmt.Errorf("session: ending: %w", err)
		}
	}
}

// isMet reports whether another request has written meanwhile.
func isMet(err error) bool {
	return errors.Is(err, sessionstore.ErrConflict) || errors.Is(err, sessionstore.ErrExists) || errors.Is(err, ErrNotFound)
}

// close leaves a tombstone under an id, in the place of a record if there is one.
func (m *Manager) close(ctx context.Context, id string, at *stored, out bool) error {
	if at != nil {
		if err := m.endAt(ctx, at, out); err != nil || at.version != 0 {
			return err
		} // else it can't be read, and was deleted
	}
	nobodys := newToken() // a record lists a ticket
	return m.leave(ctx, id, &state{id: newView(wallNow()).id, ended: true, out: out, tickets: []entry{{hash: nobodys.hash()}}})
}

// create creates a record. Where the id has had one before, which has expired, and the store
// still holds that because its clock is behind, it is replaced.
func (m *Manager) create(ctx context.Context, id string, r sessionstore.Record) error {
	err := m.store.Create(ctx, id, r)
	if !errors.Is(err, sessionstore.ErrExists) {
		return err
	}
	at, failed := m.store.Load(ctx, id)
	if failed != nil || wallNow().Before(at.Expires) {
		return err
	}
	if replaced := m.store.Update(ctx, id, at.Version, r); !errors.Is(replaced, ErrNotFound) {
		return replaced
	}
	return err
}

// alone returns the session without the one that ends with it.
func (s *stored) alone() *stored {
	c := *s
	c.replaces = ""
	return &c
}

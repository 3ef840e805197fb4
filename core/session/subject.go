package session

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// An Info describes one of a subject's live sessions, in a list of devices, for
// instance. It gives no access to the session. Values are read with [Key.From].
type Info struct {
	ID            string    // see [Session.ID]; [Manager.End] takes it
	Subject       string    // whose session it is
	Started       time.Time // see [Session.Started]
	Authenticated time.Time // see [Session.Authenticated]
	LastSeen      time.Time // see [Session.LastSeen]
	Expires       time.Time // see [Session.Expires]

	m  *Manager
	st *state // a pointer, so that an Info that is printed shows no values
}

// From returns the value in a session of a list, and whether there is one.
func (k Key[T]) From(i Info) (T, bool) {
	var v T
	if i.st == nil {
		return v, false
	}
	data, ok := i.st.get(k.name)
	if !ok || i.m.opts.Codec.Unmarshal(data, &v) != nil {
		var zero T
		return zero, false
	}
	return v, true
}

// List returns the live sessions of a subject, the one that was used last first
// (ASVS 7.5.2). It is complete: every session whose Authenticate had been
// committed before the call is in it, if it is still live.
//
// If the store is no [sessionstore.SubjectIndex], List returns [ErrUnsupported]. A subject
// that [sessionstore.CheckSubject] refuses gives [ErrInvalid].
func (m *Manager) List(ctx context.Context, subject string) ([]Info, error) {
	entries, err := m.entries(ctx, subject)
	if err != nil {
		return nil, m.tellError(ctx, err)
	}
	var list []Info
	for _, e := range entries {
		list = append(list, Info{
			ID: e.state.idText(), Subject: subject, Started: e.state.created, Authenticated: e.state.authenticated,
			LastSeen: m.lastSeen(&e.state, e.stored.expires), Expires: e.stored.expires, m: m, st: &e.state,
		})
	}
	slices.SortFunc(list, func(a, b Info) int { return b.Expires.Compare(a.Expires) })
	// A session that is moving has two records for a moment.
	seen := make(map[string]bool)
	list = slices.DeleteFunc(list, func(i Info) bool {
		twice := seen[i.ID]
		seen[i.ID] = true
		return twice
	})
	slices.SortStableFunc(list, func(a, b Info) int { return b.LastSeen.Compare(a.LastSeen) })
	return list, nil
}

// End ends the session of a subject that has this id: the visitor signs a
// device out, or an administrator does. If the subject has no such session, it
// returns [ErrNotFound]; other errors are as for [Manager.List]. Any other error
// means that the session may be live still.
func (m *Manager) End(ctx context.Context, subject, id string) error {
	n, err := m.endWhere(ctx, subject, func(st *state) bool { return st.idText() == id })
	if err == nil && n == 0 {
		return fmt.Errorf("%w: subject has no session with this id", ErrNotFound)
	}
	return err
}

// EndSubject ends all sessions of a subject, when the account is disabled, for
// instance (ASVS 7.4.2, 7.4.5), and reports how many. Every session whose
// Authenticate had been committed before the call is over when it returns without
// an error. Errors are as for [Manager.List].
func (m *Manager) EndSubject(ctx context.Context, subject string) (int, error) {
	n, err := m.endWhere(ctx, subject, func(*state) bool { return true })
	if err != nil {
		return n, err
	}
	// What does not decode is in no list.
	if _, err := sessionstore.DeleteSubject(ctx, m.store, subject); err != nil {
		return n, m.tellError(ctx, fmt.Errorf("session: ending: %w", err))
	}
	return n, nil
}

// EndAll ends everybody's sessions (ASVS 7.4.5) and reports how many records that
// were, to which those count that keep an external id. Every session whose first
// commit had returned before the call is over when it returns without an error.
// OnEvent is not told of each.
//
// If the store is no [sessionstore.AllDeleter], EndAll returns [ErrUnsupported]; new Keys end
// everybody's sessions, too.
func (m *Manager) EndAll(ctx context.Context) (int, error) {
	if m.store == nil {
		return 0, fmt.Errorf("%w: sessions that travel in their cookies; new Keys end them", ErrUnsupported)
	}
	total := 0
	for range endRounds { // a session that was just moving may have got past
		n, err := sessionstore.DeleteAll(ctx, m.store)
		total += n
		if err != nil {
			return total, m.tellError(ctx, fmt.Errorf("session: ending: %w", err))
		}
		if n == 0 {
			break
		}
	}
	return total, nil
}

// EndOthers ends all other sessions of the session's subject, when the password
// has changed, for instance (ASVS 7.4.3), and reports how many. The session itself
// stays. If nobody is signed in, it returns [ErrInvalid]; other errors are as for
// [Manager.List].
func (s *Session) EndOthers(ctx context.Context) (int, error) {
	s.mu.Lock()
	subject, publicID := s.cur.subject, s.cur.publicID
	s.mu.Unlock()
	return s.m.endWhere(ctx, subject, func(st *state) bool { return st.publicID != publicID })
}

const (
	// endRounds bounds how often endPicked looks again. A session would have to
	// renew its token as often in as short a time to get past.
	endRounds = 8
	// endBatch is how many sessions endPicked ends before it looks for the first
	// time; it doubles, so that looking costs little beside ending.
	endBatch = 8
)

// endWhere ends a subject's sessions of which match says so.
func (m *Manager) endWhere(ctx context.Context, subject string, match func(*state) bool) (int, error) {
	tell := func(e Event) { m.emit(ctx, e) }
	n, err := m.endPicked(ctx, subject, EndRevoked, tell, func(live []*found) publicIDs {
		picked := make(publicIDs)
		for _, f := range live {
			if match(&f.state) {
				picked[f.state.publicID] = true
			}
		}
		return picked
	})
	return n, m.tellError(ctx, err)
}

// publicIDs is a set of sessions; the value says whether the end is still to come.
type publicIDs map[[publicIDLen]byte]bool

// endPicked ends those of a subject's sessions that pick picks, and reports how
// many, also along with an error. It looks again until there are none of them: one
// that was just moving may have got past. Many logins at the same moment end the
// same sessions: each begins with a few others, and then looks what is left.
func (m *Manager) endPicked(
	ctx context.Context, subject string, why EndReason, tell func(Event), pick func([]*found) publicIDs,
) (n int, err error) {
	var picked publicIDs
	batch := endBatch
	for round := 0; round < endRounds; {
		live, err := m.entries(ctx, subject)
		if err != nil {
			return n, err
		}
		if picked == nil {
			picked = pick(live)
		}
		live = slices.DeleteFunc(live, func(f *found) bool { _, ok := picked[f.state.publicID]; return !ok })
		if len(live) == 0 {
			return n, nil
		}
		rand.Shuffle(len(live), func(i, j int) { live[i], live[j] = live[j], live[i] }) //nolint:gosec // it guards nothing
		for _, f := range live[:min(batch, len(live))] {
			if err := m.store.Delete(ctx, f.stored.id); err != nil {
				return n, fmt.Errorf("session: ending: %w", err)
			}
			if picked[f.state.publicID] {
				picked[f.state.publicID] = false
				n++
				tell(f.stored.over(why))
			}
		}
		if batch >= len(live) {
			round++
		}
		batch *= 2
	}
	return n, fmt.Errorf("%w: a session keeps renewing itself", sessionstore.ErrConflict)
}

// entries returns the records of a subject's live sessions.
func (m *Manager) entries(ctx context.Context, subject string) ([]*found, error) {
	if m.store == nil {
		return nil, fmt.Errorf("%w: a session that travels in its cookie is in no list", ErrUnsupported)
	}
	list, err := sessionstore.ListSubject(ctx, m.store, subject)
	if err != nil {
		return nil, fmt.Errorf("session: listing: %w", err)
	}
	live := make([]*found, 0, len(list))
	for _, e := range list {
		st, err := m.decode(e.ID, e.Record)
		if err != nil && !errors.Is(err, sessionstore.ErrCorrupt) {
			return nil, err
		}
		if err != nil {
			m.log().WarnContext(ctx, "session: record does not decode, treated as absent", "error", err)
			continue
		}
		if m.live(&st, e.Record.Expires) {
			live = append(live, &found{stored: st.stored(e.ID, e.Record.Version, e.Record.Expires), state: st})
		}
	}
	return live, nil
}

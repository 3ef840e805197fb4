package session

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// evict ends the subject's sessions above Options.MaxSessions, those whose
// authentication is the longest ago. The new session is stored by now, and the
// order is the same for everybody: of logins at the same moment, the one that
// looks last sees all of them, and none ends a session that another would keep.
func (c *commit) evict(ctx context.Context) error {
	limit := c.m.opts.MaxSessions
	if limit == 0 {
		return nil
	}
	evicted := false
	_, err := c.m.endPicked(ctx, c.state.subject, EndEvicted, c.event, func(live []*found) publicIDs {
		over := oldest(live, limit)
		_, evicted = over[c.state.publicID]
		return over
	})
	if err == nil && evicted {
		return errEnded
	}
	return err
}

// oldest returns all sessions but the limit newest.
func oldest(live []*found, limit int) publicIDs {
	slices.SortFunc(live, func(a, b *found) int {
		if order := b.state.authenticated.Compare(a.state.authenticated); order != 0 {
			return order
		}
		return bytes.Compare(a.state.publicID[:], b.state.publicID[:])
	})
	kept, over := make(publicIDs), make(publicIDs)
	for _, f := range live {
		switch h := f.state.publicID; {
		case len(kept) < limit:
			kept[h] = true
		case !kept[h]: // else a record of one that is moving
			over[h] = true
		}
	}
	return over
}

// admit lets a new session of a subject in unless there are MaxSessions. Only
// taking turns makes that exact: of two logins that look at the same time, each
// would see room for itself. The turn is a record that only one of them can
// create. It is given back by leave, or when it expires: commit has given up by
// then.
func (m *Manager) admit(ctx context.Context, st *state) (leave func(), err error) {
	id := derivedID("turn", st.subject)
	life := 2 * m.opts.StoreTimeout
	for attempt := 0; ; attempt++ {
		turn := sessionstore.Record{Expires: wallNow().Add(life), Version: sessionstore.NewVersion()}
		err := m.store.Create(ctx, id, turn)
		if err == nil {
			break
		}
		if !errors.Is(err, sessionstore.ErrExists) {
			return nil, fmt.Errorf("session: taking a turn: %w", err)
		}
		if err := m.room(ctx, st); err != nil { // then there is no need to wait
			return nil, err
		}
		if err := backOff(ctx, attempt, turnPause); err != nil {
			return nil, fmt.Errorf("session: waiting for other logins of the subject: %w", err)
		}
	}
	leave = func() {
		// The commit's time may be up. Later than this, the turn may be another's.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), m.opts.StoreTimeout/2)
		defer cancel()
		if err := m.store.Delete(ctx, id); err != nil {
			m.log().WarnContext(ctx, "session: logins of a subject have to wait", "for", life, "error", err)
		}
	}
	if err := m.room(ctx, st); err != nil {
		leave()
		return nil, err
	}
	return leave, nil
}

// turnPause is the longest pause before a login tries again to take its turn: many
// that wait must not keep the store from the one that works.
const turnPause = time.Second

// room returns ErrTooManySessions if there is no room for a session besides the
// others of its subject.
func (m *Manager) room(ctx context.Context, st *state) error {
	live, err := m.entries(ctx, st.subject)
	if err != nil {
		return err
	}
	others := make(publicIDs)
	for _, f := range live {
		if f.state.publicID != st.publicID {
			others[f.state.publicID] = true
		}
	}
	if len(others) >= m.opts.MaxSessions {
		return fmt.Errorf("%w: %d", ErrTooManySessions, len(others))
	}
	return nil
}

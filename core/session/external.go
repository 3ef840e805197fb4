package session

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// SetExternalID notes under which name somebody else knows the session: an
// identity provider's sid, for instance (OpenID Connect Back-Channel Logout 1.0).
// [Manager.EndExternal] ends it by that name. Call it after Authenticate.
//
// The name is not empty and at most [sessionstore.MaxSubjectLen] bytes of UTF-8 without NUL. If
// it is anything else, if nobody is signed in, or if AbsoluteTimeout is
// [NoTimeout], the commit fails with [ErrInvalid]; if the store is no
// [sessionstore.SubjectIndex], with [ErrUnsupported]; nothing is saved.
func (s *Session) SetExternalID(name string) {
	err := sessionstore.CheckSubject(name)
	switch {
	case s.m.store == nil:
		err = fmt.Errorf("%w: it travels in its cookie", ErrUnsupported)
	case err != nil:
	case s.Subject() == "":
		err = fmt.Errorf("%w: nobody is signed in", ErrInvalid)
	case s.m.opts.AbsoluteTimeout == NoTimeout:
		err = fmt.Errorf("%w: Options.AbsoluteTimeout is NoTimeout", ErrInvalid)
	default:
		if _, ok := s.m.store.(sessionstore.SubjectIndex); !ok {
			err = fmt.Errorf("%w: %T is no SubjectIndex", ErrUnsupported, s.m.store)
		}
	}
	if err != nil {
		s.fail(fmt.Errorf("SetExternalID: %w", err))
		return
	}
	s.change(func(st *state) error {
		st.external, st.point = name, true
		return nil
	})
}

// ExternalID returns what SetExternalID was told, or "".
func (s *Session) ExternalID() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.cur.external
}

// EndExternal ends the sessions that have an external id, and reports how many.
// None is no error: the visitor may have signed out before. Other errors are as
// for [Manager.List].
func (m *Manager) EndExternal(ctx context.Context, name string) (int, error) {
	if m.store == nil {
		return 0, fmt.Errorf("%w: a session that travels in its cookie", ErrUnsupported)
	}
	if _, ok := m.store.(sessionstore.SubjectIndex); !ok {
		return 0, fmt.Errorf("%w: %T is no SubjectIndex", ErrUnsupported, m.store)
	}
	if err := sessionstore.CheckSubject(name); err != nil {
		return 0, err
	}
	p, _, err := m.loadPointer(ctx, derivedID("external", name))
	if err != nil {
		return 0, m.tellError(ctx, err)
	}
	n := 0
	for _, subject := range p.values {
		ended, err := m.endWhere(ctx, subject.name, func(st *state) bool { return st.external == name })
		n += ended
		if err != nil {
			return n, err
		}
	}
	return n, nil
}

// A pointer is a record that leads from an external id to the subjects that have
// had sessions with it, one as a rule. It is encoded as a session whose values
// have the subjects' names; no token has its id.

// point makes the pointer for a session's external id, or makes it last.
func (m *Manager) point(ctx context.Context, st *state) error {
	// SetDeadline may be called again with a later time.
	expires := earlier(st.created.Add(m.opts.AbsoluteTimeout), maxExpires.Add(-time.Second))
	for attempt := 0; ; attempt++ {
		done, err := m.tryPoint(ctx, st, expires)
		if done {
			return err
		}
		if err := backOff(ctx, attempt, conflictPause); err != nil {
			return fmt.Errorf("session: noting the external id: %w", err)
		}
	}
}

// tryPoint reports whether it is done, well or not, or met another writer.
func (m *Manager) tryPoint(ctx context.Context, st *state, expires time.Time) (done bool, err error) {
	id := derivedID("external", st.external)
	p, old, err := m.loadPointer(ctx, id)
	if err != nil {
		return true, err
	}
	if old.Expires.After(expires) {
		expires = old.Expires
	}
	if _, ok := p.get(st.subject); ok && old.Expires.Equal(expires) {
		return true, nil
	}
	p.set(st.subject, []byte{})
	data, err := m.encode(id, &p)
	if err != nil {
		return true, err
	}
	r := sessionstore.Record{Data: data, Expires: expires, Version: sessionstore.NewVersion()}
	if old.Version == 0 {
		err = m.store.Create(ctx, id, r)
	} else {
		err = m.store.Update(ctx, id, old.Version, r)
	}
	if errors.Is(err, sessionstore.ErrExists) || errors.Is(err, sessionstore.ErrConflict) || errors.Is(err, ErrNotFound) {
		return false, nil
	}
	if err != nil {
		err = fmt.Errorf("session: noting the external id: %w", err)
	}
	return true, err
}

// loadPointer returns the pointer under id and its record, an empty one and zero
// if there is none.
func (m *Manager) loadPointer(ctx context.Context, id string) (state, sessionstore.Record, error) {
	none := state{created: wallNow()}
	r, err := m.store.Load(ctx, id)
	switch {
	case errors.Is(err, ErrNotFound):
		return none, sessionstore.Record{}, nil
	case err != nil:
		return none, sessionstore.Record{}, fmt.Errorf("session: loading an external id: %w", err)
	}
	p, err := m.decode(id, r)
	switch {
	case errors.Is(err, sessionstore.ErrCorrupt): // sealed under a key that was removed, as the sessions of then are
		return none, r, nil
	case err != nil:
		return none, sessionstore.Record{}, err
	}
	return p, r, nil
}

// derivedID returns the id of a record that no visitor has the token of.
func derivedID(kind, name string) string {
	sum := sha256.Sum256([]byte("cloakroom " + kind + " " + name))
	return b64.EncodeToString(sum[:])
}

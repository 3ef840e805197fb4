package session

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// Fresh reports whether the visitor has authenticated less than maxAge ago. Ask
// before something that a session left open must not allow, such as a change of
// the password (ASVS 7.5.1).
func (s *Session) Fresh(maxAge time.Duration) bool {
	at := s.Authenticated()
	return !at.IsZero() && wallNow().Sub(at) < maxAge
}

// StepUp records that the visitor has passed a further check, a second factor,
// say, and holds its level for d (ASVS 7.5.3). The session gets a new token, as
// with any change of privilege. Authenticate takes all levels back, and
// [Session.StepDown] takes one.
//
// If nobody is signed in, if level is empty or longer than [sessionstore.MaxSubjectLen] bytes,
// or if d is not positive, the commit fails with [ErrInvalid]; nothing is saved.
func (s *Session) StepUp(level string, d time.Duration) {
	if s.Subject() == "" || level == "" || len(level) > sessionstore.MaxSubjectLen || d <= 0 {
		s.fail(fmt.Errorf("%w: StepUp(%q, %v)", ErrInvalid, level, d))
		return
	}
	until := earlier(wallNow().Add(d), maxExpires) // what can be stored
	s.commitMu.Lock()
	defer s.commitMu.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.changeLocked(func(st *state) error {
		now := wallNow()
		st.steps = slices.DeleteFunc(st.steps, func(p step) bool { return p.level == level || !now.Before(p.until) })
		st.steps = append(st.steps, step{level, until})
		slices.SortFunc(st.steps, func(a, b step) int { return cmp.Compare(a.level, b.level) })
		return nil
	})
	s.renewLocked()
}

// StepDown takes a level back before its time.
func (s *Session) StepDown(level string) {
	s.change(func(st *state) error {
		st.steps = slices.DeleteFunc(st.steps, func(p step) bool { return p.level == level })
		return nil
	})
}

// SteppedUp reports whether the visitor holds a level now.
func (s *Session) SteppedUp(level string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.ContainsFunc(s.cur.steps, func(p step) bool { return p.level == level && wallNow().Before(p.until) })
}

// RequireFresh returns a handler that calls next only for visitors who have
// authenticated less than maxAge ago; otherwise is called for all others, to ask
// for the password, for instance. nil means a plain 403. If the session can't be
// loaded, the visitor gets the response of [Manager.Fail].
func (m *Manager) RequireFresh(maxAge time.Duration, next, otherwise http.Handler) http.Handler {
	return m.require(func(s *Session) bool { return s.Fresh(maxAge) }, next, otherwise)
}

// RequireStepUp is [Manager.RequireFresh] for a level of [Session.StepUp].
func (m *Manager) RequireStepUp(level string, next, otherwise http.Handler) http.Handler {
	return m.require(func(s *Session) bool { return s.SteppedUp(level) }, next, otherwise)
}

func (m *Manager) require(ok func(*Session) bool, next, otherwise http.Handler) http.Handler {
	if otherwise == nil {
		otherwise = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Cache-Control", "no-store")
			http.Error(w, "Please sign in again.", http.StatusForbidden)
		})
	}
	return m.HandlerFunc(func(w http.ResponseWriter, r *http.Request, s *Session) {
		if ok(s) {
			next.ServeHTTP(w, r)
		} else {
			otherwise.ServeHTTP(w, r)
		}
	})
}

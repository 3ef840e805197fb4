package session

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// Authenticate signs the visitor in: it records that they have proved to be subject, an
// account's id for instance. A subject is not empty, and at most 255 bytes of UTF-8
// without NUL. The response hands out a new ticket, and AbsoluteTimeout starts again.
// Levels that were stepped up to are gone, and so is what Remember, SetPersistent,
// SetIdleTimeout and SetDeadline have set in an earlier request.
//
// The values are kept, a cart that was filled before signing in for instance. If the
// session belongs to another subject, it ends, and a new one with nothing in it begins.
//
// At the first login of a session, all tickets from before it are worthless at once: one
// of them may have been planted (ASVS 7.2.4, session fixation). At a later login, the old
// ticket is retired when the visitor first presents the new one, because the answer that
// brings it may be lost. A form that is sent twice signs the visitor in twice, into one
// session, and either answer works.
//
// A subject that breaks the rule gives [ErrInvalid] at commit, and nothing is saved. If
// [Options].RefuseNew refuses the login, the commit fails with [ErrTooManySessions]; to
// answer with a page of your own, call [Session.Commit] and look at its error. If the
// response can't hand out a ticket any more, because its header has left, the connection
// was taken over, or the request's context is done, the commit fails and nothing is
// saved: a request that the visitor has given up signs nobody in. If the login has ended
// before its ticket leaves, because newer ones have taken its place ([Options].MaxSessions)
// or its own time is over, the commit fails with [ErrNotFound], and the response is a 409
// unless Commit, or Reload, has told the handler.
func (s *Session) Authenticate(subject string) { s.signIn(subject, true) }

// signIn is Authenticate. Whom another system has signed in has proved nothing here.
func (s *Session) signIn(subject string, proved bool) {
	if err := sessionstore.CheckSubject(subject); err != nil {
		s.fail(fmt.Errorf("Authenticate: %w", err))
		return
	}
	fresh := newView(wallNow()) // once: it is the same session if the change is made again
	s.commitMu.Lock()           // a commit that is under way knows nothing of a login
	defer s.commitMu.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.own != nil {
		s.leaveLocked(EndReplaced)
		s.own = nil
	}
	asked := s.cur.asked
	s.changeLocked(func(v *view) error {
		switch {
		case v.subject != "" && v.subject != subject:
			*v = fresh.clone() // nothing of one account reaches another
			v.replaced = true
		case v.subject == "":
			v.retireBefore()
		}
		v.subject, v.binding = subject, nil
		v.rights = rights{started: fresh.started, seed: fresh.seed}
		if proved {
			v.authenticated = fresh.started
		}
		v.lifetime, v.asked = asked.orNone(), asked
		return nil
	})
	s.wants.login, s.login, s.origin = subject, true, nil
	s.wants.logins++
}

// Reauthenticate records that the visitor, who is signed in, has just proved again who they
// are, by their password for instance: what [Session.Fresh] asks for. The response hands out
// a new ticket, which alone is fresh. All else stays: when the session ends, what Remember
// and its like have set, levels, and the tokens of forms. [Session.Renew] says what becomes
// of the old ticket, and which errors there are.
//
// If nobody is signed in, or if they act as somebody else, the commit fails with
// [ErrInvalid]; nothing is saved.
func (s *Session) Reauthenticate() {
	now := wallNow() // once: it stays so if the change is made again
	s.prove("Reauthenticate()", "", func(v *view) { v.authenticated = now })
}

// prove has the next commit offer a ticket that is good for what set adds to its rights.
func (s *Session) prove(call, refused string, set func(*view)) {
	s.commitMu.Lock()
	defer s.commitMu.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.cur.subject == "":
		refused = "nobody is signed in"
	case s.own != nil:
		refused = "somebody acts for the subject"
	}
	if refused != "" {
		s.failLocked(fmt.Errorf("%w: %s: %s", ErrInvalid, call, refused))
		return
	}
	s.changeLocked(func(v *view) error {
		set(v)
		return nil
	})
	s.offerLocked()
}

// signingIn reports whether a login is to be committed.
func (s *Session) signingIn() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.wants.login != ""
}

// Renew hands out a new ticket with the response. The ticket that the request has
// brought is retired when the visitor first presents the new one, because the answer may
// be lost. It then works on for [Options].RenewGrace, for requests that are on their
// way. Call Renew when what a visitor may do changes in another way than by
// [Session.Authenticate], [Session.Reauthenticate] or [Session.StepUp], which hand out a
// ticket by themselves (ASVS 7.2.4).
//
// All tickets of a session see the same values. What only a visitor who has passed a
// check may do belongs in a level of StepUp, which is the new ticket's alone.
//
// Renew does nothing for an anonymous session, because Authenticate will. If the
// request's ticket was retired by a newer one, the commit saves all other changes and
// then fails with [ErrRetired]. If the response can't hand out a ticket any more, it
// does the same with [ErrHeaderSent] or the context's error. Where the header leaves over
// ten minutes after the commit, no new ticket is handed out, and the old one stays good. In
// a session that travels in its cookie, Renew is [ErrUnsupported].
func (s *Session) Renew() {
	s.commitMu.Lock()
	defer s.commitMu.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.m.store == nil {
		s.failLocked(fmt.Errorf("%w: Renew of a session that travels in its cookie", ErrUnsupported))
		return
	}
	s.offerLocked()
}

// offerLocked has the next commit offer a new ticket. A session that travels in its
// cookie gets one with each change, and a new or an anonymous one needs none.
func (s *Session) offerLocked() {
	if s.m.store != nil && s.stored != nil && s.cur.subject != "" && s.own == nil {
		s.wants.offers++
		s.refused = nil
	}
}

// Fresh reports whether the visitor has authenticated less than maxAge ago. Ask
// before something that a session left open must not allow, such as a change of
// the password (ASVS 7.5.1).
func (s *Session) Fresh(maxAge time.Duration) bool {
	at := s.Authenticated()
	return !at.IsZero() && wallNow().Sub(at) < maxAge
}

// StepUp records that the visitor has passed a further check, a second factor for
// instance, and holds its level for d (ASVS 7.5.3). The response hands out a new ticket,
// which alone is good for the level. [Session.Renew] says what becomes of the old one,
// and which errors there are. Authenticate takes all levels back, and [Session.StepDown]
// takes one.
//
// If nobody is signed in, if they act as somebody else, if level is empty or longer than
// 255 bytes, or if d is not positive, the commit fails with [ErrInvalid]; nothing is saved.
func (s *Session) StepUp(level string, d time.Duration) {
	var refused string
	switch {
	case level == "" || len(level) > sessionstore.MaxSubjectLen:
		refused = fmt.Sprintf("a level has 1 to %d bytes", sessionstore.MaxSubjectLen)
	case d <= 0:
		refused = "the time has to be positive"
	}
	until := earlier(wallNow().Add(d), maxExpires) // what can be stored
	s.prove(fmt.Sprintf("StepUp(%q, %v)", level, d), refused, func(v *view) {
		now := wallNow()
		steps := append(without(v.steps, level), step{level, until})
		v.steps = slices.DeleteFunc(steps, func(p step) bool { return !now.Before(p.until) })
		slices.SortFunc(v.steps, func(a, b step) int { return cmp.Compare(a.level, b.level) })
	})
}

// StepDown takes a level back before its time, from all tickets of the session.
func (s *Session) StepDown(level string) {
	s.change(func(v *view) error {
		v.steps = without(v.steps, level)
		v.tickets = slices.Clone(v.tickets)
		for i := range v.tickets {
			v.tickets[i].steps = without(v.tickets[i].steps, level)
		}
		return nil
	})
}

// without returns a new list of steps without a level.
func without(steps []step, level string) []step {
	return slices.DeleteFunc(slices.Clone(steps), func(p step) bool { return p.level == level })
}

// SteppedUp reports whether the visitor holds a level now.
func (s *Session) SteppedUp(level string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.ContainsFunc(s.cur.steps, func(p step) bool { return p.level == level && wallNow().Before(p.until) })
}

// RequireFresh returns a handler that calls next for visitors who have authenticated
// less than maxAge ago, and otherwise for all others, to ask for the password for
// instance, and for requests that [Options].Skip has taken out. If otherwise is nil, they
// get a plain 403. If the session can't be loaded, the visitor gets the response of
// [Manager.Fail].
//
// What has asked for the password calls [Session.Reauthenticate].
func (m *Manager) RequireFresh(maxAge time.Duration, next, otherwise http.Handler) http.HandlerFunc {
	return m.require(func(s *Session) bool { return s.Fresh(maxAge) }, next, otherwise)
}

// RequireStepUp is [Manager.RequireFresh] for a level of [Session.StepUp].
func (m *Manager) RequireStepUp(level string, next, otherwise http.Handler) http.HandlerFunc {
	return m.require(func(s *Session) bool { return s.SteppedUp(level) }, next, otherwise)
}

func (m *Manager) require(ok func(*Session) bool, next, otherwise http.Handler) http.HandlerFunc {
	if otherwise == nil {
		otherwise = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Cache-Control", "no-store")
			http.Error(w, "Please sign in again.", http.StatusForbidden)
		})
	}
	return m.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch s, err := m.Get(r); {
		case err != nil && !errors.Is(err, ErrSkipped):
			m.Fail(w, r, err)
		case err == nil && ok(s):
			next.ServeHTTP(w, r)
		default:
			otherwise.ServeHTTP(w, r)
		}
	})).ServeHTTP
}

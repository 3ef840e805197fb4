package session

import (
	"context"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// A Session is one visitor's session during one request. [Manager.Get] returns
// it; [Key] reads and writes its values.
//
// A Session is safe for concurrent use by the goroutines of its request. It
// must not be used for other requests: each gets its own, and the store brings
// them together.
//
// What changes is recorded and committed before the response header leaves. If
// another request has written in the meantime, the session is loaded again and
// the same changes are made to it, so that neither loses the other's. If the
// session was ended in the meantime, the changes are dropped.
type Session struct {
	m *Manager
	x *exchange

	commitMu sync.Mutex // held for a whole commit and while the id changes, always taken before mu

	mu       sync.Mutex // never held while a store or the caller's code runs
	ticket   presented  // what the visitor holds; zero while nothing is stored
	stored   *stored    // what the store held when last seen; nil: nothing
	cur      state      // with changes made
	changes  []change   // since stored
	renew    bool       // commit under a new token, and end the old one at once
	login    bool       // because the visitor has authenticated
	doomed   []doomed   // to be ended at the next commit
	tried    []attempt  // writes of changes
	followed bool       // the visitor came with the old ticket, and is to get this one
	late     bool       // what the visitor came with is no longer good for this ticket
	ended    bool       // somebody else ended the session: nothing is saved
	cookie   cookieAction
	err      error // the first change that could not be made
}

// stored says what is known of the session's record, and whose session is in it.
type stored struct {
	id            string
	version       sessionstore.Version
	expires       time.Time
	publicID      [publicIDLen]byte
	subject       string
	authenticated time.Time
}

// A doomed session is ended by the next commit.
type doomed struct {
	found

	reason EndReason
}

// A change is one step from the state that was loaded to the one that is
// saved. It is made again on the newer state after a conflict.
type change func(*state) error

// A cookieAction is what the response header has to tell the browser.
type cookieAction int

const (
	cookieKeep cookieAction = iota
	cookieSet
	cookieUnset
)

// change makes c and records it.
func (s *Session) change(c change) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.changeLocked(c)
}

func (s *Session) changeLocked(c change) {
	if err := c(&s.cur); err != nil {
		s.failLocked(err)
		return
	}
	s.changes = append(s.changes, c)
}

func (s *Session) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failLocked(err)
}

func (s *Session) failLocked(err error) {
	if s.err == nil {
		s.err = err
	}
}

// value returns the encoded value under name, which nobody changes.
func (s *Session) value(name string) ([]byte, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.cur.get(name)
}

// Has reports whether the session has a value under name.
func (s *Session) Has(name string) bool {
	_, ok := s.value(name)
	return ok
}

// Names returns the names of the session's values, sorted.
func (s *Session) Names() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	names := make([]string, len(s.cur.values))
	for i, v := range s.cur.values {
		names[i] = v.name
	}
	return names
}

// Clear removes all values. The session goes on: its subject, if it has one,
// stays signed in. To sign out use [Session.Destroy].
func (s *Session) Clear() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.cur.values) > 0 {
		s.changeLocked(func(st *state) error {
			st.values = nil
			return nil
		})
	}
}

// Renew gives the session a new token and ends the old one, with the values
// kept. Use it when a visitor's privileges change in another way than by
// [Session.Authenticate], which does so by itself (ASVS 7.2.4).
func (s *Session) Renew() {
	s.commitMu.Lock() // a commit that is under way knows nothing of a renewal
	defer s.commitMu.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.m.store == nil {
		s.failLocked(fmt.Errorf("%w: Renew of a session that travels in its cookie", ErrUnsupported))
		return
	}
	s.renewLocked()
}

// renewLocked has the commit end the old token. A session that travels in its
// cookie has none: what it holds is in the old cookie as it was then.
func (s *Session) renewLocked() { s.renew = s.stored != nil && s.m.store != nil }

// Authenticate records that the visitor has proved to be subject: an account's
// id, say, not empty and at most [sessionstore.MaxSubjectLen] bytes of UTF-8 without NUL. The
// session gets a new token, the old one ends at once (ASVS 7.2.4), and
// AbsoluteTimeout starts again, levels that were stepped up to are gone.
//
// The values are kept, a cart that was filled before signing in, for instance,
// unless they belong to another subject: then a new session begins. Call it again
// when the same subject has authenticated again.
//
// If another request ends the session or calls Authenticate, StepUp or Renew at the
// same moment, because a login was clicked twice, for instance, only one of the two
// takes effect; the other's response sets no cookie.
//
// A subject that breaks the rule is an [ErrInvalid] at commit; nothing is
// saved. If [Options].RefuseNew refuses the login, the commit fails with
// [ErrTooManySessions]; to answer that with a page of one's own, call
// [Session.Commit] and look at its error.
func (s *Session) Authenticate(subject string) {
	if err := sessionstore.CheckSubject(subject); err != nil {
		s.fail(fmt.Errorf("Authenticate: %w", err))
		return
	}
	fresh := newState(wallNow()) // once: it is the same session if the change is made again
	s.commitMu.Lock()
	defer s.commitMu.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.changeLocked(func(st *state) error {
		if st.subject != "" && st.subject != subject {
			*st = fresh // nothing of one account reaches another
		}
		st.subject, st.created, st.authenticated, st.seed = subject, fresh.created, fresh.created, fresh.seed
		st.steps, st.binding = nil, nil
		return nil
	})
	s.renewLocked()
	s.login = true
}

// Destroy ends the session: its record is deleted and the cookie taken back
// (ASVS 7.4.1). No request that is still under way can bring it back. If one has
// renewed it at the same moment, with Renew or StepUp, it ends as well, provided that
// somebody is signed in and the store is a [sessionstore.SubjectIndex].
//
// If the visitor brought several cookies of the name, only the session that Get
// has found ends. The Session is then a new, empty one. What is set afterwards, a message that
// says goodbye, for instance, is saved under a new token.
func (s *Session) Destroy() { s.end(EndDestroyed) }

func (s *Session) end(reason EndReason) {
	s.commitMu.Lock()
	defer s.commitMu.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stored != nil {
		s.doomed = append(s.doomed, doomed{found{ticket: s.ticket, stored: s.stored, state: s.cur}, reason})
	}
	if s.cookie == cookieSet {
		s.cookie = cookieKeep // there is no ticket to hand out any more
	}
	s.ticket, s.stored, s.renew, s.login = presented{}, nil, false, false
	s.followed, s.late, s.ended = false, false, false
	s.cur, s.changes, s.tried, s.err = newState(wallNow()), nil, nil, nil
}

// Commit saves the changes made so far, if any, and reports whether that
// worked. Without it they are saved just before the response header leaves. Use
// it where changes come later than that, in a stream or a WebSocket, or to
// learn of a failure earlier. After a failure the changes are tried again
// before the header leaves; if that fails too, the response is ErrorHandler's.
//
// If the session was ended by another request in the meantime, Commit drops the
// changes and returns [ErrNotFound]. If a cookie is needed, because the session
// is new or was renewed, and the header has left, it returns [ErrHeaderSent]; a
// Destroy is carried out nevertheless. A value that could not be encoded gives
// [ErrEncode], a session over [Options].MaxSize or the store's limit
// [ErrTooLarge]; [ErrInvalid], [ErrUnsupported] and [ErrTooManySessions] are those
// of the methods that name them. Any other error means that the outcome is unknown;
// the changes are kept, and Commit may be called again.
//
// A ctx that is done ends the attempt, and StoreTimeout does so too.
func (s *Session) Commit(ctx context.Context) error {
	if !s.settled() {
		if err := s.commit(ctx); err != nil {
			return err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		return fmt.Errorf("%w: ended by another request", ErrNotFound)
	}
	return nil
}

// ID returns the session's public id. It may be logged and shown, in a list of
// devices, for instance: it gives no access to the session. It stays the same for the
// session's whole life.
func (s *Session) ID() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.cur.idText()
}

// Format implements [fmt.Formatter]: a Session that is printed, or logged, shows its
// id, whatever the verb, and neither ticket nor values.
func (s *Session) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, s.ID()) }

// IsNew reports whether the session is not in the store yet: the visitor brought
// no ticket, or one that is not valid, or the session has just been destroyed.
func (s *Session) IsNew() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.stored == nil
}

// Subject returns whose session it is: what Authenticate was told, or "" if
// nobody is signed in.
func (s *Session) Subject() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.cur.subject
}

// Started returns when the session began, or last authenticated, which is when
// AbsoluteTimeout started to run.
func (s *Session) Started() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.cur.created
}

// Authenticated returns when Authenticate was last called, or the zero time.
func (s *Session) Authenticated() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.cur.authenticated
}

// LastSeen returns when the session was last extended, as the store knew when it
// was loaded or committed: at most [Options].TouchInterval, or a tenth of what
// SetIdleTimeout said, before it was last read. Shortly before AbsoluteTimeout, and
// without an IdleTimeout, it is less exact.
func (s *Session) LastSeen() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stored == nil {
		return s.cur.created
	}
	return s.m.lastSeen(&s.cur, s.stored.expires)
}

// Expires returns when the session ends unless it is used again. It moves when
// the session is committed.
func (s *Session) Expires() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stored == nil {
		return s.m.expires(&s.cur, wallNow())
	}
	return s.stored.expires
}

package session

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"
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
// session was ended in the meantime, the changes are dropped; a login fails.
//
// Values belong to the session and are the same for everybody who holds one of
// its tickets. What a visitor has proved, [Session.Fresh] and [Session.SteppedUp],
// belongs to the ticket. So keep a privilege in a level, not in a value.
type Session struct {
	m *Manager
	x *exchange

	commitMu sync.Mutex // held for a whole commit and while the ticket changes, always taken before mu

	mu       sync.Mutex // never held while a store or the caller's code runs
	ticket   held       // what the request has brought, or has offered; zero if neither
	stored   *stored    // what the store held when last seen; nil: nothing that the ticket is good for
	left     *stored    // the session in which the visitor has acted, until the login that ends it is made
	cur      view       // with changes made
	own      *found     // the session of the one who acts in this one; nil: this is the visitor's own
	changes  []change   // since stored
	wants    wants      // what the next commit has to do besides
	origin   *origin    // what the next commit goes on with, see MoveIn; nil: nothing
	doomed   []doomed   // to be ended at the next commit
	replaced []doomed   // by a login that was saved: to be ended when a ticket of it is handed out
	tried    []attempt  // writes of changes
	before   *before    // what a login that was saved can be taken back to, until its limit is kept
	refused  error      // what the last commit has given up; nil once there is something else to save
	givenUp  int16      // so often commits have given up what was changed
	quiet    bool       // the ticket is not good for its session: nothing is stored unless the visitor signs in
	ended    bool       // somebody else ended the session: nothing is saved
	login    bool       // the request has signed in, and has not been told that this came to nothing
	cookie   cookieAction
	guest    bool      // the visitor has shown another system's session in this request, see MoveIn
	told     bool      // the handler hands the ticket out itself
	watching *watching // nil: nobody has asked for WatchContext
	err      error     // the first change that could not be made
}

// A change is one step from the state that was loaded to the one that is
// saved. It is made again on the newer state after a conflict.
type change func(*view) error

// A cookieAction is what the response header has to tell the browser.
type cookieAction uint8

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

// changeIf makes c and records it if it may be made, and reports whether it was. A panic
// of may leaves the session as it is.
func (s *Session) changeIf(may func(*view) bool, c change) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !may(&s.cur) {
		return false
	}
	s.changeLocked(c)
	return true
}

func (s *Session) changeLocked(c change) {
	if err := c(&s.cur); err != nil {
		s.failLocked(err)
		return
	}
	s.recordLocked(c)
}

// recordLocked notes a change that has been made.
func (s *Session) recordLocked(c change) {
	s.changes, s.refused = append(s.changes, c), nil
	s.x.changed(s)
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

// isApplications reports whether a value is the application's, and not one that another
// package of this module or migrate keeps in the session.
func isApplications(v value) bool { return !strings.HasPrefix(string(v.name), "cloakroom.") }

// Names returns the names of the application's values, sorted.
func (s *Session) Names() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var names []string
	for _, v := range s.cur.values {
		if isApplications(v) {
			names = append(names, string(v.name))
		}
	}
	return names
}

// Clear removes the application's values. The session goes on: its subject, if it has one,
// stays signed in. To sign out use [Session.Destroy].
func (s *Session) Clear() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if slices.ContainsFunc(s.cur.values, isApplications) {
		s.changeLocked(func(v *view) error {
			v.values = slices.DeleteFunc(v.values, isApplications)
			return nil
		})
	}
}

// Destroy ends the session and takes the cookie back (ASVS 7.4.1). No request that is
// still under way can bring the session back, and none of its tickets is good for
// anything. If the visitor has brought several cookies of this name, all sessions end
// that they are good for.
//
// The Session is then a new, empty one. What is set afterwards, a message that says
// goodbye for instance, is saved under a new ticket.
func (s *Session) Destroy() {
	s.end(EndDestroyed, nil)
}

// end dooms the session. If still is not nil, it says whether the reason holds when
// another request has written meanwhile.
func (s *Session) end(reason EndReason, still func(*state) bool) {
	s.commitMu.Lock()
	defer s.commitMu.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.own != nil && reason != EndDestroyed {
		s.leaveLocked(reason)
		return
	}
	s.doomed, s.replaced = append(s.doomed, s.replaced...), nil
	if s.m.store != nil || s.stored != nil {
		switch {
		case s.own != nil:
			f := found{stored: s.stored, own: s.own}
			s.doomed = append(s.doomed, f.doomed(s.ticket, reason)...)
		case s.ticket.token != (token{}) || s.stored != nil:
			s.doomed = append(s.doomed, doomed{ticket: s.ticket, stored: s.stored, reason: reason, still: still})
		}
		if s.left != nil {
			s.doomed = append(s.doomed, doomed{ticket: s.ticket, stored: s.left, reason: reason, acting: true})
		}
		for _, p := range s.x.presented {
			if reason == EndDestroyed && s.m.store != nil && p.token != s.ticket.token {
				s.doomed = append(s.doomed, doomed{ticket: p.held(), reason: reason})
			}
		}
	}
	if reason == EndDestroyed {
		s.endShownLocked()
	}
	if s.cookie == cookieSet {
		s.cookie = cookieKeep // there is no ticket to hand out any more
	}
	s.wants = wants{unset: reason == EndDestroyed && (s.x.brought || s.stored != nil)}
	s.ticket, s.stored, s.own, s.left = held{}, nil, nil, nil
	s.quiet, s.ended, s.login, s.refused = false, false, false, nil
	s.origin, s.guest, s.before = nil, false, nil
	s.cur, s.changes, s.tried, s.err = newView(wallNow()), nil, nil, nil
}

// Commit saves the changes made so far, if any, and reports whether that worked.
// Without it they are saved just before the response header leaves. Use it where
// changes come later than that, in a stream or a WebSocket, or to learn of a failure
// earlier. After a failure the changes are tried again before the header leaves. If that
// fails too, the response is ErrorHandler's.
//
//   - [ErrNotFound]: another request has ended the session, the request's ticket is no
//     longer good for it, or the browser has kept the cookie back because another site
//     has sent the request. The changes are dropped, and the session is empty from then
//     on. See Authenticate, too.
//   - [ErrHeaderSent]: a ticket has to be handed out, but the header has left, or the
//     connection was taken over. A login is not made, and a new session is not stored.
//     Other changes are saved, without the new ticket. If the request's context is done,
//     the same happens, and the error is the context's. A Destroy is carried out in any
//     case.
//   - [ErrRetired]: see [Session.Renew]. The other changes are saved.
//   - [ErrEncode], [ErrDecode]: a value could not be encoded, or [Key.Update] has found
//     one that does not decode. Nothing is saved.
//   - [ErrTooLarge]: the session is over [Options].MaxSize, or the store's limit. Nothing
//     is saved.
//   - [ErrInvalid], [ErrUnsupported], [ErrTooManySessions]: see the methods that name
//     them. Nothing is saved.
//
// Any other error means that the outcome is unknown. The changes are kept, and Commit may
// be called again: it looks whether the record has them. If eight others have written it
// since, nobody can tell. That Commit fails, and drops the changes: the session then shows
// what is stored. After that error, and after those above, there is nothing to try again:
// the next Commit returns the same one, unless something else is to be saved. Commit gives
// up when ctx is done, or after [Options].StoreTimeout.
func (s *Session) Commit(ctx context.Context) error {
	if !s.settled() {
		if err := s.commit(ctx); err != nil {
			return err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		if err := s.ticket.over(s.quiet); errors.Is(err, errKeptBack) {
			return err
		}
		return fmt.Errorf("%w: ended by another request", ErrNotFound)
	}
	return s.refused
}

// ID returns the session's public id, which may be logged and shown, in a list of
// devices for instance. It stays the same for the session's whole life, and gives no
// access to it. If the request's ticket is no longer good for its session, ID returns "".
func (s *Session) ID() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.quiet || s.ended {
		return ""
	}
	return s.cur.idText()
}

// Format implements [fmt.Formatter]: a Session that is printed, or logged, shows its
// public id, whatever the verb, and neither ticket nor values.
func (s *Session) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, s.ID()) }

// IsNew reports whether the visitor has no session yet, so that the first change makes
// one. They have brought no ticket, an invalid one, or one whose session is gone, or the
// session has just been destroyed. It is false if the ticket is no longer good for its
// session: then no change makes one, unless the visitor signs in.
func (s *Session) IsNew() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.stored == nil && !s.quiet
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
	return s.cur.started
}

// Authenticated returns when the visitor last authenticated, as far as the request's
// ticket shows it. If they never did, it returns the zero time.
func (s *Session) Authenticated() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.cur.authenticated
}

// LastSeen returns when the session was last extended, as far as the store knew when it
// was loaded or committed. That is at most [Options].TouchInterval, or a tenth of what
// SetIdleTimeout said, before it was last read. Shortly before AbsoluteTimeout, and
// without an IdleTimeout, it is less exact.
func (s *Session) LastSeen() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stored == nil {
		return s.cur.started
	}
	return s.m.lastSeen(&s.cur.state, s.stored.expires)
}

// Expires returns when the session expires unless it is used again. It moves when the
// session is committed or reloaded. A request to which [Options].Passive applies does not
// move it, however often it asks.
func (s *Session) Expires() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stored == nil {
		return s.m.endOf(&s.cur.rights, wallNow())
	}
	end := earlier(s.cur.endedBy(s.ticket, s.stored.expires), s.m.endOf(&s.cur.rights, wallNow()))
	if s.own != nil {
		end = earlier(end, s.own.view.endedBy(s.ticket, s.own.stored.expires))
	}
	return end
}

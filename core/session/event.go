package session

import (
	"context"
	"errors"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// An Event is something that has happened to a session. It names the session by
// its public id: neither the event nor its error gives access to it.
type Event struct {
	Kind    EventKind
	ID      string    // see [Session.ID]; "" if the session is not known
	Subject string    // whose session it is, "" for nobody's
	Actor   string    // who acts in it, if not its subject, see [Session.Impersonate]
	Reason  EndReason // of EventEnded
	Err     error     // of EventStoreError
}

// An EventKind says what has happened.
type EventKind int

// The kinds of events.
const (
	EventCreated       EventKind = iota + 1 // a visitor's session was stored for the first time
	EventOffered                            // a response hands out a new ticket for it
	EventSeen                               // the visitor has presented that ticket; older ones are retired
	EventReused                             // a retired ticket was presented after its grace: a copy, perhaps
	EventAuthenticated                      // its visitor has proved to be Subject; the response hands out a new ticket
	EventEnded                              // it was ended before its time, see EndReason
	EventConflict                           // another request had written; the changes are made again on top
	EventImpersonated                       // Actor acts as Subject from now on, in this session
	EventStoreError                         // the store could not answer, or has found damage, or the outcome is unknown
)

var eventNames = [...]string{
	EventCreated:       "created",
	EventOffered:       "offered",
	EventSeen:          "seen",
	EventReused:        "retired ticket presented",
	EventAuthenticated: "authenticated",
	EventEnded:         "ended",
	EventConflict:      "conflict",
	EventImpersonated:  "impersonated",
	EventStoreError:    "store error",
}

// String returns the kind in words.
func (k EventKind) String() string {
	if k <= 0 || int(k) >= len(eventNames) {
		return "unknown"
	}
	return eventNames[k]
}

// An EndReason says why a session was ended before its time. A session that expires is
// no event, because nobody is there to notice.
type EndReason string

// The reasons for which sessions end.
const (
	EndDestroyed   EndReason = "destroyed"           // by Session.Destroy
	EndRevoked     EndReason = "revoked"             // from another session, or by an administrator
	EndEvicted     EndReason = "evicted"             // its subject has signed in elsewhere, too often
	EndBinding     EndReason = "binding mismatch"    // it came from another browser or network
	EndCredentials EndReason = "credentials changed" // its authentication hash is out of date
	EndReplaced    EndReason = "replaced"            // its visitor has signed in as somebody else
	EndStopped     EndReason = "impersonation over"  // by Session.StopImpersonating
)

// isFinal reports whether nothing may bring a session back that has ended so, not even what it
// has come from. A limit or a binding says nothing of the visitor's will.
func (why EndReason) isFinal() bool {
	return why == EndDestroyed || why == EndRevoked || why == EndCredentials
}

// emit tells Options.OnEvent. No lock of a session is held. Whoever is told must
// not get at the session through ctx: it would wait for itself.
func (m *Manager) emit(ctx context.Context, events ...Event) {
	if m.opts.OnEvent == nil || len(events) == 0 {
		return
	}
	ctx = context.WithValue(ctx, exchangeKey{m}, nil)
	for _, e := range events {
		m.opts.OnEvent(ctx, e)
	}
}

// over returns the event of a stored session's end.
func (s *stored) over(why EndReason) Event {
	return Event{Kind: EventEnded, ID: s.idText(), Subject: s.subject, Actor: s.actor, Reason: why}
}

// tellError tells of an error of the store's, if it is a failure and no answer, and
// returns it.
func (m *Manager) tellError(ctx context.Context, err error) error {
	if err != nil && isFailure(err) && !errors.Is(err, context.Canceled) {
		m.emit(ctx, Event{Kind: EventStoreError, Err: err})
	}
	return err
}

// isFailure reports whether a store's error is a failure, or damage, and no answer.
func isFailure(err error) bool {
	return !sessionstore.Certain(err) || errors.Is(err, sessionstore.ErrCorrupt)
}

// event returns an event about the session that st is the state of.
func (st *state) event(kind EventKind) Event {
	return Event{Kind: kind, ID: st.idText(), Subject: st.subject, Actor: st.actor}
}

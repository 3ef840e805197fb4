package dbsc

import "context"

// An Event is something that has happened to a session that is bound, or is to be. It
// names the session by its public id. Neither the event nor its error gives access to it.
type Event struct {
	Kind    EventKind
	ID      string // see [session.Session.ID]; "" if the session is not known
	Subject string // whose session it is, "" for nobody's
	Err     error  // of EventProofRefused
}

// An EventKind says what has happened.
type EventKind int

// The kinds of events.
const (
	EventBound          EventKind = iota + 1 // the browser has proved that it has the key: from now on the login needs it
	EventRefreshed                           // the browser has proved that it has the key; the response hands out a new cookie
	EventProofRefused                        // a proof was not accepted, for the reason in Err
	EventRequestRefused                      // a bound session came without its cookie: a copy, perhaps
)

var eventNames = [...]string{
	EventBound:          "bound",
	EventRefreshed:      "refreshed",
	EventProofRefused:   "proof rejected",
	EventRequestRefused: "bound session without its cookie refused",
}

// String returns the kind in words.
func (k EventKind) String() string {
	if k <= 0 || int(k) >= len(eventNames) {
		return "unknown"
	}
	return eventNames[k]
}

func (b *Binder) emit(ctx context.Context, l *login, kind EventKind, err error) {
	if b.opts.OnEvent != nil {
		b.opts.OnEvent(ctx, Event{Kind: kind, ID: l.id(), Subject: l.subject(), Err: err})
	}
}

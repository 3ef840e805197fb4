package migrate

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"time"

	"github.com/cloakroom-go/cloakroom/core/session"
)

// Options say which visitors a [Reception] lets in, and with what.
type Options struct {
	// Sources are where visitors may come from; there must be one. They are asked in
	// this order.
	Sources []Source

	// Subject returns who is signed in to an old session: what Session.Authenticate is
	// told. "" means that nobody is; an error refuses the session, because the account
	// is disabled, for instance. It must be set.
	Subject func(old Legacy) (string, error)

	// Values moves what is worth keeping from an old session into the new one, see [Move].
	// It also runs for a visitor who has a session here already, and has signed in
	// over there. If it fails, the old session is refused, and nothing that it has set
	// stays. The same goes where the old session has been let in before: the visitor finds
	// that one as it is. nil moves nothing.
	Values func(old Legacy, s *session.Session) error

	// Until is when the old sessions end: from then on they are not read any more. The
	// zero time means never.
	Until time.Time

	// KeepOldCookie leaves the old cookie and its record as they are, for as long as the
	// other application needs them, too. A logout that calls Session.Destroy alone is undone
	// by the old cookie ten minutes later: call [Reception.End] before.
	KeepOldCookie bool

	// OnEvent is told what becomes of old sessions, to see when the last ones have
	// gone. It is called by the goroutine of the request, possibly by several at
	// once. nil means that nobody is told.
	OnEvent func(context.Context, Event)

	// Logger receives why an old session was refused, and what goes wrong. nil means
	// slog.Default at the time of logging.
	Logger *slog.Logger
}

// An Event is something that has happened to an old session. Nothing in it gives
// access to a session.
type Event struct {
	Kind    EventKind
	Source  string // which one: its type and its cookie's name, such as "migrate.Flask session"
	Subject string // who was signed in, of EventReceived
	Err     error  // why not, of EventRefused and EventFailed
}

// An EventKind says what has happened.
type EventKind int

// The kinds of events.
const (
	EventReceived EventKind = iota + 1 // a visitor came with an old session, and has one of ours now
	EventRefused                       // what the visitor has brought is no session any more
	EventFailed                        // a record could not be read or deleted, or ours not saved
)

// String returns the kind in a word.
func (k EventKind) String() string {
	names := [...]string{EventReceived: "received", EventRefused: "refused", EventFailed: "failed"}
	if k <= 0 || int(k) >= len(names) {
		return "unknown"
	}
	return names[k]
}

// check returns an error that says what to do if an option can't work.
func (o *Options) check() error {
	if len(o.Sources) == 0 {
		return errors.New("migrate: Options.Sources is empty: name where visitors come from")
	}
	if o.Subject == nil {
		return errors.New("migrate: Options.Subject is not set: say who is signed in to an old session")
	}
	for i, source := range o.Sources {
		if s, ok := source.(interface{ check() error }); ok {
			if err := s.check(); err != nil {
				return fmt.Errorf("migrate: Options.Sources[%d], %s: %w", i, reflect.TypeOf(source).Name(), err)
			}
		}
	}
	return nil
}

// checkKeys returns an error unless there is a key, and none is empty: what an
// empty one signs, anybody can sign.
func checkKeys(keys []string) error {
	if len(keys) == 0 {
		return errors.New("set Keys, with the key that signs first")
	}
	return checkNoneEmpty(keys)
}

func checkNoneEmpty[K ~string | ~[]byte](keys []K) error {
	for i, key := range keys {
		if len(key) == 0 {
			return fmt.Errorf("Keys[%d] is empty", i) //nolint:staticcheck // it is the name of a field
		}
	}
	return nil
}

func checkRecords(r Records) error {
	if r == nil {
		return errors.New("set Records, to Redis(client, redis.Nil), for instance")
	}
	return nil
}

func (f Flask) check() error     { return checkKeys(f.Keys) }
func (s Starlette) check() error { return checkKeys(s.Keys) }

func (f FlaskSession) check() error {
	return errors.Join(checkNoneEmpty(f.Keys), checkRecords(f.Records))
}

func (f FastSession) check() error { return errors.Join(checkKeys(f.Keys), checkRecords(f.Records)) }

func (e Express) check() error { return errors.Join(checkKeys(e.Keys), checkRecords(e.Records)) }

func (s Starsessions) check() error {
	if s.Records != nil {
		return nil
	}
	return checkKeys(s.Keys)
}

func (s SCS) check() error {
	if s.Store == nil {
		return errors.New("set Store to the SessionManager's")
	}
	return nil
}

func (g Gorilla) check() error {
	switch {
	case g.Cookie.Name == "":
		return errors.New("set Cookie.Name to the name of the session")
	case len(g.Keys) == 0:
		return errors.New("set Keys to the key pairs of the store")
	case g.Records != nil && g.Dir != "":
		return errors.New("set Dir or Records, not both")
	}
	for i := 0; i < len(g.Keys); i += 2 {
		if len(g.Keys[i]) == 0 {
			return fmt.Errorf("Keys[%d] is empty; keys come in pairs, and the second is for encryption", i) //nolint:staticcheck // a field
		}
	}
	return nil
}

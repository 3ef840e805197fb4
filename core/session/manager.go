package session

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync/atomic"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// A Store keeps sessions: records, each under an id. An application constructs one
// and hands it to [New]; package sessionstore documents it for those who write one.
type Store = sessionstore.Store

// A Manager brings sessions to requests and back into the store. [New] or [NewCookieOnly]
// makes it. It is safe for concurrent use. An application usually has one; several work side by side,
// also on one request, if their cookies, or header fields, have different names.
type Manager struct {
	store     Store // nil: the session travels in its ticket
	opts      Options
	purpose   string       // what a ticket's signature, or seal, is good for
	carrier   any          // the carrierKey of its cookie, or header field
	plainHTTP *atomic.Bool // it was said that browsers drop the cookie
	attrs     string       // of its cookie, where it goes when the browser is closed
	form      uint32       // tells tickets that were made with another key or cookie
	watcher   *watcher     // of Session.WatchContext
	withheld  *withheld
}

// New returns a Manager that keeps sessions in store. It returns an error that
// says what to do if store is nil or an option can't work.
//
// The Manager does not close the store.
func New(store Store, o Options) (*Manager, error) {
	if isNil(store) {
		return nil, errors.New("session: New: store is nil; memstore.New makes one in memory, NewCookieOnly does without")
	}
	o, err := withDefaults(o)
	if err != nil {
		return nil, err
	}
	if err := o.checkStore(store); err != nil {
		return nil, err
	}
	m := &Manager{
		store: store, opts: o, purpose: o.carrier(), form: o.form(),
		plainHTTP: new(atomic.Bool), watcher: new(watcher), withheld: new(withheld),
	}
	m.carrier, m.attrs = o.carrierKey(), o.Cookie.attributes(0)
	if n := len(m.ticket(&token{})); n > maxTicketLen {
		return nil, fmt.Errorf("session: Options.Signer makes tickets of %d bytes, at most %d are accepted", n, maxTicketLen)
	}
	return m, nil
}

// Get returns the session of a request that came through [Manager.Handler]. The first
// call loads it from the store, and later ones return the same. A visitor who brings no
// ticket, a forged one, or one whose session is gone gets a new, empty session. Nothing
// of it is stored until it is changed.
//
// An error means that the store could not answer, never that there is no session: hand
// it to [Manager.Fail]. If the request did not come through Handler, the error is
// [ErrNoSession]. If [Options].Skip has taken the request out, it is [ErrSkipped]. If
// another Manager of the request has the same cookie, it is [ErrInvalid].
func (m *Manager) Get(r *http.Request) (*Session, error) {
	return m.FromContext(r.Context())
}

// FromContext is [Manager.Get] for code that has a request's context only. If ctx is
// done before the store has answered, the next call asks again.
func (m *Manager) FromContext(ctx context.Context) (*Session, error) {
	x, ok := ctx.Value(exchangeKey{m}).(*exchange)
	switch {
	case !ok:
		return nil, ErrNoSession
	case x.skipped:
		return nil, ErrSkipped
	case x.rival:
		return nil, fmt.Errorf("%w: another Manager of this request has the same %s", ErrInvalid, m.opts.carrier())
	default:
		return x.session(ctx)
	}
}

func (m *Manager) log() *slog.Logger {
	if m.opts.Logger != nil {
		return m.opts.Logger
	}
	return slog.Default()
}

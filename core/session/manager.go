package session

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// A Store keeps sessions: records, each under an id. An application constructs one
// and hands it to [New]; package sessionstore documents it for those who write one.
type Store = sessionstore.Store

// A Manager brings sessions to requests and back into the store. It is safe for
// concurrent use. An application usually has one; several work side by side,
// also on one request, if their cookies, or header fields, have different names.
type Manager struct {
	store   Store // nil: the session travels in its ticket
	opts    Options
	purpose string // what a ticket's signature, or seal, is good for
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
	m := &Manager{store: store, opts: o, purpose: o.carrier()}
	if n := len(m.ticket(&token{})); n > maxTicketLen {
		return nil, fmt.Errorf("session: Options.Signer makes tickets of %d bytes, at most %d are accepted", n, maxTicketLen)
	}
	return m, nil
}

// Get returns the session of a request that came through [Manager.Handler]. The
// first call loads it from the store; later ones return the same. A visitor who
// brings no ticket, a forged one or one whose session has ended gets a new,
// empty session, of which nothing is stored until it is changed.
//
// An error means that the store could not answer, never that there is no
// session: hand it to [Manager.Fail]. If the request did not come through
// Handler, it is [ErrNoSession], if [Options].Skip has taken it out,
// [ErrSkipped].
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
	default:
		return x.session(ctx)
	}
}

// find returns the session of the first presented ticket that is good for one,
// or a new one.
func (m *Manager) find(ctx context.Context, x *exchange) (*Session, error) {
	s := &Session{m: m, x: x}
	forged := 0
	defer func() { m.logForged(ctx, forged) }()
	for _, p := range m.presented(ctx, x.r) {
		f, err := m.load(ctx, p)
		switch {
		case errors.Is(err, errForged):
			forged++
			continue
		case errors.Is(err, ErrNotFound):
			continue
		case err != nil:
			if !errors.Is(err, context.Canceled) { // else the client went away
				m.emit(ctx, Event{Kind: EventStoreError, Err: err})
			}
			return nil, err
		case !m.opts.Binding.matches(x.r, f.state.publicID[:], f.state.binding):
			m.log().WarnContext(ctx, "session: not the browser or network that it is bound to, ended", "session", f.state.idText())
			s.doomed = append(s.doomed, doomed{f, EndBinding})
			continue
		}
		s.ticket, s.stored, s.cur = f.ticket, f.stored, f.state
		s.followed = f.ticket.token != p.token // the answer that handed out the new one may not have arrived
		return s, nil
	}
	s.cur = newState(wallNow())
	return s, nil
}

// A found session is what load returns: under which ticket it lives, what the
// store has, and what that means.
type found struct {
	ticket presented
	stored *stored
	state  state
	late   bool // by an old ticket that is no longer good for it
}

// load returns the live session that p is the ticket of. It judges expiry to the
// nanosecond, on top of what the store does with its own clock and precision. If
// the session was renewed a short while ago, it follows to the new ticket.
func (m *Manager) load(ctx context.Context, p presented) (found, error) {
	if m.store == nil {
		return m.open(p)
	}
	return m.follow(ctx, p, false)
}

// reload is load for a request that has its session already. However slow it is,
// it finds the session again for as long as the tombstones of renewals last.
func (m *Manager) reload(ctx context.Context, p presented) (found, error) {
	return m.follow(ctx, p, true)
}

func (m *Manager) follow(ctx context.Context, p presented, underWay bool) (found, error) {
	late := false
	for range maxRenewals {
		id := p.token.id()
		r, err := m.store.Load(ctx, id)
		if err != nil {
			return found{}, fmt.Errorf("session: loading: %w", err)
		}
		st, err := m.decode(id, r)
		if err != nil && !errors.Is(err, sessionstore.ErrCorrupt) {
			return found{}, err
		}
		if err != nil {
			// The store vouches for the record. What is in it will not get better,
			// so that the visitor must not be locked out by it.
			m.log().WarnContext(ctx, "session: record does not decode, treated as absent", "error", err)
			return found{}, fmt.Errorf("%w: undecodable", ErrNotFound)
		}
		if st.ended {
			next, ok := m.successor(&p.token, &st)
			inGrace := wallNow().Before(st.graceUntil)
			if !ok || !inGrace && !underWay {
				break
			}
			p, late = next, late || !inGrace
			continue
		}
		if !m.live(&st, r.Expires) {
			break
		}
		return found{p, st.stored(id, r.Version, r.Expires), st, late}, nil
	}
	return found{}, fmt.Errorf("%w: expired or ended", ErrNotFound)
}

// decode undoes encode. An error wraps ErrCorrupt, unless the Sealer could not
// answer.
func (m *Manager) decode(id string, r sessionstore.Record) (state, error) {
	if m.opts.Sealer != nil {
		data, err := m.opts.Sealer.Open(sealPurpose(id, r.Subject), r.Data)
		if err != nil {
			return state{}, fmt.Errorf("session: opening: %w", err)
		}
		r.Data = data
	}
	return decodeState(r)
}

// encode returns what is kept of st in the record under id.
func (m *Manager) encode(id string, st *state) ([]byte, error) {
	data := st.encode()
	if m.opts.Sealer == nil {
		return data, nil
	}
	sealed, err := m.opts.Sealer.Seal(sealPurpose(id, st.subject), data)
	if err != nil {
		return nil, fmt.Errorf("session: sealing: %w", err)
	}
	return sealed, nil
}

// sealPurpose binds sealed data to its record: it does not open under another
// id, or as another subject's.
func sealPurpose(id, subject string) string { return "session " + id + " " + subject }

// record returns the record that keeps st under id from now on.
func (m *Manager) record(id string, st *state) (sessionstore.Record, error) {
	data, err := m.encode(id, st)
	if err != nil {
		return sessionstore.Record{}, err
	}
	if len(data) > m.opts.MaxSize {
		return sessionstore.Record{}, fmt.Errorf("%w: %d bytes, Options.MaxSize is %d", ErrTooLarge, len(data), m.opts.MaxSize)
	}
	now := wallNow()
	expires := m.expires(st, now)
	if !now.Before(expires) {
		return sessionstore.Record{}, errPast
	}
	return sessionstore.Record{Data: data, Subject: st.subject, Expires: expires, Version: sessionstore.NewVersion()}, nil
}

func (m *Manager) log() *slog.Logger {
	if m.opts.Logger != nil {
		return m.opts.Logger
	}
	return slog.Default()
}

// wallNow returns the time without the monotonic clock: expiry has to be right
// in other processes and after a suspended machine wakes up.
func wallNow() time.Time { return time.Now().Round(0).UTC() }

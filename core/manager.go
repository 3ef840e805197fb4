package session

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"
)

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

// FromContext is [Manager.Get] for code that has a request's context only.
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
		case !m.opts.Binding.matches(x.r, f.state.handle[:], f.state.binding):
			m.log().WarnContext(ctx, "session: not the browser or network that it is bound to, ended", "session", f.state.handleText())
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
}

// load returns the live session that p is the ticket of. It judges expiry to the
// nanosecond, on top of what the store does with its own clock and precision. If
// the session was renewed a short while ago, it follows to the new ticket.
func (m *Manager) load(ctx context.Context, p presented) (found, error) {
	if m.store == nil {
		return m.open(p)
	}
	for range maxRenewals {
		id := p.token.id()
		r, err := m.store.Load(ctx, id)
		if err != nil {
			return found{}, fmt.Errorf("session: loading: %w", err)
		}
		st, err := m.decode(id, r)
		if err != nil {
			// The store vouches for the record. What is in it will not get better,
			// so that the visitor must not be locked out by it.
			m.log().WarnContext(ctx, "session: record does not decode, treated as absent", "error", err)
			return found{}, fmt.Errorf("%w: undecodable", ErrNotFound)
		}
		if st.ended {
			next, ok := m.successor(&p.token, &st)
			if !ok {
				break
			}
			p = next
			continue
		}
		if !m.live(&st, r.Expires) {
			break
		}
		return found{p, &stored{id, r.Version, r.Expires}, st}, nil
	}
	return found{}, fmt.Errorf("%w: expired or ended", ErrNotFound)
}

// live reports whether a session has neither expired nor ended.
func (m *Manager) live(st *state, expires time.Time) bool {
	now := wallNow()
	return !st.ended && now.Before(expires) && now.Before(m.deadline(st))
}

// decode undoes encode.
func (m *Manager) decode(id string, r Record) (state, error) {
	if m.opts.Sealer != nil {
		data, err := m.opts.Sealer.Open(sealPurpose(id), r.Data)
		if err != nil {
			return state{}, fmt.Errorf("%w: sealed under no key that is known, or not at all", ErrCorrupt)
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
	sealed, err := m.opts.Sealer.Seal(sealPurpose(id), data)
	if err != nil {
		return nil, fmt.Errorf("session: sealing: %w", err)
	}
	return sealed, nil
}

// sealPurpose binds sealed data to its record: it does not open under another
// id.
func sealPurpose(id string) string { return "session " + id }

// record returns the record that keeps st under id from now on.
func (m *Manager) record(id string, st *state) (Record, error) {
	data, err := m.encode(id, st)
	if err != nil {
		return Record{}, err
	}
	if len(data) > m.opts.MaxSize {
		return Record{}, fmt.Errorf("%w: %d bytes, Options.MaxSize is %d", ErrTooLarge, len(data), m.opts.MaxSize)
	}
	now := wallNow()
	expires := m.expires(st, now)
	if !now.Before(expires) {
		return Record{}, errEnded
	}
	return Record{Data: data, Subject: st.subject, Expires: expires, Version: newVersion()}, nil
}

// expires returns when a session that is used at now ends.
func (m *Manager) expires(st *state, now time.Time) time.Time {
	deadline := m.deadline(st)
	if m.idle(st) == NoTimeout {
		return deadline
	}
	if idle := now.Add(m.idle(st)); idle.Before(deadline) {
		return idle
	}
	return deadline
}

// idle returns the session's idle timeout.
func (m *Manager) idle(st *state) time.Duration {
	if st.idle != 0 {
		return st.idle
	}
	return m.opts.IdleTimeout
}

// touchDue reports whether using the session now moves its expiry far enough to
// be worth a write.
func (m *Manager) touchDue(st *state, stored *stored) bool {
	interval := m.opts.TouchInterval
	switch {
	case m.idle(st) == NoTimeout:
		return false
	case st.idle != 0:
		interval = st.idle / touchFraction
	}
	return m.expires(st, wallNow()).Sub(stored.expires) >= interval
}

// renewDue reports whether the token has been in use for RenewEvery.
func (m *Manager) renewDue(st *state) bool {
	if m.opts.RenewEvery == 0 {
		return false
	}
	since := st.issued
	if since.IsZero() {
		since = st.created
	}
	return wallNow().Sub(since) >= m.opts.RenewEvery
}

// deadline returns when a session ends however much it is used.
func (m *Manager) deadline(st *state) time.Time {
	deadline := maxExpires
	if m.opts.AbsoluteTimeout != NoTimeout {
		deadline = earlier(deadline, st.created.Add(m.opts.AbsoluteTimeout))
	}
	if !st.deadline.IsZero() {
		deadline = earlier(deadline, st.deadline)
	}
	return deadline
}

// lastSeen returns when a session that expires then was last extended. The idle
// timeout may have been changed since.
func (m *Manager) lastSeen(st *state, expires time.Time) time.Time {
	if m.idle(st) == NoTimeout {
		return st.created
	}
	if seen := expires.Add(-m.idle(st)); seen.After(st.created) {
		return earlier(seen, wallNow())
	}
	return st.created
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

// RunPruner calls [Prune] on the manager's store about once in every, the first
// time after a tenth of it, until ctx is done, and returns ctx's error then.
// Failures are logged and tried again the next time. Pauses vary at random, so
// that the processes of one deployment spread out.
//
// If the store is no [Pruner], RunPruner returns [ErrUnsupported] at once: the
// backend removes what has expired by itself, and there is nothing to do.
func (m *Manager) RunPruner(ctx context.Context, every time.Duration) error {
	if every <= 0 {
		return fmt.Errorf("%w: RunPruner every %v", ErrInvalid, every)
	}
	p, ok := m.store.(Pruner)
	if !ok {
		return fmt.Errorf("%w: %T is no Pruner", ErrUnsupported, m.store)
	}
	for pause := jitter(every / 5); ; pause = every - every/10 + jitter(every/5) {
		if err := sleep(ctx, pause); err != nil {
			return err
		}
		n, err := p.Prune(ctx)
		if err != nil && ctx.Err() == nil {
			m.log().ErrorContext(ctx, "session: pruning failed", "pruned", n, "error", err)
			continue
		}
		m.log().DebugContext(ctx, "session: pruned", "pruned", n)
	}
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

// backOff waits before a commit is tried again, longer each time.
func backOff(ctx context.Context, attempt int) error {
	const first, limit = time.Millisecond, 128 * time.Millisecond
	return sleep(ctx, jitter(min(limit, first<<min(attempt, 7))))
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// jitter returns a random duration from 0 up to limit.
func jitter(limit time.Duration) time.Duration {
	var b [8]byte
	_, _ = rand.Read(b[:])
	return time.Duration(binary.BigEndian.Uint64(b[:]) % uint64(limit+1)) //nolint:gosec // limit is positive
}

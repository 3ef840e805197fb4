package session

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"time"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// underWay is the grace for requests that had their session before its ticket was
// retired: they keep it, however slow they are.
const underWay = time.Duration(math.MaxInt64)

// stored says what is known of a session's record.
type stored struct {
	id       string
	version  sessionstore.Version
	expires  time.Time
	publicID publicID
	subject  string
	actor    string
	replaces string
	origins  origins
	tickets  []entry // never changed
}

// stored returns what is known of a record that keeps st.
func (st *state) stored(id string, r sessionstore.Record) *stored {
	return &stored{id, r.Version, r.Expires, st.id, st.subject, st.actor, st.replaces, st.origins, st.tickets}
}

// A held ticket is the one that a request's changes are made with.
type held struct {
	presented

	hash     ticketHash
	standing standing
	offered  bool // by this request: the visitor has not got it yet
	doubted  bool // the request is refused: who has sent it may have copied the ticket
}

// held returns p as it is presented. What it is good for is not known yet.
func (p *presented) held() held { return held{presented: *p, hash: p.token.hash()} }

// A found record is what the store has under a ticket's id, and what the ticket is
// good for. If there is no record, it is zero.
type found struct {
	stored  *stored
	at      time.Time // when the store had answered
	view    view
	verdict verdict
	own     *found // the session of the one who acts in this one, or whose impersonation is over
}

// joins reports whether signing in as subject leads into the session although the
// ticket is no longer good for it.
func (f *found) joins(subject string) bool {
	switch f.verdict.reason {
	case isEnded, isUnreadable:
		return false
	case isUnlisted:
		return f.view.subject == subject && f.view.mayHaveListed()
	default:
		return f.stored != nil && f.view.subject == subject
	}
}

// endable reports whether the ticket is good for ending the session: also one from
// before a login whose answer has not arrived, for the visitor holds no other.
func (f *found) endable() bool {
	switch f.verdict.reason {
	case isFromBefore:
		return !f.view.loginSeen()
	case isUnreadable:
		return true
	default:
		return f.verdict.standing >= retired
	}
}

// judge notes what the ticket with this hash is good for.
func (f *found) judge(m *Manager, hash ticketHash, grace time.Duration) {
	f.verdict = f.view.judge(hash, m.times(f.at, grace))
	f.view.rights = f.verdict.rights
}

// times are those of a verdict at now.
func (m *Manager) times(now time.Time, grace time.Duration) times {
	return times{now: now, grace: grace, absolute: m.opts.AbsoluteTimeout}
}

// load finds the session that t is a ticket of. An error says that the store could not
// answer, and leaves f empty. A found session takes too much room to be handed on.
func (f *found) load(ctx context.Context, m *Manager, t *held, grace time.Duration) error {
	if m.store == nil {
		return f.open(m, &t.presented)
	}
	if err := f.loadRecord(ctx, m, t.token.id()); err != nil || f.stored == nil || f.verdict.reason == isUnreadable {
		return err
	}
	f.judge(m, t.hash, grace)
	if e := f.view.entry(t.hash); e != nil && e.acts() {
		return f.loadActing(ctx, m, e, grace)
	}
	return nil
}

// loadRecord finds what the store has under an id; if there is no record, nothing. It
// judges expiry to the nanosecond, on top of what the store does with its own clock and
// precision.
func (f *found) loadRecord(ctx context.Context, m *Manager, id string) error {
	*f = found{}
	r, err := m.store.Load(ctx, id)
	at := wallNow()
	switch {
	case errors.Is(err, ErrNotFound):
		return nil
	case err != nil:
		return fmt.Errorf("session: loading: %w", err)
	case !at.Before(r.Expires):
		return nil
	}
	err = m.decode(id, r, &f.view.state)
	switch {
	case errors.Is(err, sessionstore.ErrCorrupt):
		// The store vouches for the record: it was sealed under a key that this process
		// lacks, perhaps. It is not replaced; but its visitor must not be locked out by
		// it, and may sign in or out.
		m.log().WarnContext(ctx, "session: record does not decode, nothing is stored for its visitor", "error", err)
		*f = found{stored: &stored{id: id, subject: r.Subject}, verdict: verdict{standing: quiet, reason: isUnreadable}}
		return nil
	case err != nil:
		*f = found{}
		return err
	}
	f.at, f.stored = at, f.view.stored(id, r)
	return nil
}

// find returns the session of the first ticket that is good for one, with the newest of its
// tickets, or else of the first that is retired. If there is neither, the first quiet one
// decides; otherwise the session is new.
func (m *Manager) find(ctx context.Context, x *exchange) (*Session, error) {
	s := &Session{m: m, x: x}
	forged := 0
	var reused []state
	defer func() {
		m.logForged(ctx, forged)
		m.tellReused(ctx, reused, s)
	}()
	x.presented, x.brought = m.presented(ctx, x)
	var next *candidate // if no ticket is good
	for i := range x.presented {
		t := x.presented[i].held()
		var f found
		err := f.loadNewest(ctx, m, x.presented, &t)
		switch {
		case errors.Is(err, errForged):
			forged++
			continue
		case err != nil:
			if !errors.Is(err, context.Canceled) { // else the client went away
				m.emit(ctx, Event{Kind: EventStoreError, Err: err})
			}
			return nil, err
		}
		t.standing = f.verdict.standing
		switch {
		case t.standing < retired:
			reused = f.noteReuse(reused)
		case !m.bound(x.r, f.proper()):
			m.logOf(&f.view.state).WarnContext(ctx, "session: not the browser or network that it is bound to, ended",
				"session", f.view.idText())
			s.doomed = append(s.doomed, f.doomed(t, EndBinding)...)
			continue
		case t.standing == good:
			s.ticket, s.stored, s.cur, s.own = t, f.stored, f.view, f.own
			return s, nil
		}
		if f.stored != nil && (next == nil || next.ticket.standing < t.standing) {
			next = &candidate{f, t}
		}
	}
	if next != nil && next.ticket.standing == retired {
		s.ticket, s.stored, s.cur, s.own = next.ticket, next.stored, next.view, next.own
		return s, nil
	}
	s.cur = newView(wallNow())
	switch {
	case next == nil:
		s.quiet = len(s.doomed) == 0 && !x.brought && m.keptBack(x.r)
	case next.ticket.standing == quiet:
		s.quiet, s.own = true, next.own
		s.cur.seed = next.seed(&next.ticket.token)
		s.ticket = next.ticket
	default:
		s.ticket = next.ticket
	}
	return s, nil
}

// loadNewest finds what t is good for. If that is a session, t becomes the one, of all in
// the request that are good for it, that was offered last: a browser that was given a cookie
// with another Path or Domain keeps the old one beside it, and may send that first.
func (f *found) loadNewest(ctx context.Context, m *Manager, all []presented, t *held) error {
	err := f.load(ctx, m, t, m.opts.RenewGrace)
	if err != nil || f.verdict.standing != good || len(all) == 1 {
		return err
	}
	for i := range all {
		other := all[i].held()
		if m.store != nil && m.offered(f, other.hash) <= m.offered(f, t.hash) {
			continue // another session's, or older
		}
		var g found
		switch err := g.load(ctx, m, &other, m.opts.RenewGrace); {
		case errors.Is(err, errForged):
		case err != nil:
			return err
		case g.verdict.standing == good && g.proper().id == f.proper().id && m.offered(&g, other.hash) > m.offered(f, t.hash):
			*t, *f = other, g
		}
	}
	return nil
}

// offered returns the number of a ticket's offer, 0 if the session does not list it.
func (m *Manager) offered(f *found, hash ticketHash) uint64 {
	switch e := f.proper().entry(hash); {
	case m.store == nil:
		return f.view.count // of a session that travels in it
	case e == nil:
		return 0
	default:
		return e.offered
	}
}

// A candidate is a session that the request may have.
type candidate struct {
	found

	ticket held
}

// bound reports whether a session may be used by the browser and from the network that
// r has come from.
func (m *Manager) bound(r *http.Request, v *view) bool {
	if !m.opts.Binding.enabled() {
		return true
	}
	salt := v.id
	return m.opts.Binding.matches(r, salt[:], v.binding)
}

// seed returns what a quiet ticket's secrets derive from: what they did while it was
// good, so that a form that is sent twice verifies, or what only its holder has.
func (f *found) seed(t *token) [seedLen]byte {
	if seed := f.verdict.rights.seed; seed != [seedLen]byte{} {
		return seed
	}
	return t.seed()
}

// proper returns the session of the visitor's own.
func (f *found) proper() *view {
	if f.own != nil {
		return &f.own.view
	}
	return &f.view
}

// doomed returns what ends with the session: also the visitor's own, if they act in it.
func (f *found) doomed(t held, why EndReason) []doomed {
	if f.own == nil {
		return []doomed{{ticket: t, stored: f.stored, reason: why}}
	}
	both := []doomed{{ticket: t, stored: f.own.stored, reason: why, own: true}}
	if f.stored != nil {
		both = append(both, doomed{ticket: t, stored: f.stored, reason: why, acting: true})
	}
	return both
}

// noteReuse adds the session to those of which a ticket is presented after its grace.
func (f *found) noteReuse(reused []state) []state {
	if f.verdict.reason == isRetired && f.verdict.standing == quiet {
		reused = append(reused, f.view.state)
	}
	return reused
}

// tellReused tells of tickets that are presented after they were retired and their grace
// is over: copies of them, perhaps. Nothing ends: the answer that brought the next
// one may have been the thief's to drop. Who presents the next one as well has it: a browser
// that keeps two cookies, for another Path or Domain, sends the old one with every request.
func (m *Manager) tellReused(ctx context.Context, reused []state, s *Session) {
	for i := range reused {
		if st := &reused[i]; s.ticket.standing != good || st.id != s.cur.id && (s.own == nil || st.id != s.own.view.id) {
			m.log().WarnContext(ctx, "session: retired ticket presented after its grace", "session", st.idText())
			m.emit(ctx, st.event(EventReused))
		}
	}
}

// decode undoes encode, into an empty state. An error wraps ErrCorrupt, unless the
// Sealer could not answer.
func (m *Manager) decode(id string, r sessionstore.Record, st *state) error {
	if m.opts.Sealer != nil {
		data, err := m.opts.Sealer.Open(sealPurpose(id, r.Subject), r.Data)
		if err != nil {
			return fmt.Errorf("session: opening: %w", err)
		}
		r.Data = data
	}
	return st.decode(r)
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

// wallNow returns the time without the monotonic clock: expiry has to be right
// in other processes and after a suspended machine wakes up.
func wallNow() time.Time { return time.Now().Round(0).UTC() }

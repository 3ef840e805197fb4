package session

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"time"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// An Info describes one of a subject's live sessions, in a list of devices, for
// instance. It gives no access to the session. Values are read with [Key.From].
type Info struct {
	ID            string    // see [Session.ID]; [Manager.End] takes it
	Subject       string    // whose session it is
	Actor         string    // who acts in it, if not its subject; see [Session.Actor]
	Started       time.Time // see [Session.Started], of the latest login
	Authenticated time.Time // see [Session.Authenticated], of the latest login
	LastSeen      time.Time // see [Session.LastSeen]
	Expires       time.Time // see [Session.Expires]

	m  *Manager
	st *state // a pointer, so that an Info that is printed shows no values
}

// From returns the value in a session that [Manager.List] has listed, and whether there
// is one. A value that doesn't decode into T counts as none.
func (k Key[T]) From(i Info) (T, bool) {
	var v T
	if i.st == nil {
		return v, false
	}
	data, ok := i.st.get(k.name)
	if !ok || i.m.opts.Codec.Unmarshal(data, &v) != nil {
		var zero T
		return zero, false
	}
	return v, true
}

// Values iterates over the names of the session's values, sorted, and the values as
// [Options].Codec has encoded them: as JSON, unless it is set. They must not be changed.
func (i Info) Values() iter.Seq2[string, []byte] {
	return func(yield func(string, []byte) bool) {
		if i.st == nil {
			return
		}
		for _, v := range i.st.values {
			if !yield(string(v.name), v.data) {
				return
			}
		}
	}
}

// Flashes returns the messages that the visitor has not seen yet, oldest first. It takes
// none: [Session.Flashes] does.
func (i Info) Flashes() []Flash {
	if i.st == nil {
		return nil
	}
	return slices.Clone(i.st.flashes)
}

// HadVersion reports whether version is that of one of the last eight writes of the session's
// record, the present one included: to tell which of two copies of a session is newer.
func (i Info) HadVersion(version sessionstore.Version) bool {
	return i.st != nil && version != 0 && i.st.wrote(version)
}

// Describe describes the session in a record that [sessionstore.Scan] has yielded,
// anonymous ones among them: to search all sessions. A record of a session that has
// ended gives [ErrNotFound], one that can't be decoded [sessionstore.ErrCorrupt]. The
// Info keeps parts of the record's Data.
func (m *Manager) Describe(e sessionstore.Entry) (Info, error) {
	var st state
	if err := m.decode(e.ID, e.Record, &st); err != nil {
		return Info{}, err
	}
	f, live := m.live(e, st)
	if !live {
		return Info{}, fmt.Errorf("%w: the session has ended", ErrNotFound)
	}
	return m.info(f), nil
}

// live returns the session in a record, and whether it is live.
func (m *Manager) live(e sessionstore.Entry, st state) (*found, bool) {
	f := &found{stored: st.stored(e.ID, e.Record), view: view{state: st}}
	now := wallNow()
	return f, !st.ended && now.Before(e.Record.Expires) && !m.over(&f.view, now)
}

// info describes a live session.
func (m *Manager) info(f *found) Info {
	st := &f.view.state
	return Info{
		ID: st.idText(), Subject: st.subject, Actor: st.actor, Started: st.newestStart(), Authenticated: st.lastLogin(),
		LastSeen: m.lastSeen(st, f.stored.expires), Expires: f.stored.expires, m: m, st: st,
	}
}

// List returns the live sessions of a subject, the one that was used last first
// (ASVS 7.5.2). It is complete: every session whose Authenticate had been
// committed before the call is in it, if it is still live.
//
// If the store is no [sessionstore.SubjectIndex], List returns [ErrUnsupported]. A
// subject that [sessionstore.CheckSubject] refuses gives [ErrInvalid]. List waits
// for the store no longer than [Options].StoreTimeout.
func (m *Manager) List(ctx context.Context, subject string) ([]Info, error) {
	ctx, cancel := context.WithTimeout(ctx, m.opts.StoreTimeout)
	defer cancel()
	live, err := m.entries(ctx, subject)
	if err != nil {
		return nil, m.tellError(ctx, err)
	}
	var list []Info
	for _, f := range readable(live) {
		list = append(list, m.info(f))
	}
	slices.SortFunc(list, func(a, b Info) int {
		return cmp.Or(b.LastSeen.Compare(a.LastSeen), cmp.Compare(a.ID, b.ID))
	})
	return list, nil
}

// End ends the session of a subject that has this public id: the visitor signs a
// device out, or an administrator does. If the subject has no such session, it
// returns [ErrNotFound]; other errors are as for [Manager.List]. Any other error
// means that the session may be live still.
func (m *Manager) End(ctx context.Context, subject, id string) error {
	n, err := m.EndIf(ctx, subject, func(i Info) bool { return i.ID == id })
	if err == nil && n == 0 {
		return fmt.Errorf("%w: subject has no session with this id", ErrNotFound)
	}
	return err
}

// EndIf ends those of a subject's sessions for which match returns true, and reports
// how many: those with an identity provider's sid in a value, for instance (OpenID
// Connect Back-Channel Logout 1.0). It is no error if none matches. Every session whose
// Authenticate had been committed before the call is looked at. Errors are as for
// [Manager.List].
func (m *Manager) EndIf(ctx context.Context, subject string, match func(Info) bool) (int, error) {
	return m.endIf(ctx, subject, func(f *found) bool { return f.verdict.reason != isUnreadable && match(m.info(f)) })
}

func (m *Manager) endIf(ctx context.Context, subject string, match func(*found) bool) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, m.opts.StoreTimeout)
	defer cancel()
	all, err := m.entries(ctx, subject)
	if err != nil {
		return 0, m.tellError(ctx, err)
	}
	return m.endEach(ctx, all, match)
}

// endEach ends those of some sessions that match.
func (m *Manager) endEach(ctx context.Context, all []*found, match func(*found) bool) (int, error) {
	n := 0
	for _, f := range all {
		if !match(f) {
			continue
		}
		if err := m.remove(ctx, f.stored.id); err != nil {
			return n, m.tellError(ctx, err)
		}
		n++
		m.emit(ctx, f.stored.over(EndRevoked))
	}
	return n, nil
}

// EndOthers ends all other sessions of the session's subject, when the password
// has changed, for instance (ASVS 7.4.3), and reports how many. The session itself
// stays. Sessions that this process can't read, because it lacks the Sealer's key, end
// as well. If nobody is signed in, EndOthers returns [ErrInvalid]. If the session has
// ended, it returns [ErrNotFound]. Other errors are as for [Manager.List]. After
// Authenticate in the same request it commits the login first, and may return what
// [Session.Commit] does.
func (s *Session) EndOthers(ctx context.Context) (int, error) {
	if s.signingIn() { // only then it is known which session it is
		if err := s.Commit(ctx); err != nil {
			return 0, err
		}
	}
	if err := s.gone(); err != nil {
		return 0, err
	}
	s.mu.Lock()
	subject, id := s.cur.subject, s.cur.id
	s.mu.Unlock()
	if subject == "" {
		return 0, fmt.Errorf("%w: EndOthers, and nobody is signed in", ErrInvalid)
	}
	ctx, cancel := context.WithTimeout(ctx, s.m.opts.StoreTimeout)
	defer cancel()
	all, err := s.m.entries(ctx, subject)
	if err != nil {
		return 0, s.m.tellError(ctx, err)
	}
	if !includes(all, id) { // it has ended, unless the list is damaged
		if err := s.reload(ctx, underWay); err != nil {
			return 0, err
		}
	}
	return s.m.endEach(ctx, all, func(f *found) bool { return f.view.id != id })
}

// EndSubject ends all sessions of a subject, when the account is disabled, for
// instance (ASVS 7.4.2, 7.4.5), and reports how many. Every session whose
// Authenticate had been committed before the call is over when it returns without
// an error. Errors are as for [Manager.List].
func (m *Manager) EndSubject(ctx context.Context, subject string) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, m.opts.StoreTimeout)
	defer cancel()
	live, err := m.entries(ctx, subject)
	if err != nil {
		return 0, m.tellError(ctx, err)
	}
	n, err := sessionstore.DeleteSubject(ctx, m.store, subject)
	if err != nil {
		return n, m.tellError(ctx, fmt.Errorf("session: ending: %w", err))
	}
	for _, f := range live {
		m.emit(ctx, f.stored.over(EndRevoked))
	}
	return n, nil
}

// EndEverybody ends all sessions, of all subjects and of nobody (ASVS 7.4.5), and reports
// how many. Every session whose first commit had returned before the call is over when it
// returns without an error. OnEvent is not told of each.
//
// It goes on for as long as ctx allows, and gives up when the store ends none within two
// minutes; call it again then. If the store is no [sessionstore.AllDeleter], EndEverybody returns
// [ErrUnsupported]; new Keys end everybody's sessions, too.
func (m *Manager) EndEverybody(ctx context.Context) (int, error) {
	if m.store == nil {
		return 0, fmt.Errorf("%w: sessions that travel in their cookies; new Keys end them", ErrUnsupported)
	}
	total := 0
	for limit := m.opts.StoreTimeout; ; limit = min(2*limit, maxStoreTimeout) {
		n, err := m.endSome(ctx, limit)
		total += n
		if err == nil {
			return total, nil
		}
		if n == 0 && limit >= endPatience || ctx.Err() != nil || !errors.Is(err, context.DeadlineExceeded) {
			return total, m.tellError(ctx, fmt.Errorf("session: ending: %w", err))
		}
	}
}

// endPatience is how long a store may take to end a session while EndEverybody waits for all. A
// store begins anew with each call, and may have to look at much else first: at what other
// applications keep in the same Redis, for instance. So each call is given twice the time
// of the one before, or none would come to the end.
const endPatience = 2 * time.Minute

func (m *Manager) endSome(ctx context.Context, limit time.Duration) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	return sessionstore.DeleteAll(ctx, m.store)
}

// entries returns the records of a subject's live sessions, also those that can't be
// decoded here. A damaged one is nobody's: it does not stand in the way of the others.
func (m *Manager) entries(ctx context.Context, subject string) ([]*found, error) {
	if m.store == nil {
		return nil, fmt.Errorf("%w: a session that travels in its cookie is in no list", ErrUnsupported)
	}
	list, err := sessionstore.ListSubject(ctx, m.store, subject)
	if errors.Is(err, sessionstore.ErrCorrupt) {
		m.log().WarnContext(ctx, "session: a subject's list is damaged", "error", err)
		m.emit(ctx, Event{Kind: EventStoreError, Subject: subject, Err: err})
		err = nil
	}
	if err != nil {
		return nil, fmt.Errorf("session: listing: %w", err)
	}
	live := make([]*found, 0, len(list))
	for _, e := range list {
		var st state
		err := m.decode(e.ID, e.Record, &st)
		if err != nil && !errors.Is(err, sessionstore.ErrCorrupt) {
			return nil, err
		}
		if err != nil {
			m.log().WarnContext(ctx, "session: record does not decode, left out of the list", "error", err)
			unreadable := &stored{id: e.ID, subject: subject}
			live = append(live, &found{stored: unreadable, verdict: verdict{reason: isUnreadable}})
			continue
		}
		f, ok := m.live(e, st)
		if ok && st.actor != "" {
			if ok, err = m.actorLives(ctx, e.ID, &st); err != nil {
				return nil, err
			}
		}
		if ok {
			live = append(live, f)
		}
	}
	return live, nil
}

// readable leaves out the sessions that can't be decoded here.
func readable(all []*found) []*found {
	return slices.DeleteFunc(all, func(f *found) bool { return f.verdict.reason == isUnreadable })
}

// counted leaves out what does not count for a limit either: the sessions in which
// somebody else acts.
func counted(all []*found) []*found {
	return slices.DeleteFunc(readable(all), func(f *found) bool { return f.view.actor != "" })
}

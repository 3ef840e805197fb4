package session

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// A commit is one attempt to bring a session's changes into the store. It
// works on copies, so that the session stays usable and no lock is held while
// the store, or a function that was given to Update, runs.
//
// It is large, and lies on the stack: a write costs a tenth less for it. So no pointer into
// it goes to a function whose code the compiler doesn't know: a change gets a copy of view.
type commit struct {
	s       *Session
	m       *Manager
	ticket  held
	stored  *stored // the record that view was made from; nil: none
	view    view
	changes []change // to be made, after
	done    int      // so many that were found to be saved already
	wants   wants
	doomed  []doomed
	tried   []attempt
	quiet   bool
	err     error // the first change that could not be made

	login    bool     // the request has signed in, see Session.login
	replaced []doomed // see Session.replaced
	before   *before  // see Session.before
	idle     bool     // the changes had nothing to do when they were made again
	own      *found   // see Session.own
	back     bool     // it works on the visitor's own session, though the ticket leads to another
	left     *stored  // see Session.left
	origin   *origin  // see Session.origin
	guest    bool     // see Session.guest
	acting   *acting  // what the ticket that is offered leads to; nil: no other session

	// Results.
	ended    bool  // somebody else has ended the session
	found    bool  // an earlier attempt has landed, and view is on top of it
	saved    bool  // view is what the store holds
	notMoved error // why no ticket was offered although the handler asked for it
	refused  error // why what the handler asked for is given up; what is left of it is in view
	givenUp  bool  // and so is all else
	cookie   cookieAction
	events   []Event
}

// wants are what a session's next commit has to do besides making the changes.
type wants struct {
	offers int    // offer a new ticket, asked for so often
	login  string // and because this subject has authenticated
	logins int    // so often
	limit  bool   // see to it that the subject has no more than MaxSessions
	hand   bool   // hand out the ticket that was offered, once all else is done
	unset  bool   // have the browser forget its cookie
}

// settle takes over what is left to do after an attempt that has landed. What was asked for
// since then is still wanted.
func (w *wants) settle(a *attempt) {
	if a.left.hand && w.offers == a.wants.offers {
		w.offers = 0
	}
	if w.logins == a.wants.logins {
		w.login, w.logins = "", 0
	}
	w.limit, w.hand = w.limit || a.left.limit, w.hand || a.left.hand
}

// An attempt is a write whose outcome is unknown, with as many of the session's
// changes in it, and with what it would have had the visitor hold.
type attempt struct {
	old      sessionstore.Version // that it was to replace; 0: none
	version  sessionstore.Version
	refused  bool // as a conflict, or because it is there, which may be its own doing where a driver repeats writes
	changes  int
	wants    wants // what was wanted
	ticket   held
	left     wants    // to do if it has landed
	replaced []doomed // to be ended then, once all else is done
	before   *before  // what it can be taken back to then
	events   []Event  // to be told if it has landed
}

// errEnded says that the session has ended meanwhile, most often by another
// request, and errPast that it is by a deadline that the store does not know yet.
var (
	errEnded = fmt.Errorf("%w: ended meanwhile", ErrNotFound)
	errPast  = fmt.Errorf("%w: its time is over", errEnded)
)

// errKeptBack says that the visitor may have a session, and that the request is without
// it: see Manager.keptBack.
var errKeptBack = fmt.Errorf("%w: another site's request, for which the browser keeps the cookie back; redirect", ErrNotFound)

// errLoginEnded answers a login that has ended before its ticket left: by newer ones
// that have taken its place, for instance.
var errLoginEnded = fmt.Errorf("%w: the login has ended already", ErrNotFound)

// over says why nothing is stored for a request with this ticket.
func (t *held) over(isQuiet bool) error {
	if isQuiet && t.hash == (ticketHash{}) { // it has brought none
		return errKeptBack
	}
	return errEnded
}

// commit saves what there is to save. That the session was ended meanwhile is
// not an error here: it is noted in s.ended, and the changes are dropped. But a login
// that comes to nothing fails: its visitor would be told that they are signed in.
func (s *Session) commit(ctx context.Context) error {
	events, err := s.attempt(ctx)
	s.m.emit(ctx, events...)
	return err
}

// lock takes commitMu, or gives up as Commit does: another goroutine's commit may wait for
// a store that hangs, and in a function that was given to Update a commit waits for itself.
func (s *Session) lock(ctx context.Context) error {
	if s.commitMu.TryLock() {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, s.m.opts.StoreTimeout)
	defer cancel()
	locked := make(chan struct{})
	go func() {
		s.commitMu.Lock()
		select {
		case locked <- struct{}{}:
		case <-ctx.Done():
			s.commitMu.Unlock()
		}
	}()
	select {
	case <-locked:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("session: another commit of this request is under way: %w", ctx.Err())
	}
}

func (s *Session) attempt(ctx context.Context) ([]Event, error) {
	if err := s.lock(ctx); err != nil {
		return nil, err
	}
	defer s.commitMu.Unlock()
	c := s.begin()
	bounded := s.m.storeContext(ctx)
	defer bounded.Release()
	err := c.bringHome(bounded) //nolint:contextcheck // it is ctx, bounded
	s.finish(&c, err)
	return c.events, err
}

// bringHome runs the commit, and says what its end means to the request.
func (c *commit) bringHome(ctx context.Context) error {
	err := c.run(ctx)
	if errors.Is(err, errPast) {
		err = c.expire(ctx, err)
	}
	switch {
	case errors.Is(err, errKeptBack):
		c.m.log().InfoContext(ctx, "session: the browser keeps the cookie back from another site's request, changes dropped")
		c.ended, err = true, nil
	case errors.Is(err, errEnded):
		c.m.logOf(&c.view.state).InfoContext(ctx, "session: ended meanwhile, changes dropped", "session", c.view.idText())
		c.ended, err = true, nil
	case errors.Is(err, errUnknown):
		c.tellError(err)
		err = c.reject(ctx, err)
	case errors.Is(err, ErrTooManySessions), c.wants.login != "" && (errors.Is(err, ErrHeaderSent) || errors.Is(err, errGone)):
		err = c.reject(ctx, err)
	case err == nil:
		err, c.refused = c.notMoved, c.notMoved
	}
	if err == nil && c.ended && c.login {
		err, c.refused = errLoginEnded, errLoginEnded
	}
	if err != nil && c.refused == nil && !isRefusal(err) {
		c.tellError(err)
	}
	return err
}

// isRefusal reports whether an error is this package's own word and no failure of the
// store.
func isRefusal(err error) bool {
	for _, refusal := range []error{
		ErrEncode, ErrDecode, ErrHeaderSent, ErrRetired, ErrSignedOut, errGone, errFull, errOver, errUndecided,
	} {
		if errors.Is(err, refusal) {
			return true
		}
	}
	return false
}

// begin copies what the commit works on.
func (s *Session) begin() commit {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := commit{
		s: s, m: s.m, ticket: s.ticket, stored: s.stored, view: s.cur.clone(), changes: s.changes, wants: s.wants,
		doomed: s.doomed, replaced: s.replaced, tried: s.tried, quiet: s.quiet, ended: s.ended, login: s.login, err: s.err,
		own: s.own, left: s.left, origin: s.origin, guest: s.guest, before: s.before,
	}
	s.origin = nil
	c.bind()
	return c
}

// bind ties a session to the browser that it is first written for.
func (c *commit) bind() {
	if c.m.opts.Binding.enabled() && c.view.binding == nil {
		salt := c.view.id
		c.view.binding = c.m.opts.Binding.of(c.s.x.r, salt[:])
	}
}

// event notes what is to be told when no lock is held any more.
func (c *commit) event(e Event) {
	if c.m.opts.OnEvent != nil {
		c.events = append(c.events, e)
	}
}

// tellError notes a failure of the store's. An answer is none, nor is it that a
// client went away.
func (c *commit) tellError(err error) {
	told := slices.ContainsFunc(c.events, func(e Event) bool { return e.Kind == EventStoreError }) // of the same outage
	if isFailure(err) && !errors.Is(err, context.Canceled) && !told {
		e := c.view.event(EventStoreError)
		e.Err = err
		c.event(e)
	}
}

// run brings the session into the store. A write that meets another's is made
// again on what that has left.
func (c *commit) run(ctx context.Context) error {
	if c.m.store == nil {
		return c.seal(ctx)
	}
	if err := c.end(ctx, &c.doomed); err != nil {
		return err
	}
	if c.err != nil {
		return c.err
	}
	if err := c.prepare(ctx); err != nil {
		return err
	}
	for attempt := 0; ; attempt++ {
		err := c.write(ctx)
		switch {
		case err == nil:
			c.saved = c.saved || c.done > 0 // by a write that was found to have landed
			return c.complete(ctx)
		case !errors.Is(err, sessionstore.ErrConflict) && !errors.Is(err, sessionstore.ErrExists):
			return err
		}
		c.event(c.view.event(EventConflict))
		if err := backOff(ctx, attempt); err != nil {
			return fmt.Errorf("session: %w after %d attempts: %w", sessionstore.ErrConflict, attempt+1, err)
		}
		if err := c.rebase(ctx); err != nil {
			return err
		}
	}
}

// complete does what has to be done before a new ticket may be handed out. If it
// can't be, the next commit tries again.
func (c *commit) complete(ctx context.Context) error {
	if c.origin != nil && c.origin.joins {
		if err := c.lookBack(ctx); err != nil {
			return err
		}
	}
	if c.wants.limit {
		if err := c.keepLimit(ctx); err != nil {
			return err
		}
		c.wants.limit = false
	}
	c.keepOwn(ctx)
	if !c.wants.hand {
		return nil
	}
	return c.handOver(ctx)
}

// handOver has the header hand out the ticket. Just before that ends what a login replaces:
// a visitor who gets no ticket goes on with what they have.
func (c *commit) handOver(ctx context.Context) error {
	if err := c.s.x.answerable(); err != nil {
		c.notMoved, c.wants.hand = err, false
		return nil //nolint:nilerr // bringHome returns it, and the rest is saved
	}
	if err := c.end(ctx, &c.replaced); err != nil {
		return err
	}
	c.cookie, c.wants.hand = cookieSet, false
	return nil
}

// prepare does what comes before the first write.
func (c *commit) prepare(ctx context.Context) error {
	if err := c.look(ctx); err != nil {
		return err
	}
	if c.origin != nil {
		return c.goOn(ctx)
	}
	if c.wants.login != "" && (c.stored == nil || c.ended) && c.ticket.token != (token{}) {
		return c.rebase(ctx) // the session that the ticket is no longer good for can be joined
	}
	if !c.m.opts.RefuseNew && c.view.unseen(c.ticket) && c.view.entry(c.ticket.hash).login {
		return c.keepLimit(ctx) // the process that wrote the login may not have come to it
	}
	return nil
}

// look loads the record again if many writes have failed. So a stream that commits while the
// store is down has no more of them to remember.
func (c *commit) look(ctx context.Context) error {
	if len(c.tried) < maxWrites || c.stored == nil {
		return nil
	}
	return c.rebase(ctx)
}

// write makes one attempt.
func (c *commit) write(ctx context.Context) error {
	switch {
	case c.ended && c.wants.login == "": // what is stored is others'
		return errEnded
	case c.stored != nil && !c.view.replaced:
		return c.update(ctx)
	case c.wants.login == "" && c.quiet && len(c.changes) > 0:
		return c.dropped(ctx)
	case c.view.empty(): // one that holds nothing is not worth a record
		return nil
	default:
		return c.create(ctx)
	}
}

// backOff waits before something is tried again. Pauses stay short however often
// that was: whoever waits long finds the others always ahead.
func backOff(ctx context.Context, attempt int) error {
	const first = time.Millisecond
	return sleep(ctx, jitter(first<<min(attempt, 4)))
}

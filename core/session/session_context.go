package session

import (
	"context"
	"time"
)

// WatchContext returns the request's context, which is also done when the session has ended or
// its time is over, for a stream or a WebSocket that only listens. [context.Cause] says
// why: [ErrNotFound] then, and [ErrRetired] if the visitor's browser has a newer ticket and
// the grace of the request's own is over. What ends the request is its own cause.
//
// One goroutine of the Manager looks after all requests that ask for it: it asks the
// store about each of their tickets once in [Options].WatchEvery, and when its time should
// be over, one after the other. So a timeout is noticed at once, and an end within
// WatchEvery, unless there are more tickets than Loads fit into it. If the store is a
// [sessionstore.Watcher], a second goroutine listens to it, and an end is noticed at once,
// too. A failure of the store ends nothing, and is logged. The goroutines end with the last
// of the requests.
//
// Asking does not extend the session. A session that travels in its cookie ends with its
// time only, and one that is not stored yet has no end. So call it when the request
// has committed what it begins with. If it signs in, gets another ticket, or acts as
// somebody else, a later call returns another context.
func (s *Session) WatchContext() context.Context {
	s.mu.Lock()
	defer s.mu.Unlock()
	gone := s.ended || s.quiet
	if s.stored == nil && !gone {
		return s.x.r.Context()
	}
	of := learns{ticket: s.ticket.token}
	if s.stored != nil {
		of.record = s.stored.id
		if s.m.store == nil {
			of.ends = s.stored.expires
		}
	}
	if s.watching != nil && s.watching.learns == of {
		return s.watching.ctx
	}
	ctx, cancel := context.WithCancelCause(s.x.r.Context())
	s.watching = &watching{of, ctx}
	switch {
	case gone:
		cancel(ErrNotFound)
	case s.m.store == nil:
		s.endInTime(ctx, cancel)
	default:
		s.m.watcher.watch(ctx, cancel, s.m, s.ticket.presented, s.stored.id)
	}
	return ctx
}

// endInTime cancels a context when the session's time is over, which the request may move
// until its header leaves.
func (s *Session) endInTime(ctx context.Context, cancel context.CancelCauseFunc) {
	id := s.cur.id
	var timer *time.Timer
	timer = time.AfterFunc(time.Until(s.stored.expires), func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.stored != nil && s.stored.publicID == id && wallNow().Before(s.stored.expires) {
			timer.Reset(time.Until(s.stored.expires))
			return
		}
		cancel(ErrNotFound)
	})
	context.AfterFunc(ctx, func() { timer.Stop() })
}

// watching is what WatchContext has returned.
type watching struct {
	learns learns
	ctx    context.Context //nolint:containedctx // it is the handler's, not ours
}

// learns says of what a context learns: of the end of this session, by this ticket.
type learns struct {
	ticket token
	record string    // the id
	ends   time.Time // of a session that travels in its cookie
}

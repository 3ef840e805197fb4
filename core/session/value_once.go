package session

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"slices"
	"time"
)

// Once returns the value if it is good. Otherwise f makes a new one from the old, and
// one of many requests of the session does so, in whatever process: the others wait and
// get its result. A refresh token, for instance, is redeemed once although all requests
// of a page find that the access token has expired.
//
// The request that runs f notes this in the session, and commits it with all that it has
// changed so far. When f returns, its result is committed at once. f runs for
// [Options].OnceTimeout at most: then its context is done. Its context is not done when
// the visitor goes away, because others wait for the result. A request whose process has
// died holds up no other for longer than OnceTimeout either: then the next runs f.
//
//   - If f fails, Once returns its error, and one of those who wait runs its own f next.
//     If f panics, the same happens, and Once panics.
//   - If f returns after its time, another request may have run f as well. A good value
//     that is there by then stays, and Once returns that.
//   - If f succeeds and its result can't be saved, Once returns the result with the error
//     of [Session.Commit]: [ErrNotFound] if the session has ended meanwhile. Where the
//     outcome is unknown, the result is saved again before the response header leaves.
//     If the process dies before that, the result is lost, and f runs again: what f does
//     elsewhere can be found to have been done before.
//   - If ctx is done while Once waits, it returns ctx's error.
//   - If the request's ticket is no longer good for the session, the error is ErrNotFound
//     or [ErrRetired]. A stored value that does not decode is left, and the error is
//     [ErrDecode]. In a session that travels in its cookie, Once is [ErrUnsupported].
//
// A session that is not stored yet is no other request's: f runs, and the session is
// stored with the result. good must depend on nothing but its argument and the time, and
// must not use the session. f may use it, but not call Once for the same key.
func (k Key[T]) Once(
	ctx context.Context, s *Session, good func(T) bool, f func(ctx context.Context, old T) (T, error),
) (T, error) {
	var none T
	if s.m.store == nil {
		return none, fmt.Errorf("%w: Once in a session that travels in its cookie", ErrUnsupported)
	}
	isGood := func(data []byte) bool {
		var v T
		return data != nil && s.m.opts.Codec.Unmarshal(data, &v) == nil && good(v)
	}
	t := turn{name: k.name, holder: newHolder(), limit: s.m.opts.OnceTimeout}
	for waited := 0; ; waited++ {
		data, _ := s.value(k.name)
		v, ok := k.decode(s, data) //nolint:contextcheck // it logs with the request's own
		switch {
		case data != nil && !ok:
			return none, fmt.Errorf("%w: %q as %T; Set or Delete replaces it", ErrDecode, k.name, v)
		case ok && good(v):
			return v, nil
		}
		within, err := t.take(ctx, s, isGood)
		switch {
		case err != nil:
			return none, err
		case !within.IsZero():
			return k.produce(ctx, within, s, &t, isGood, f)
		}
		if err := t.wait(ctx, s, waited); err != nil {
			return none, err
		}
	}
}

// produce has f make the value, and saves it.
func (k Key[T]) produce(
	ctx context.Context, within time.Time, s *Session, t *turn, isGood func([]byte) bool, f func(context.Context, T) (T, error),
) (T, error) {
	var none T
	bounded, cancel := context.WithDeadline(context.WithoutCancel(ctx), within)
	defer cancel()
	returned := false
	defer func() { // f may panic, or end its goroutine
		if !returned {
			_ = t.giveUp(ctx, s) // tried again before the header leaves; a lease ends by itself
		}
	}()
	v, err := f(bounded, k.Get(s))
	var data []byte
	if err == nil {
		data, err = k.encode(s, v)
	}
	returned = true
	if err != nil {
		_ = t.giveUp(ctx, s)
		return none, err
	}
	s.change(func(view *view) error {
		if old, _ := view.get(k.name); view.lease(k.name).holder == t.holder || !isGood(old) {
			view.set(k.name, data)
		}
		view.release(k.name, t.holder)
		return nil
	})
	if err := s.Commit(context.WithoutCancel(ctx)); err != nil {
		return v, err
	}
	return k.Get(s), nil
}

// A lease says that a request is making the value under a name.
type lease struct {
	name        string
	holder      uint64
	from, until time.Time // by its holder's clock
}

// leaseMemory is how long after its end a lease is heeded by somebody who sees it for
// the first time: clocks may differ by as much.
const leaseMemory = lostAfter / 2

// A turn is a request's attempt to be the one that makes a value.
type turn struct {
	name   string
	holder uint64
	limit  time.Duration

	// Whose turn it is, and since when that is known. Clocks differ, so the time of
	// another's lease is measured by the clock of the one who waits.
	other uint64
	since time.Time
}

func newHolder() uint64 {
	var b [8]byte
	_, _ = rand.Read(b[:])
	return binary.BigEndian.Uint64(b[:]) | 1 // 0 is nobody
}

// take takes the turn, unless it is another's or somebody has had it, and returns until
// when it lasts. The zero time says that it has not.
func (t *turn) take(ctx context.Context, s *Session, isGood func([]byte) bool) (time.Time, error) {
	now := time.Now()
	seen := *t // changes may be made again by another goroutine
	mayTake := func(v *view) bool {
		data, _ := v.get(seen.name)
		return !isGood(data) && seen.free(v.lease(seen.name), now)
	}
	claim := func(v *view) error {
		if mayTake(v) {
			wall := now.Round(0).UTC()
			v.hold(lease{seen.name, seen.holder, wall, wall.Add(seen.limit)})
		} else {
			v.idle++
		}
		return nil
	}
	if !s.changeIf(mayTake, claim) {
		return time.Time{}, nil
	}
	if err := s.Commit(ctx); err != nil {
		t.release(s) // the outcome may be unknown
		return time.Time{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cur.lease(t.name).holder != t.holder {
		return time.Time{}, nil
	}
	return now.Add(t.limit), nil
}

// free reports whether nobody holds a lease any more: for as long as it lasts, this
// request has seen it, or it was over long ago.
func (t *turn) free(l lease, now time.Time) bool {
	return l.holder == 0 || l.holder == t.holder ||
		l.holder == t.other && now.Sub(t.since) >= l.until.Sub(l.from) ||
		now.Sub(l.until) > leaseMemory
}

// wait waits a moment, and looks what the others have done.
func (t *turn) wait(ctx context.Context, s *Session, waited int) error {
	const first = 20 * time.Millisecond
	s.mu.Lock()
	if l := s.cur.lease(t.name); l.holder != t.other {
		t.other, t.since = l.holder, time.Now()
	}
	s.mu.Unlock()
	pause := first << min(waited, 4)
	if err := sleep(ctx, pause/2+jitter(pause/2)); err != nil {
		return err
	}
	return s.reload(ctx, s.m.opts.RenewGrace) // what the request may read, it may wait for
}

// giveUp lets the next one try.
func (t *turn) giveUp(ctx context.Context, s *Session) error {
	t.release(s)
	return s.Commit(context.WithoutCancel(ctx))
}

func (t *turn) release(s *Session) {
	name, holder := t.name, t.holder
	s.change(func(v *view) error {
		v.release(name, holder)
		return nil
	})
}

// lease returns who is making the value under a name: the zero lease if nobody is.
func (st *state) lease(name string) lease {
	for _, l := range st.leases {
		if l.name == name {
			return l
		}
	}
	return lease{}
}

// hold notes a lease in the place of the last one for its name, and drops those that a
// crash has left.
func (st *state) hold(l lease) {
	st.leases = slices.DeleteFunc(st.leases, func(o lease) bool {
		return o.name == l.name || l.from.Sub(o.until) > leaseMemory
	})
	st.leases = append(st.leases, l)
}

func (st *state) release(name string, holder uint64) {
	st.leases = slices.DeleteFunc(st.leases, func(l lease) bool { return l.name == name && l.holder == holder })
}

package main

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"sync"
	"time"
)

// errWrong says that login and password don't match, and not which of them is
// wrong.
var errWrong = errors.New("wrong login or password")

// tooManyError says that there were too many wrong passwords.
type tooManyError struct{ wait time.Duration }

func (e tooManyError) Error() string { return fmt.Sprintf("too many attempts, wait %v", e.wait) }

// A guard checks passwords: ten wrong ones at once and then one in half a minute, for a
// login that somebody tries at the sign-in page, and for a session that is asked for its
// password again. A right one costs nothing.
//
// So whoever guesses all the time keeps a login's owner from signing in, but not from what
// they are signed in for. A shop that minds gives browsers that have signed in before a
// number of tries of their own (OWASP Authentication Cheat Sheet, device cookies).
type guard struct {
	accounts *accounts
	tries    *throttle
}

func newGuard(a *accounts) *guard { return &guard{a, newThrottle(10, 30*time.Second)} }

// check returns the account of that login and password. It returns errWrong, a
// tooManyError, or the context's error. inside is for who is signed in already; see
// visit.inside. It is "" at the sign-in page.
func (g *guard) check(ctx context.Context, inside, login, password string) (account, error) {
	key := "login " + login
	if inside != "" {
		key = "inside " + inside
	}
	// Taken before, and given back after: guesses at the same moment don't get past.
	if wait := g.tries.take(key); wait > 0 {
		return account{}, tooManyError{wait}
	}
	a, ok, err := g.accounts.verify(ctx, login, password)
	if ok || err != nil {
		g.tries.give(key)
	}
	switch {
	case err != nil:
		return account{}, err
	case !ok:
		return account{}, errWrong
	}
	return a, nil
}

// A throttle lets each key through a few times at once, and then once in a while.
// It is safe for concurrent use.
//
// Its memory is bounded, whatever names guests come up with: keys share a fixed
// number of slots. Two keys in one slot share its budget; which ones do is
// different in each process.
type throttle struct {
	every time.Duration // between two, in the long run
	burst int           // at once
	seed  maphash.Seed

	mu    sync.Mutex
	slots [4096]time.Time // when all that was taken will have been earned again
}

func newThrottle(burst int, every time.Duration) *throttle {
	return &throttle{every: every, burst: burst, seed: maphash.MakeSeed()}
}

// take takes one from key's budget and returns 0, or returns how long to wait
// until there is one.
func (t *throttle) take(key string) time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	now, slot := time.Now(), t.slot(key)
	if slot.Before(now) {
		*slot = now
	}
	if wait := slot.Add(t.every).Sub(now) - time.Duration(t.burst)*t.every; wait > 0 {
		return wait
	}
	*slot = slot.Add(t.every)
	return 0
}

// give gives back what was taken.
func (t *throttle) give(key string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	slot := t.slot(key)
	*slot = slot.Add(-t.every)
}

func (t *throttle) slot(key string) *time.Time {
	return &t.slots[maphash.String(t.seed, key)%uint64(len(t.slots))]
}

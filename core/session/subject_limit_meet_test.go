package session_test

import (
	"context"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cloakroom-go/cloakroom/core/session"
)

// An encounter is of a visitor's login as ann and of another request with the same anonymous
// session. There is one place, which the phone may take.
type encounter struct {
	e        *env
	v, phone *visitor
	other    *visitor
}

func newEncounter(t *testing.T) *encounter {
	t.Helper()
	e, _ := newIndexedEnv(t, refusing(1))
	m := &encounter{e: e, v: e.seed(count), phone: e.unlimited()}
	m.other = m.v.fork().with(e.manager(e.mem, refusing(1)))
	return m
}

// signIn signs the visitor in. It calls before when the login is counted, and behind when it is
// written.
func (m *encounter) signIn(before, behind func()) *http.Response {
	written := false
	m.e.store.intercept(func(_ context.Context, o op) error {
		switch {
		case o == opUpdate && !written:
			written = true
			before()
		case o == opList && written:
			m.e.store.reset()
			behind()
		}
		return nil
	})
	return m.v.do(signIn("ann", count))
}

func (m *encounter) phoneSignsIn() { m.phone.do(signIn("ann", count)) }

// TestAChangeThatMeetsALoginWhichIsRefusedIsMade has the request have its session before the
// login is written, or come behind that, which shows it an empty one.
func TestAChangeThatMeetsALoginWhichIsRefusedIsMade(t *testing.T) {
	t.Parallel()
	for _, late := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			m := newEncounter(t)
			var finish func() *http.Response
			if !late {
				finish = m.other.slow(count)
			}
			answer := make(chan *http.Response, 1)
			refused := m.signIn(m.phoneSignsIn, func() {
				if late {
					finish = m.other.slow(count)
				}
				go func() { answer <- finish() }()
				synctest.Wait()
			})
			wantStatus(t, refused, http.StatusForbidden)
			want, status := 2, http.StatusOK
			if late {
				want, status = 1, http.StatusServiceUnavailable
			}
			wantStatus(t, <-answer, status)
			if n, _ := read(m.v, counter); n != want || !alive(m.phone) {
				t.Errorf("late %t: it counts %d, want %d", late, n, want)
			}
		})
	}
}

// TestAChangeThatMeetsALoginWhichStandsIsDropped, and the login stands although another one, which
// was counted before, is written behind that.
func TestAChangeThatMeetsALoginWhichStandsIsDropped(t *testing.T) {
	t.Parallel()
	for _, late := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			m := newEncounter(t)
			var finish func() *http.Response
			if !late {
				finish = m.other.slow(count)
			}
			wantStatus(t, m.signIn(func() {}, func() {
				if late {
					finish = m.other.slow(count)
				}
				wantStatus(t, finish(), http.StatusOK)
				m.phoneSignsIn()
			}), http.StatusOK)
			if m.v.is("ann", ""); late {
				wantStatus(t, m.other.do(count), http.StatusOK)
			}
			if n, _ := read(m.v, counter); n != 2 {
				t.Errorf("late %t: it counts %d, want 2", late, n)
			}
		})
	}
}

// TestAChangeThatMeetsALoginWhichIsNeverDecidedFails has the process end that has written it.
func TestAChangeThatMeetsALoginWhichIsNeverDecidedFails(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newEncounter(t)
		finish := m.other.slow(count)
		m.signIn(m.phoneSignsIn, func() { m.e.store.fail(errDown, opLoad, opList, opUpdate) })
		start := time.Now()
		wantOutage(t, finish())
		if took := time.Since(start); took > session.DefaultStoreTimeout {
			t.Errorf("after %v", took)
		}
		pass(time.Second)
		start = time.Now()
		wantOutage(t, m.other.do(count))
		if took := time.Since(start); took > 0 { // nobody is under way who could decide it
			t.Errorf("later, after %v", took)
		}
		m.e.store.reset()
		m.phone.do(destroy)
		wantStatus(t, m.other.do(count), http.StatusOK)
		wantStatus(t, m.v.do(signIn("ann", count)), http.StatusOK)
		if n, _ := read(m.v, counter); n != 3 {
			t.Errorf("it counts %d, want 3", n)
		}
	})
}

// TestAChangeThatMeetsALostLoginDoesNotWait is about a stream that lasts.
func TestAChangeThatMeetsALostLoginDoesNotWait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newEncounter(t)
		finish := m.other.slow(count)
		m.signIn(m.phoneSignsIn, func() { m.e.store.fail(errDown, opLoad, opList, opUpdate) })
		m.phone.do(nothing)
		pass(10*time.Minute + 1)
		wantStatus(t, finish(), http.StatusOK)
	})
}

// TestALoginThatIsLetInNeedsNoPlace has a change meet a login whose answer is lost, and the phone
// be above the limit. The visitor signs in again, with the ticket that they have.
func TestALoginThatIsLetInNeedsNoPlace(t *testing.T) {
	t.Parallel()
	for _, lost := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			m := newEncounter(t)
			again := m.v.fork()
			finish := m.other.slow(count)
			m.signIn(func() {}, func() { wantStatus(t, finish(), http.StatusOK) })
			m.phoneSignsIn()
			m.phone.do(nothing)
			want := http.StatusOK
			if lost { // it has no place any more
				pass(10*time.Minute + 1)
				want = http.StatusForbidden
			} else {
				wantStatus(t, m.other.do(count), http.StatusOK)
			}
			wantStatus(t, again.do(signIn("ann", count)), want)
		})
	}
}

// TestAChangeThatMeetsTwoRequests has another one write the session before it is noted that the
// login stands, or the session end.
func TestAChangeThatMeetsTwoRequests(t *testing.T) {
	t.Parallel()
	for _, ends := range []bool{false, true} {
		m := newEncounter(t)
		busy := &faultyStore{inner: m.e.mem}
		m.other.m = m.e.manager(indexedStore{busy, m.e.mem}, refusing(1))
		finish := m.other.slow(count)
		busy.intercept(func(_ context.Context, o op) error {
			if o != opList {
				return nil
			}
			busy.reset()
			again := m.e.visitor().with(m.e.manager(m.e.mem, refusing(1)))
			again.cookie = m.other.cookie
			if ends {
				again.do(destroy) //nolint:contextcheck // another request
			} else {
				again.do(signIn("ann", count)) //nolint:contextcheck // another request
			}
			return nil
		})
		m.signIn(func() {}, func() { wantStatus(t, finish(), http.StatusOK) })
		if n, _ := read(m.v, counter); ends == (n > 0) || n == 4 {
			t.Errorf("ends %t: it counts %d", ends, n)
		}
	}
}

// TestAReaderWaitsForNoLogin has a request that only reads meet one, when it extends the session.
func TestAReaderWaitsForNoLogin(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newEncounter(t)
		mine := &faultyStore{inner: m.e.mem}
		m.other.m = m.e.manager(indexedStore{mine, m.e.mem}, refusing(1))
		pass(idle)
		finish := m.other.slow(nothing)
		m.signIn(m.phoneSignsIn, func() { wantStatus(t, finish(), http.StatusOK) })
		if calls := mine.taken(); calls[opTouch] != 1 || calls[opList] != 0 {
			t.Errorf("store calls %v, want one Touch", calls)
		}
	})
}

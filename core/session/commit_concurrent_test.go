package session_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cloakroom-go/cloakroom/core/session"
)

const visits = 200

// buy counts the request and puts its item in the cart.
func buy(_ http.ResponseWriter, r *http.Request, s *session.Session) {
	counter.Update(s, increment)
	cart.Update(s, func(items []string) []string { return append(items, r.URL.Query().Get("item")) })
}

func wantAllBought(t *testing.T, v *visitor) {
	t.Helper()
	if n, _ := read(v, counter); n != visits {
		t.Errorf("counted %d of %d requests", n, visits)
	}
	items, _ := read(v, cart)
	distinct := make(map[string]bool)
	for _, item := range items {
		distinct[item] = true
	}
	if len(items) != visits || len(distinct) != visits {
		t.Errorf("%d items in the cart, %d different ones, want %d", len(items), len(distinct), visits)
	}
}

func TestConcurrentRequestsLoseNoUpdate(t *testing.T) {
	t.Parallel()
	for _, managers := range []int{1, 2} {
		t.Run(fmt.Sprintf("%d managers on one store", managers), func(t *testing.T) {
			t.Parallel()
			e := newEnv(t)
			v := e.seed(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) { counter.Set(s, 0) })
			handlers := make([]http.Handler, managers)
			for i := range handlers {
				handlers[i] = e.manager(e.store).HandlerFunc(buy)
			}
			var wg sync.WaitGroup
			for i := range visits {
				wg.Go(func() {
					r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/?item="+strconv.Itoa(i), http.NoBody)
					r.AddCookie(v.cookie)
					w := httptest.NewRecorder()
					handlers[i%managers].ServeHTTP(w, r)
					wantStatus(t, w.Result(), http.StatusOK)
				})
			}
			wg.Wait()
			wantAllBought(t, v)
		})
	}
}

func TestConcurrentRequestsLoseNoUpdateThroughARealServer(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	v := e.seed(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) { counter.Set(s, 0) })
	server := httptest.NewServer(e.m.HandlerFunc(buy))
	t.Cleanup(server.Close)
	var wg sync.WaitGroup
	for i := range visits {
		wg.Go(func() {
			r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL+"/?item="+strconv.Itoa(i), http.NoBody)
			if err != nil {
				t.Error(err)
				return
			}
			r.AddCookie(v.cookie)
			res, err := server.Client().Do(r)
			if err != nil {
				t.Error(err)
				return
			}
			defer func() { _ = res.Body.Close() }() // nothing is read from it
			wantStatus(t, res, http.StatusOK)
		})
	}
	wg.Wait()
	wantAllBought(t, v)
}

// What ends a session while a slow request holds it.
var endings = []struct {
	name string
	end  handler
}{
	{"Destroy", destroy},
	{"Authenticate", authenticate},
	{"Renew", renew},
	{"Expiry", nil},
}

// What the slow request does then.
var lateWork = []struct {
	name string
	work handler
}{
	{"reads", look},
	{"sets", func(_ http.ResponseWriter, _ *http.Request, s *session.Session) { name.Set(s, "late") }},
	{"updates", count},
	{"clears", func(_ http.ResponseWriter, _ *http.Request, s *session.Session) { s.Clear() }},
	{"renews", renew},
	{"authenticates", func(_ http.ResponseWriter, _ *http.Request, s *session.Session) { s.Authenticate("eve") }},
}

func TestNothingComesBackAfterTheEnd(t *testing.T) {
	t.Parallel()
	configurations := []struct {
		name      string
		configure func(*session.Options)
		plain     bool
	}{
		{"default", func(*session.Options) {}, false},
		{"persistent cookie", func(o *session.Options) { o.Cookie.Persistent = true }, false},
		{"store without Touch", func(o *session.Options) { o.Cookie.Persistent = true }, true},
	}
	for _, c := range configurations {
		for _, ending := range endings {
			for _, late := range lateWork {
				t.Run(c.name+"/across "+ending.name+" it "+late.name, func(t *testing.T) {
					t.Parallel()
					synctest.Test(t, func(t *testing.T) {
						e := newEnv(t, c.configure)
						if c.plain {
							e.m = e.manager(plainStore{e.store}, c.configure)
						}
						acrossTheEnd(t, e, ending.end, late.work)
					})
				})
			}
		}
	}
}

// acrossTheEnd ends a session while a request works on it and checks that the
// request brings nothing back.
func acrossTheEnd(t *testing.T, e *env, end, work handler) {
	t.Helper()
	v := e.seed(count)
	old := v.fork()
	finish := v.fork().slow(work)
	pass(session.DefaultIdleTimeout / 2) // long enough for a touch to be due
	if end == nil {
		pass(session.DefaultIdleTimeout)
	} else {
		v.do(end)
	}
	res := finish()
	wantStatus(t, res, http.StatusOK)
	wantNoCookie(t, res)
	if _, err := e.record(old); !errors.Is(err, session.ErrNotFound) {
		t.Errorf("the store has a record under the old ticket (%v)", err)
	}
	if n, ok := read(old, counter); ok {
		t.Errorf("a reload with the old ticket finds the session (counter %d)", n)
	}
	if v.cookie == nil || end == nil {
		return
	}
	if n, _ := read(v, counter); n != 1 {
		t.Errorf("the session that went on has counter %d, want 1", n)
	}
	if who, err := e.record(v); err != nil || who.Subject == "eve" {
		t.Errorf("the session that went on belongs to %q (%v)", who.Subject, err)
	}
}

func TestASlowLogoutEndsTheSessionThatIsLeft(t *testing.T) {
	t.Parallel()
	for _, ending := range endings {
		t.Run("across "+ending.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				e := newEnv(t)
				v := e.seed(count)
				old := v.fork()
				finish := v.fork().slow(destroy)
				if ending.end == nil {
					pass(session.DefaultIdleTimeout)
				} else {
					v.do(ending.end)
				}
				res := finish()
				wantStatus(t, res, http.StatusOK)
				for _, c := range res.Cookies() {
					if c.MaxAge >= 0 {
						t.Errorf("a cookie was handed out: %v", c)
					}
				}
				if _, ok := read(old, counter); ok {
					t.Error("a reload with the old ticket finds the session")
				}
			})
		})
	}
}

func TestALateTouchDoesNotEraseAnotherRequestsChange(t *testing.T) {
	t.Parallel()
	for _, plain := range []bool{false, true} {
		t.Run(fmt.Sprintf("fallback %v", plain), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				e := newEnv(t)
				if plain {
					e.m = e.manager(plainStore{e.store})
				}
				v := e.seed(count)
				finish := v.fork().slow(look)
				pass(session.DefaultIdleTimeout / 2)
				v.do(count)
				pass(session.DefaultIdleTimeout / 5)
				wantStatus(t, finish(), http.StatusOK)
				if n, _ := read(v, counter); n != 2 {
					t.Errorf("counter %d, want 2", n)
				}
				pass(session.DefaultIdleTimeout - time.Nanosecond)
				if n, _ := read(v, counter); n != 2 {
					t.Errorf("the touch did not extend the session: counter %d, want 2", n)
				}
			})
		})
	}
}

package session_test

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cloakroom-go/cloakroom/core/session"
)

var device = session.NewKey[string]("device")

func on(what string) handler {
	return func(_ http.ResponseWriter, _ *http.Request, s *session.Session) { device.Set(s, what) }
}

func TestListDescribesTheSessionsOfASubject(t *testing.T) {
	t.Parallel()
	for name, configure := range map[string]func(*session.Options){
		"plain":  func(*session.Options) {},
		"sealed": sealed(t, session.GenerateKey()),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				e, _ := newIndexedEnv(t, configure)
				start := time.Now()
				phone := e.login("ann", on("phone"))
				pass(time.Minute)
				e.login("ann", on("desk"))
				e.login("bob", on("tablet"))
				e.seed(count) // nobody's
				pass(idle)
				phone.do(nothing)
				var publicID string
				phone.do(publicIDOf(&publicID))
				list := e.list("ann")
				if len(list) != 2 {
					t.Fatalf("%d sessions, want 2", len(list))
				}
				if n := len(e.list("bob")); n != 1 {
					t.Errorf("%d sessions of another subject, want 1", n)
				}
				first := list[0]
				if got, ok := device.From(first); got != "phone" || !ok {
					t.Errorf("the session that was used last is on %q", got)
				}
				if got, _ := device.From(list[1]); got != "desk" {
					t.Errorf("the other one is on %q", got)
				}
				if n, ok := counter.From(first); n != 0 || ok {
					t.Errorf("a value that isn't there: %d, %v", n, ok)
				}
				if n, ok := session.NewKey[int]("device").From(first); n != 0 || ok {
					t.Errorf("a value of another type: %d, %v", n, ok)
				}
				if first.ID != publicID || first.Subject != "ann" {
					t.Errorf("id %q of %q, want %q", first.ID, first.Subject, publicID)
				}
				now := time.Now()
				if !first.Started.Equal(start) || !first.Authenticated.Equal(start) || !first.LastSeen.Equal(now) ||
					!first.Expires.Equal(now.Add(session.DefaultIdleTimeout)) {
					t.Errorf("created %v, authenticated %v, last seen %v, expires %v",
						first.Started, first.Authenticated, first.LastSeen, first.Expires)
				}
				pass(session.DefaultIdleTimeout - 1)
				if n := len(e.list("ann")); n != 1 {
					t.Errorf("%d sessions 1 ns before the last one expires, want 1", n)
				}
				pass(1)
				if n := len(e.list("ann")); n != 0 {
					t.Errorf("%d sessions after all have expired", n)
				}
			})
		})
	}
}

func TestFromAZeroInfoIsNothing(t *testing.T) {
	t.Parallel()
	if v, ok := device.From(session.Info{}); v != "" || ok {
		t.Errorf("%q, %v", v, ok)
	}
}

func TestASessionThatIsBeingWrittenIsListedOnce(t *testing.T) {
	t.Parallel()
	for _, work := range []handler{nothing, renew, authenticate} {
		for n := 1; n <= storeCalls; n++ {
			synctest.Test(t, func(t *testing.T) {
				e, _ := newIndexedEnv(t, renewing)
				v := e.login("ann", count)
				pass(renewEvery)
				met := e.store.meet(n, func() {
					if list := e.list("ann"); len(list) != 1 {
						t.Errorf("%d sessions at call %d of the store, want 1", len(list), n)
					}
				})
				wantStatus(t, v.do(work), http.StatusOK)
				e.store.reset()
				if n <= 2 && !met() {
					t.Error("the session was not written")
				}
			})
		}
	}
}

func TestAListShowsNoTicket(t *testing.T) {
	t.Parallel()
	e, _ := newIndexedEnv(t)
	v := e.login("ann", count)
	for _, secret := range []string{v.cookie.Value[:43], v.cookie.Value[44:], v.id()} {
		if strings.Contains(fmt.Sprintf("%+v", e.list("ann")), secret) {
			t.Error("the list shows a ticket, or leads to it")
		}
	}
}

// The order of a list is that of the last use, whatever the order of the store.
func TestAListIsOrderedByLastUse(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e, _ := newIndexedEnv(t)
		var want []string
		for i := range 20 {
			e.login("ann", on(strconv.Itoa(i)))
			want = append([]string{strconv.Itoa(i)}, want...)
			pass(time.Minute)
		}
		var got []string
		for _, info := range e.list("ann") {
			d, _ := device.From(info)
			got = append(got, d)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%v, want %v", got, want)
		}
	})
}

package migrate_test

import (
	"errors"
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cloakroom-go/cloakroom/core/session"
)

// An arrival is a visitor with an old session.
type arrival struct {
	here  string // what they have here: nothing, or a session that nobody or somebody is signed in to
	where string // the old session is
	keep  bool
	so    session.Options
}

// arrivals returns all there are.
func arrivals(t *testing.T) (all []arrival) {
	t.Helper()
	for where := range origins(t) {
		for _, here := range []string{"", "/add", "/switch"} {
			for _, keep := range []bool{false, true} {
				for _, so := range []session.Options{{}, {MaxSessions: 1}, {MaxSessions: 1, RefuseNew: true}} {
					all = append(all, arrival{here, where, keep, so})
				}
			}
		}
	}
	return all
}

func (a *arrival) String() string {
	return fmt.Sprintf("%q here, %s, keep %t, max %d, refuse %t", a.here, a.where, a.keep, a.so.MaxSessions, a.so.RefuseNew)
}

// browser returns the visitor's, and the old cookie that it has.
func (a *arrival) browser(t *testing.T) (b *browser, name, cookie string) {
	t.Helper()
	o, name, cookie := origins(t)[a.where]()
	o.KeepOldCookie = a.keep
	b = newServer(t, o, a.so).browser("other", "x")
	if a.here != "" {
		b.get(a.here)
	}
	b.cookies[name] = cookie
	return b, name, cookie
}

// TestALogoutWhoseAnswerIsLostHolds has the visitor send it again, or go on, with what they
// have; and look at a page at once, or when nothing here tells any more that they have signed
// out.
func TestALogoutWhoseAnswerIsLostHolds(t *testing.T) {
	t.Parallel()
	type history struct {
		out, then string
		wait      time.Duration
	}
	var histories []history
	for _, out := range []string{"/logout", "/bye", "/end"} {
		for _, wait := range []time.Duration{0, 11 * time.Minute} {
			histories = append(histories, history{out, out, wait}, history{out, "/", wait})
		}
	}
	for _, a := range arrivals(t) {
		for _, h := range histories {
			if a.keep && (h.out == "/bye" || h.then == "/") {
				continue // it is the handler's to end the old session with each logout
			}
			t.Run(fmt.Sprintf("%v %+v", &a, h), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					b, _, _ := a.browser(t)
					if w := b.send(http.MethodGet, h.out); w.Code != http.StatusOK {
						t.Fatal(w.Code)
					}
					if then := b.get(h.then); then != "" && then != "bye" && then != " []" {
						t.Errorf("then %q", then)
					}
					<-time.After(h.wait)
					b.wantPage("/", " []")
				})
			})
		}
	}
}

// TestALogoutThatIsSentAgainDeletesARecordThatWasOutOfReach has the old server be down when the
// visitor signs out for the first time.
func TestALogoutThatIsSentAgainDeletesARecordThatWasOutOfReach(t *testing.T) {
	t.Parallel()
	for _, here := range []string{"", "/add", "/switch"} {
		t.Run(here, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				o, records, cookie := fromExpress()
				b := newServer(t, o, session.Options{}).browser("other", "x")
				if here != "" {
					b.get(here)
				}
				b.cookies["connect.sid"] = cookie
				b.away = func() { records.down = errors.New("connection refused") }
				b.send(http.MethodGet, "/logout") // and nobody gets the answer
				records.down, b.away = nil, nil
				b.get("/logout")
				<-time.After(11 * time.Minute)
				if b.wantPage("/", " []"); len(records.values) > 0 {
					t.Error("the record is there still")
				}
			})
		})
	}
}

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
	max   int
	full  bool // who is one too many is refused
}

// arrivals returns all there are.
func arrivals(t *testing.T) (all []arrival) {
	t.Helper()
	for where := range origins(t) {
		for _, here := range []string{"", "/add", "/switch"} {
			for _, keep := range []bool{false, true} {
				for limit := range 3 {
					all = append(all, arrival{here, where, keep, min(limit, 1), limit == 2})
				}
			}
		}
	}
	return all
}

func (a *arrival) String() string {
	return fmt.Sprintf("%q here, %s, keep %t, max %d, refuse %t", a.here, a.where, a.keep, a.max, a.full)
}

// browser returns the visitor's, and the old cookie that it has.
func (a *arrival) browser(t *testing.T) (b *browser, name, cookie string) {
	t.Helper()
	o, name, cookie := origins(t)[a.where]()
	o.KeepOldCookie = a.keep
	b = newServer(t, o, session.Options{MaxSessions: a.max, RefuseNew: a.full}).browser("other", "x")
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
				t.Parallel()
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
			t.Parallel()
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

// TestALogoutHoldsWhereTheBrowserKeepsOurCookieBack has another site's page send the request
// that comes after: nothing says then what the visitor has here.
func TestALogoutHoldsWhereTheBrowserKeepsOurCookieBack(t *testing.T) {
	t.Parallel()
	for _, here := range []string{"", "/add", "/switch"} {
		b := newServer(t, fromFlask(), session.Options{}).browser("other", "x")
		if here != "" {
			b.get(here)
		}
		b.cookies["session"] = known(t)
		other := b.browser("session", known(t))
		other.header.Set("Sec-Fetch-Site", "cross-site")
		b.send(http.MethodGet, "/logout") // and nobody gets the answer
		if w := other.send(http.MethodPost, "/"); w.Header()["Set-Cookie"] != nil || w.Body.String() != " []" {
			t.Errorf("%q here: %s, cookies %q", here, w.Body, w.Header()["Set-Cookie"])
		}
		b.wantPage("/", " []")
	}
}

// TestWhoSignsInOverThereAfterALostLogoutStaysSo has the old cookie that comes next be of another
// login: it is not ended, and is let in when what is left of ours is forgotten.
func TestWhoSignsInOverThereAfterALostLogoutStaysSo(t *testing.T) {
	t.Parallel()
	for _, here := range []string{"", "/add"} {
		t.Run(here, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				a := arrival{here: here, where: "in a cookie"}
				b, name, old := a.browser(t)
				b.send(http.MethodGet, "/logout") // and nobody gets the answer
				<-time.After(time.Second)
				if b.cookies[name] = known(t); b.cookies[name] == old {
					t.Fatal("it is the same cookie")
				}
				b.get("/")
				<-time.After(11 * time.Minute)
				b.wantPage("/", "ann [coat]")
			})
		})
	}
}

// TestALoginUnderTheKeyOfTheLastOneStays has the framework keep the cookie: a record that is there
// again may be of another login, and stays unless the visitor signs out.
func TestALoginUnderTheKeyOfTheLastOneStays(t *testing.T) {
	t.Parallel()
	for _, page := range []string{"/", "/add", "/switch", "/enter", "ended meanwhile"} {
		for _, here := range []string{"", "/add"} {
			t.Run(page+here, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					o, records, cookie := fromExpress()
					record := records.values["sess:id"]
					b := newServer(t, o, session.Options{}).browser("other", "x")
					if here != "" {
						b.get(here)
					}
					b.cookies["connect.sid"] = cookie
					path := page
					if page == "ended meanwhile" { // of what is here: nobody has signed out of that
						b.send(http.MethodGet, "/logout")
						b.cookies = map[string]string{}
						b.get("/save")
						other := b.browser(ours, b.cookies[ours])
						b.cookies["connect.sid"] = cookie
						b.store.update = func() { other.send(http.MethodGet, "/bye") }
						path = "/save"
					} else {
						b.send(http.MethodGet, "/logout") // and nobody gets the answer
					}
					records.values["sess:id"] = record
					if b.get(path); len(records.values) == 0 {
						t.Fatal("it is gone")
					}
					delete(b.cookies, ours)
					<-time.After(11 * time.Minute)
					b.wantPage("/", "ann [coat]")
				})
			})
		}
	}
}

// TestKeepLeavesTheCookieOfWhoHasSignedOutHere has the handler call Destroy alone: the old
// application goes on with it.
func TestKeepLeavesTheCookieOfWhoHasSignedOutHere(t *testing.T) {
	t.Parallel()
	o := fromFlask()
	o.KeepOldCookie = true
	b := newServer(t, o, session.Options{}).browser("session", known(t))
	b.wantPage("/", "ann [coat]")
	b.get("/bye")
	b.wantPage("/", " []")
	b.wantCookies("session")
}

// TestALoginThatWasTakenForLostIsNotSignedOut has the visitor's first answer be lost, and the
// session make room for another login: the old cookie is all that they have.
func TestALoginThatWasTakenForLostIsNotSignedOut(t *testing.T) {
	t.Parallel()
	for _, refuse := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			srv := newServer(t, fromFlask(), session.Options{MaxSessions: 1, RefuseNew: refuse})
			cookie := known(t)
			b := srv.browser("session", cookie)
			b.send(http.MethodGet, "/") // and nobody gets the answer
			<-time.After(11 * time.Minute)
			phone := srv.browser("session", known(t))
			phone.wantPage("/", "ann [coat]")
			b.wantPage("/", " []")
			b.wantCookies("session")
			phone.get("/logout")
			<-time.After(11 * time.Minute)
			b.wantPage("/", "ann [coat]")
		})
	}
}

package migrate_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cloakroom-go/cloakroom/core/session"
	"github.com/cloakroom-go/cloakroom/migrate"
)

// origins returns options and a browser's cookie for an old session at a server, and for
// one that is only in its cookie.
func origins(t *testing.T) map[string]func() (migrate.Options, string, string) {
	t.Helper()
	return map[string]func() (migrate.Options, string, string){
		"at a server": func() (migrate.Options, string, string) {
			options, _, cookie := fromExpress()
			return options, "connect.sid", cookie
		},
		"in a cookie": func() (migrate.Options, string, string) { return fromFlask(), "session", known(t) },
	}
}

// TestALogoutBetweenReadingAndStoringHolds signs out while another first request has
// read the old session, and not stored ours yet.
func TestALogoutBetweenReadingAndStoringHolds(t *testing.T) {
	t.Parallel()
	for name, origin := range origins(t) {
		options, cookieName, cookie := origin()
		srv := newServer(t, options, session.Options{})
		b := srv.browser(cookieName, cookie)
		srv.store.first = func() { b.get("/logout") }
		slow := b.send(http.MethodGet, "/")
		if got := slow.Body.String(); got != " []" {
			t.Errorf("%s: the slow request shows %q", name, got)
		}
		b.take(slow)
		b.wantPage("/", " []")
	}
}

func TestALostLoginAsSomebodyElseLeavesTheVisitorSignedIn(t *testing.T) {
	t.Parallel()
	for name, origin := range origins(t) {
		synctest.Test(t, func(t *testing.T) {
			options, cookieName, cookie := origin()
			b := newServer(t, options, session.Options{}).browser(cookieName, cookie)
			b.send(http.MethodGet, "/switch") // and nobody gets the answer
			b.wantPage("/", "ann [coat]")
			<-time.After(time.Minute)
			b.wantPage("/", "ann [coat]")
			if t.Failed() {
				t.Log(name)
			}
		})
	}
}

// TestALateAnswerToTheFirstRequestDoesNotUndoALogout has no list of a subject's sessions to
// look in, nor a note where the old session is in its cookie.
func TestALateAnswerToTheFirstRequestDoesNotUndoALogout(t *testing.T) {
	t.Parallel()
	for name, origin := range origins(t) {
		for _, as := range []string{"/", "/switch"} {
			options, cookieName, cookie := origin()
			b := newServer(t, options, session.Options{}).browser(cookieName, cookie)
			late := b.send(http.MethodGet, "/")
			b.get(as)
			b.get("/logout")
			b.take(late)
			if got := b.get("/"); got != " []" {
				t.Errorf("%s, %s: %q after signing out", name, as, got)
			}
		}
	}
}

func TestOfTwoFirstRequestsNothingIsLost(t *testing.T) {
	t.Parallel()
	for _, origin := range origins(t) {
		options, cookieName, cookie := origin()
		b := newServer(t, options, session.Options{MaxSessions: 1}).browser(cookieName, cookie)
		reads, adds := b.send(http.MethodGet, "/"), b.send(http.MethodGet, "/add")
		b.take(adds)
		b.take(reads) // the answer that comes last decides which ticket the browser has
		b.wantPage("/", "ann [coat hat]")
		b.take(adds)
		b.wantPage("/", "ann [coat hat]")
	}
}

// TestVisitorsWhoseAnonymousCookiesAreEqualDoNotShareASession is about what a framework
// signs for everybody who comes in the same second.
func TestVisitorsWhoseAnonymousCookiesAreEqualDoNotShareASession(t *testing.T) {
	t.Parallel()
	srv, cookie := newServer(t, fromFlask(), session.Options{}), flaskCookie(t, migrate.Values{"cart": []any{"a present"}})
	one, other := srv.browser("session", cookie), srv.browser("session", cookie)
	one.get("/add")
	other.wantPage("/", " [a present]")
	one.wantPage("/", " [a present hat]")
}

// moved returns a browser with an anonymous session of ours, which has signed in over there.
func moved(t *testing.T, so session.Options) *browser {
	t.Helper()
	b := newServer(t, fromFlask(), so).browser("other", "x")
	b.get("/add")
	b.cookies["session"] = flaskCookie(t, migrate.Values{"user": "ann"})
	return b
}

func TestALostAnswerToWhoHasASessionHereSignsNobodyOut(t *testing.T) {
	t.Parallel()
	b := moved(t, session.Options{})
	for _, page := range []string{"/add", "/add", "/switch"} {
		b.send(http.MethodGet, page) // and nobody gets the answer
	}
	b.wantPage("/", "ann [hat hat hat]")
	b.wantPage("/", "ann [hat hat hat]")
	b.get("/logout")
	b.wantPage("/", " []")
}

func TestManyFirstRequestsAtOnceAllWork(t *testing.T) {
	t.Parallel()
	for name, b := range map[string]*browser{
		"anonymous here": moved(t, session.Options{}),
		"new":            newServer(t, fromFlask(), session.Options{}).browser("session", known(t)),
	} {
		var first *httptest.ResponseRecorder
		for i := range 20 {
			w := b.send(http.MethodGet, "/")
			if got := w.Body.String(); w.Code != http.StatusOK || !strings.HasPrefix(got, "ann [") {
				t.Errorf("%s: %d shows %d %q", name, i, w.Code, got)
			}
			if first == nil {
				first = w
			} else if want := first.Result().Cookies()[1].Value; w.Result().Cookies()[1].Value != want {
				t.Errorf("%s: %d hands out another ticket", name, i)
			}
		}
		b.take(first)
		b.wantPage("/others", "")
		if got := b.get("/"); !strings.HasPrefix(got, "ann [") {
			t.Errorf("%s: then %q", name, got)
		}
	}
}

// TestALogoutOfTheOldSessionHoldsForWhoHasASessionHere signs out with one browser's cookie
// while a request that has brought another session of ours as well is under way.
func TestALogoutOfTheOldSessionHoldsForWhoHasASessionHere(t *testing.T) {
	t.Parallel()
	for _, when := range []string{"before", "after"} {
		b := moved(t, session.Options{})
		alone := b.browser("session", b.cookies["session"])
		alone.wantPage("/", "ann []")
		if when == "before" {
			alone.get("/logout")
		} else {
			b.store.update = func() { alone.get("/logout") }
		}
		w := b.send(http.MethodGet, "/")
		if got := w.Body.String(); strings.HasPrefix(got, "ann") {
			t.Errorf("%s: %q", when, got)
		}
		b.take(w)
		if got := b.get("/"); strings.HasPrefix(got, "ann") {
			t.Errorf("%s: then %q", when, got)
		}
	}
}

// TestALogoutOfWhoHadASessionHereHoldsForTheOldOneToo is about the late answer to a request
// that was sent before the browser had our cookie.
func TestALogoutOfWhoHadASessionHereHoldsForTheOldOneToo(t *testing.T) {
	t.Parallel()
	for _, origin := range origins(t) {
		for _, before := range []bool{true, false} {
			options, name, cookie := origin()
			b := newServer(t, options, session.Options{}).browser("other", "x")
			late := b.browser(name, cookie)
			answer := late.send(http.MethodGet, "/") // dropped, if it is to come after signing out
			b.get("/add")
			b.cookies[name] = cookie
			b.wantPage("/", "ann [coat]")
			b.get("/logout")
			if !before {
				answer = late.send(http.MethodGet, "/")
			}
			b.take(answer)
			b.wantPage("/", " []")
		}
	}
}

// TestTheOldRecordStaysWhileOnlyItIsBrought loses all answers for a while.
func TestTheOldRecordStaysWhileOnlyItIsBrought(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		options, records, cookie := fromExpress()
		b := newServer(t, options, session.Options{}).browser("connect.sid", cookie)
		for range 3 {
			b.send(http.MethodGet, "/") // and nobody gets the answer
			<-time.After(time.Minute)
		}
		b.wantPage("/", "ann [coat]")
		b.wantPage("/", "ann [coat]")
		if len(records.values) == 0 {
			t.Error("the record is gone although requests may be under way")
		}
		<-time.After(time.Minute)
		b.wantPage("/", "ann [coat]")
		if len(records.values) > 0 {
			t.Error("the record is still there")
		}
	})
}

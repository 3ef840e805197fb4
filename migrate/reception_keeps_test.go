package migrate_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cloakroom-go/cloakroom/core/session"
	"github.com/cloakroom-go/cloakroom/migrate"
)

func TestARequestThatIsSkippedIsServed(t *testing.T) {
	t.Parallel()
	o := session.Options{Skip: []func(*http.Request) bool{session.SkipPath("/static")}}
	b := newServer(t, fromFlask(), o).browser("session", known(t))
	if b.wantPage("/static", "no session"); t.Failed() {
		return
	}
	b.wantCookies("session")
}

// TestAnOldServerThatIsDownHoldsUpNobodyWhoIsIn has a browser bring the old cookie still.
func TestAnOldServerThatIsDownHoldsUpNobodyWhoIsIn(t *testing.T) {
	t.Parallel()
	o, records, cookie := fromExpress()
	b := newServer(t, o, session.Options{}).browser("connect.sid", cookie)
	b.wantPage("/", "ann [coat]")
	b.cookies["connect.sid"], records.down = cookie, errors.New("down")
	b.wantPage("/", "ann [coat]")
	b.wantCookies(ours, "connect.sid")
}

// TestWhoWaitsForARecordToBeDeleted has the old server not answer.
func TestWhoWaitsForARecordToBeDeleted(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o, old, cookie := fromExpress()
		o.Sources = []migrate.Source{migrate.Express{Keys: []string{"a secret"}, Records: hangingRecords{old}}}
		b := newServer(t, o, session.Options{}).browser("connect.sid", cookie)
		b.get("/")
		b.get("/")
		<-time.After(grace)
		start := time.Now()
		b.wantPage("/", "ann [coat]")
		if waited := time.Since(start); waited != time.Second {
			t.Errorf("they have waited %v, want a second", waited)
		}
	})
}

// hangingRecords do not delete.
type hangingRecords struct{ *legacyRecords }

func (hangingRecords) Delete(ctx context.Context, _ string) error {
	<-ctx.Done()
	return ctx.Err()
}

// TestTheRecordOfWhoBringsTheOldCookieBesideOursStaysForAWhile has the path of the cookie that
// ends it be wrong: other requests that bring nothing else may be under way.
func TestTheRecordOfWhoBringsTheOldCookieBesideOursStaysForAWhile(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o, records, cookie := fromExpress()
		b := newServer(t, o, session.Options{}).browser("connect.sid", cookie)
		for range 3 {
			b.wantPage("/", "ann [coat]")
			b.cookies["connect.sid"] = cookie
		}
		if len(records.values) == 0 {
			t.Error("the record is gone")
		}
		<-time.After(grace)
		if b.wantPage("/", "ann [coat]"); len(records.values) > 0 {
			t.Error("the record is there still")
		}
	})
}

// TestKeepKeepsTheRecord has the visitor come back, sign out, and begin to act as another,
// without Reception.End.
func TestKeepKeepsTheRecord(t *testing.T) {
	t.Parallel()
	for _, last := range []string{"/", "/bye", "/act"} {
		synctest.Test(t, func(t *testing.T) {
			o, records, cookie := fromExpress()
			o.KeepOldCookie = true
			b := newServer(t, o, session.Options{}).browser("connect.sid", cookie)
			b.get("/")
			b.get("/")
			<-time.After(grace)
			b.get("/")
			if b.get(last); len(records.values) == 0 {
				t.Errorf("%s: the record is gone", last)
			}
		})
	}
}

// TestARecordIsDeletedOnce has the old server be down when there is nothing left to do there.
func TestARecordIsDeletedOnce(t *testing.T) {
	t.Parallel()
	for _, last := range []string{"/", "/end", "/logout", "/act"} {
		synctest.Test(t, func(t *testing.T) {
			o, records, cookie := fromExpress()
			srv := newServer(t, o, session.Options{})
			b := srv.browser("connect.sid", cookie)
			b.get("/")
			b.get("/")
			<-time.After(grace)
			b.get("/")
			<-time.After(grace)
			records.down = errors.New("down")
			if w := b.send(http.MethodGet, last); w.Code != http.StatusOK {
				t.Errorf("%s: %d", last, w.Code)
			}
			srv.wantEvents(map[migrate.EventKind]int{migrate.EventReceived: 1})
		})
	}
}

// TestWhoGoesAwayIsSignedOut has the request be given up when the handler has done its part. The
// visitor has had a session here before.
func TestWhoGoesAwayIsSignedOut(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"/logout", "/clear", "/wipe"} {
		o, records, cookie := fromExpress()
		before := records.values["sess:id"]
		srv := newServer(t, o, session.Options{})
		b := srv.browser("connect.sid", cookie)
		delete(b.cookies, "connect.sid")
		b.get("/add")
		b.cookies["connect.sid"] = cookie
		b.wantPage("/", "ann [coat]")
		ctx, cancel := context.WithCancel(t.Context())
		srv.away = cancel
		r := httptest.NewRequestWithContext(ctx, http.MethodGet, path, http.NoBody)
		r.AddCookie(&http.Cookie{Name: ours, Value: b.cookies[ours]})
		srv.handler.ServeHTTP(httptest.NewRecorder(), r)
		srv.away = nil
		if path != "/logout" {
			b.wantPage("/names", "[and a note]")
			continue
		}
		if len(records.values) > 0 {
			t.Error("the record is there still")
		}
		records.values["sess:id"] = before // a request has read it before
		srv.browser("connect.sid", cookie).wantPage("/", " []")
	}
}

// TestASessionThatWasEndedForItsVisitorLeavesTheRecord has an administrator end it meanwhile: who
// ends sessions of ours ends no old ones.
func TestASessionThatWasEndedForItsVisitorLeavesTheRecord(t *testing.T) {
	t.Parallel()
	o, records, cookie := fromExpress()
	b := newServer(t, o, session.Options{}).browser("connect.sid", cookie)
	b.get("/")
	b.store.update = func() {
		if _, err := b.store.DeleteSubject(t.Context(), "ann"); err != nil {
			t.Error(err)
		}
	}
	if b.get("/save"); len(records.values) == 0 {
		t.Error("the record is gone")
	}
}

// TestASignOutIsTheVisitorsOwn is about what OnEvent is told.
func TestASignOutIsTheVisitorsOwn(t *testing.T) {
	t.Parallel()
	o, _, cookie := fromExpress()
	var ends []session.EndReason
	b := newServer(t, o, session.Options{OnEvent: func(_ context.Context, e session.Event) {
		if e.Kind == session.EventEnded {
			ends = append(ends, e.Reason)
		}
	}}).browser("connect.sid", cookie)
	b.get("/")
	if b.get("/logout"); len(ends) != 1 || ends[0] != session.EndDestroyed {
		t.Errorf("it has ended by %v", ends)
	}
}

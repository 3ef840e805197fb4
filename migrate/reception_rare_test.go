package migrate_test

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cloakroom-go/cloakroom/core/session"
	"github.com/cloakroom-go/cloakroom/migrate"
)

// TestWhoSignsOutWhileActingAsAnotherLeavesNoOldRecord is about the note, which the session
// in which somebody acts does not have.
func TestWhoSignsOutWhileActingAsAnotherLeavesNoOldRecord(t *testing.T) {
	t.Parallel()
	options, records, cookie := fromExpress()
	b := newServer(t, options, session.Options{}).browser("connect.sid", cookie)
	b.wantPage("/", "ann [coat]")
	b.wantPage("/act", "")
	b.wantPage("/", "bob []")
	b.get("/logout")
	if b.wantCookies(); len(records.values) > 0 {
		t.Error("the old record is there after signing out")
	}
	b.cookies["connect.sid"] = cookie // a copy
	b.wantPage("/", " []")
}

// TestAnOldCookieSignsNobodyInWhoseImpersonationIsOver keeps a form that was open as one
// account from working on another.
func TestAnOldCookieSignsNobodyInWhoseImpersonationIsOver(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		options, records, cookie := fromExpress()
		options.KeepOldCookie = true
		srv := newServer(t, options, session.Options{})
		b := srv.browser("connect.sid", cookie)
		b.wantPage("/", "ann [coat]")
		b.wantPage("/act", "")
		b.wantPage("/", "bob []")
		<-time.After(time.Minute)
		b.wantPage("/", " []")
		if len(records.values) == 0 {
			t.Error("the old record is gone")
		}
		srv.wantEvents(map[migrate.EventKind]int{migrate.EventReceived: 1})
	})
}

// TestARecordIsDeletedWhereTicketsTravelInAHeader has requests bring no cookie any more.
func TestARecordIsDeletedWhereTicketsTravelInAHeader(t *testing.T) {
	t.Parallel()
	for _, end := range []string{"/", "/logout"} {
		synctest.Test(t, func(t *testing.T) {
			options, records, cookie := fromExpress()
			b := newServer(t, options, session.Options{Header: "Authorization"}).browser("connect.sid", cookie)
			ticket := b.send(http.MethodGet, "/")
			b.take(ticket)
			b.header.Set("Authorization", "Bearer "+ticket.Header().Get("Session-Ticket"))
			b.wantCookies()
			b.wantPage("/", "ann [coat]")
			<-time.After(grace)
			b.get(end)
			if len(records.values) > 0 {
				t.Errorf("%s: the old record is there still", end)
			}
		})
	}
}

// TestWhatMaxSessionsHasEndedIsNotLetInForTenMinutes has the visitor sign in over there again
// meanwhile. What is left of the session does not say whether they have signed out.
func TestWhatMaxSessionsHasEndedIsNotLetInForTenMinutes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		options, records, cookie := fromExpress()
		srv := newServer(t, options, session.Options{MaxSessions: 1})
		b := srv.browser("connect.sid", cookie)
		b.wantPage("/", "ann [coat]")
		records.values["sess:two"] = records.values["sess:id"]
		second := "s:" + migrate.Express{Keys: []string{"a secret"}}.Sign("two")
		phone := srv.browser("connect.sid", second)
		phone.wantPage("/", "ann [coat]")
		records.values["sess:three"] = records.values["sess:id"]
		third := "s:" + migrate.Express{Keys: []string{"a secret"}}.Sign("three")
		b.cookies["connect.sid"] = third
		b.wantPage("/", " []")
		phone.wantPage("/", "ann [coat]")
		<-time.After(10 * time.Minute)
		b.wantPage("/", "ann [coat]")
	})
}

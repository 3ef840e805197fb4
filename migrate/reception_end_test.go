package migrate_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cloakroom-go/cloakroom/core/memstore"
	"github.com/cloakroom-go/cloakroom/core/session"
	"github.com/cloakroom-go/cloakroom/migrate"
)

func TestAfterSigningOutTheOldCookieIsWorthNothing(t *testing.T) {
	t.Parallel()
	options, records, cookie := fromExpress()
	for name, first := range map[string]string{"at once": "/logout", "later": "/"} {
		records.values["sess:id"] = `{"cookie":{},"user":"ann"}`
		b := newServer(t, options, session.Options{}).browser("connect.sid", cookie)
		b.get(first)
		b.get("/logout")
		b.wantCookies()
		if len(records.values) > 0 {
			t.Errorf("%s: the old record is there still", name)
		}
		b.cookies["connect.sid"] = cookie // a copy
		b.wantPage("/", " []")
	}
}

// TestALateAnswerDoesNotUndoALogout is about the session of another first request, whose
// answer comes last. It is one of the same old record.
func TestALateAnswerDoesNotUndoALogout(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		for i, pause := range []time.Duration{0, time.Minute, 0, time.Minute} {
			options, _, cookie := fromExpress()
			options.KeepOldCookie = i > 1
			b := newServer(t, options, session.Options{}).browser("connect.sid", cookie)
			late := b.send(http.MethodGet, "/")
			b.wantPage("/", "ann [coat]")
			<-time.After(pause) // the record is deleted then
			b.wantPage("/", "ann [coat]")
			b.get("/logout")
			b.take(late)
			b.wantPage("/", " []")
		}
	})
}

func TestTheOldRecordIsDeletedWhenTheVisitorHasComeBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		options, records, cookie := fromExpress()
		b := newServer(t, options, session.Options{}).browser("connect.sid", cookie)
		slow := b.send(http.MethodGet, "/") // by another request at the same time
		b.wantPage("/", "ann [coat]")
		b.wantPage("/", "ann [coat]")
		if len(records.values) == 0 {
			t.Error("the record is gone although requests may be under way")
		}
		<-time.After(time.Minute)
		records.down = errors.New("connection refused")
		b.wantPage("/static", "no session")
		records.down = nil
		b.wantPage("/static", "no session")
		if len(records.values) == 0 {
			t.Error("a server that was down is asked again at once")
		}
		<-time.After(time.Minute)
		b.wantPage("/static", "no session")
		if len(records.values) > 0 {
			t.Error("the record is still there")
		}
		b.take(slow) // its session is good as well
		b.wantPage("/", "ann [coat]")
	})
}

func TestWhoSignsInAsSomebodyElseLeavesNoOldRecord(t *testing.T) {
	t.Parallel()
	options, records, cookie := fromExpress()
	b := newServer(t, options, session.Options{}).browser("connect.sid", cookie)
	b.get("/")
	b.get("/switch")
	b.wantPage("/", "bob []")
	if len(records.values) > 0 {
		t.Error("the old record is there still")
	}
}

func TestWhoHasSignedInOverThereAgainIsSignedOutOfBoth(t *testing.T) {
	t.Parallel()
	options, records, cookie := fromExpress()
	b := newServer(t, options, session.Options{}).browser("connect.sid", cookie)
	b.get("/")
	records.values["sess:two"] = `{"cookie":{},"user":"ann"}`
	again := "s:" + migrate.Express{Keys: []string{"a secret"}}.Sign("two")
	b.cookies["connect.sid"] = again
	b.wantPage("/", "ann [coat]")
	b.get("/logout")
	b.wantCookies()
	if len(records.values) > 0 {
		t.Errorf("old records are there still: %q", records.values)
	}
	b.cookies["connect.sid"] = again // a copy
	b.wantPage("/", " []")
}

func TestEndGivesUpRecordsThatDoNotAnswer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		options, records, cookie := fromExpress()
		options.Subject = func(migrate.Legacy) (string, error) { return "", nil }
		sessions, err := session.New(memstore.New(memstore.Options{}), session.Options{Keys: [][]byte{session.GenerateKey()}})
		if err != nil {
			t.Fatal(err)
		}
		reception, err := migrate.NewReception(sessions, options)
		if err != nil {
			t.Fatal(err)
		}
		records.hangs = true
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		r := httptest.NewRequestWithContext(ctx, http.MethodPost, "/", http.NoBody)
		r.AddCookie(&http.Cookie{Name: "connect.sid", Value: cookie})
		w := httptest.NewRecorder()
		began := time.Now()
		if err := reception.End(w, r); err == nil || w.Header()["Set-Cookie"] != nil {
			t.Errorf("error %v, cookies %q", err, w.Header()["Set-Cookie"])
		}
		if waited := time.Since(began); waited != session.DefaultStoreTimeout {
			t.Errorf("the visitor has waited for %v", waited)
		}
	})
}

func TestFromUntilOnNobodyIsLetIn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		options := fromFlask()
		options.Until = time.Now().Add(time.Hour)
		srv := newServer(t, options, session.Options{IdleTimeout: 2 * time.Hour})
		late := srv.browser("session", known(t))
		early := srv.browser("session", known(t))
		<-time.After(time.Hour - time.Second)
		early.wantPage("/", "ann [coat]")
		<-time.After(time.Second)
		late.wantPage("/", " []")
		late.wantCookies("session")
		early.wantPage("/", "ann [coat]")
	})
}

func TestAVisitorWhoSignsInOverThereIsSignedInHere(t *testing.T) {
	t.Parallel()
	b := newServer(t, fromFlask(), session.Options{}).browser("other", "x")
	b.wantPage("/add", "")
	b.wantPage("/", " [hat]")
	b.cookies["session"] = flaskCookie(t, migrate.Values{"cart": []any{"coat"}})
	b.wantPage("/", " [hat]") // one anonymous session is enough
	b.wantCookies(ours, "other", "session")
	b.cookies["session"] = flaskCookie(t, migrate.Values{"user": "ann"})
	b.wantPage("/", "ann [hat]")
	b.wantCookies(ours, "other")
}

func TestWhoIsSignedInHereStaysSo(t *testing.T) {
	t.Parallel()
	srv := newServer(t, fromFlask(), session.Options{})
	b := srv.browser("session", known(t))
	b.wantPage("/", "ann [coat]")
	b.cookies["session"] = flaskCookie(t, migrate.Values{"user": "bob", "cart": []any{"shoes"}})
	b.wantPage("/", "ann [coat]")
	b.wantCookies(ours)
	if !strings.Contains(srv.log.String(), "an old cookie comes back") {
		t.Errorf("the log says nothing:\n%s", &srv.log)
	}
}

func TestKeepLeavesTheOldSessionAlone(t *testing.T) {
	t.Parallel()
	options, records, cookie := fromExpress()
	options.KeepOldCookie = true
	b := newServer(t, options, session.Options{}).browser("connect.sid", cookie)
	b.wantPage("/", "ann [coat]")
	b.wantPage("/", "ann [coat]")
	b.wantCookies(ours, "connect.sid")
	if len(records.values) == 0 {
		t.Error("the old record is gone")
	}
	b.get("/logout")
	b.wantCookies()
	if len(records.values) > 0 {
		t.Error("the old record is there after signing out")
	}
}

func TestWhoIsToldThatTheyAreSignedOutIs(t *testing.T) {
	t.Parallel()
	options, records, cookie := fromExpress()
	b := newServer(t, options, session.Options{}).browser("connect.sid", cookie)
	b.wantPage("/", "ann [coat]")
	records.down = errors.New("connection refused")
	if w := b.send(http.MethodGet, "/end"); w.Code != http.StatusServiceUnavailable {
		t.Errorf("%d %s while the old server is down", w.Code, w.Body)
	}
	b.wantPage("/", "ann [coat]")
	records.down = nil
	b.wantPage("/end", "")
	if b.wantPage("/", " []"); len(records.values) > 0 {
		t.Error("the old record is there after signing out")
	}
}

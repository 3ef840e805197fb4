package migrate_test

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cloakroom-go/cloakroom/core/session"
	"github.com/cloakroom-go/cloakroom/migrate"
)

// plainSource is one that keeps nothing at the server, but does not say so.
type plainSource struct {
	migrate.Flask

	t *testing.T
}

func (p plainSource) Delete(context.Context, string) error {
	p.t.Error("Delete is called for a session that has no record")
	return nil
}

func TestDeleteIsNotCalledForWhatHasNoRecord(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := migrate.Options{Sources: []migrate.Source{plainSource{flask, t}}}
		b := newServer(t, o, session.Options{}).browser("session", known(t))
		b.get("/")
		b.cookies["session"] = known(t)
		b.wantPage("/", "ann [coat]")
		<-time.After(grace)
		b.get("/")
		b.cookies["session"] = known(t)
		b.get("/end")
	})
}

func TestEndMakesNothingOfWhatIsNoSession(t *testing.T) {
	t.Parallel()
	b := newServer(t, fromFlask(), session.Options{}).browser("session", "forged")
	if w := b.send(http.MethodGet, "/end"); w.Code != http.StatusOK || len(w.Result().Cookies()) != 1 {
		t.Errorf("with a forged cookie %d, %q", w.Code, w.Header()["Set-Cookie"])
	}
	delete(b.cookies, "session")
	if w := b.send(http.MethodGet, "/end"); w.Code != http.StatusOK || len(w.Result().Cookies()) != 0 {
		t.Errorf("without a cookie %d, %q", w.Code, w.Header()["Set-Cookie"])
	}
}

func TestARequestWithoutCookiesCostsNothingWhereThereAreRecords(t *testing.T) {
	t.Parallel()
	o, _, _ := fromExpress()
	b := newServer(t, o, session.Options{}).browser("other", "x")
	delete(b.cookies, "other")
	if b.wantPage("/static", "no session"); b.log.Len() > 0 {
		t.Error(&b.log)
	}
	b.store.down = errors.New("down")
	if w := b.send(http.MethodGet, "/static"); w.Code != http.StatusOK || w.Header()["Vary"] != nil {
		t.Errorf("%d, Vary %q", w.Code, w.Header()["Vary"])
	}
}

// TestWhatIsOnlyInItsCookieIsNotNoted has another source keep records.
func TestWhatIsOnlyInItsCookieIsNotNoted(t *testing.T) {
	t.Parallel()
	o, _, _ := fromExpress()
	o.Sources = append(o.Sources, flask)
	b := newServer(t, o, session.Options{}).browser("session", known(t))
	b.wantPage("/names", "[cart]")
	b.wantPage("/names", "[cart]")
}

// TestMovingInIsOneWrite has the note be part of it.
func TestMovingInIsOneWrite(t *testing.T) {
	t.Parallel()
	for _, user := range []string{`"user":"ann",`, ""} {
		o, records, cookie := fromExpress()
		records.values["sess:id"] = `{"cookie":{},` + user + `"cart":["coat"]}`
		b := newServer(t, o, session.Options{}).browser("connect.sid", cookie)
		created, updated := 0, 0
		b.store.first, b.store.update = func() { created++ }, func() { updated++ }
		if b.wantPage("/names", "[cart and a note]"); created != 1 || updated != 0 {
			t.Errorf("%s %d creates and %d updates", user, created, updated)
		}
		other := b.browser("connect.sid", cookie)
		if other.wantPage("/names", "[cart and a note]"); created != 1 || updated != 0 {
			t.Errorf("%s then %d creates and %d updates", user, created, updated)
		}
	}
}

// TestWhoHasComeBackCostsNoMoreWrites has each request with our cookie be read only, but the
// first, and the one that deletes the record.
func TestWhoHasComeBackCostsNoMoreWrites(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o, _, cookie := fromExpress()
		b := newServer(t, o, session.Options{}).browser("connect.sid", cookie)
		b.get("/")
		writes := 0
		for i, want := range []int{1, 1, 1, 2, 2} {
			b.store.update = func() { writes++ }
			if b.wantPage("/", "ann [coat]"); writes != want {
				t.Errorf("request %d: %d writes, want %d", i, writes, want)
			}
			if i == 2 {
				<-time.After(grace)
			}
		}
	})
}

func TestWhoHasNothingInTheOldSessionGetsNone(t *testing.T) {
	t.Parallel()
	o, records, cookie := fromExpress()
	records.values["sess:id"] = `{"cookie":{}}`
	b := newServer(t, o, session.Options{}).browser("connect.sid", cookie)
	b.wantPage("/", " []")
	b.wantCookies("connect.sid")
}

func TestTheRecordOfAnAnonymousVisitorIsDeletedAsWell(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o, records, cookie := fromExpress()
		records.values["sess:id"] = `{"cookie":{},"cart":["coat"]}`
		b := newServer(t, o, session.Options{}).browser("connect.sid", cookie)
		b.get("/")
		b.get("/")
		<-time.After(grace)
		if b.wantPage("/", " [coat]"); len(records.values) > 0 {
			t.Error("the record is there still")
		}
	})
}

// TestARecordIsDeletedWhereItIs has two old applications with records under the same key.
func TestARecordIsDeletedWhereItIs(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		_, records, cookie := fromExpress()
		_, others, _ := fromExpress()
		express := func(r migrate.Records, name string) migrate.Source {
			return migrate.Express{Keys: []string{"a secret"}, Records: r, Cookie: http.Cookie{Name: name}}
		}
		o := migrate.Options{Sources: []migrate.Source{express(others, "other"), express(records, "connect.sid")}}
		b := newServer(t, o, session.Options{}).browser("connect.sid", cookie)
		b.get("/")
		b.cookies["other"] = cookie // they have signed in to the other one as well
		b.wantPage("/", "ann [coat]")
		if len(others.values) > 0 || len(records.values) == 0 {
			t.Errorf("%d and %d records", len(others.values), len(records.values))
		}
		others.values["sess:id"] = "of somebody else's"
		<-time.After(grace)
		if b.get("/"); len(others.values) == 0 || len(records.values) > 0 {
			t.Errorf("then %d and %d records", len(others.values), len(records.values))
		}
	})
}

package migrate_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/cloakroom-go/cloakroom/core/memstore"
	"github.com/cloakroom-go/cloakroom/core/session"
	"github.com/cloakroom-go/cloakroom/migrate"
)

func TestAVisitorIsLetInWithCartAndSubject(t *testing.T) {
	t.Parallel()
	srv := newServer(t, fromFlask(), session.Options{})
	b := srv.browser("session", known(t))
	w := b.send(http.MethodGet, "/")
	if got := w.Body.String(); got != "ann [coat]" {
		t.Errorf("the first page shows %q", got)
	}
	if set := w.Header()["Set-Cookie"]; len(set) != 2 || set[0] != flask.Expired().String() || !strings.HasPrefix(set[1], ours+"=") {
		t.Errorf("the answer sets %q", set)
	}
	b.take(w)
	b.wantCookies(ours)
	b.wantPage("/add", "")
	b.wantPage("/", "ann [coat hat]")
	srv.wantEvents(map[migrate.EventKind]int{migrate.EventReceived: 1})
	if e := srv.events[0]; e.Source != "migrate.Flask session" || e.Subject != "ann" || e.Err != nil {
		t.Errorf("the event is %+v", e)
	}
}

func TestVisitorsAreLetInWithoutAStoreAsWell(t *testing.T) {
	t.Parallel()
	sessions, err := session.NewCookieOnly(session.Options{Keys: [][]byte{session.GenerateKey()}})
	if err != nil {
		t.Fatal(err)
	}
	options, _, cookie := fromExpress()
	options.Subject = func(old migrate.Legacy) (string, error) { return migrate.Value[string](old.Values, "user") }
	reception, err := migrate.NewReception(sessions, options)
	if err != nil {
		t.Fatal(err)
	}
	page := sessions.HandlerFunc(func(w http.ResponseWriter, _ *http.Request, s *session.Session) { fmt.Fprint(w, s.Subject()) })
	b := (&server{t: t, handler: sessions.Handler(reception.Handler(page))}).browser("connect.sid", cookie)
	b.wantPage("/", "ann")
	b.wantCookies(ours)
	b.wantPage("/", "ann")
}

func TestWhatIsRefusedIsAnonymousAndOnlyTheLogSaysWhy(t *testing.T) {
	t.Parallel()
	srv := newServer(t, fromFlask(), session.Options{})
	forged, err := migrate.Flask{Keys: []string{"another"}}.Encode(migrate.Values{"user": "eve"})
	if err != nil {
		t.Fatal(err)
	}
	number, noCart := flaskCookie(t, migrate.Values{"user": 7}), flaskCookie(t, migrate.Values{"user": "x", "cart": 7})
	for _, value := range []string{forged, "garbage", number, noCart} {
		b := srv.browser("session", value)
		w := b.send(http.MethodGet, "/")
		if w.Code != http.StatusOK || w.Body.String() != " []" || w.Header()["Set-Cookie"] != nil {
			t.Errorf("%d %q, cookies %q", w.Code, w.Body, w.Header()["Set-Cookie"])
		}
	}
	srv.wantEvents(map[migrate.EventKind]int{migrate.EventRefused: 4})
	for _, why := range []string{"signature does not match", `value \"user\" is int64`, `value \"cart\" is int64`} {
		if !strings.Contains(srv.log.String(), why) {
			t.Errorf("the log does not say %s:\n%s", why, &srv.log)
		}
	}
}

func TestALimitOfSessionsHolds(t *testing.T) {
	t.Parallel()
	for _, refuse := range []bool{false, true} {
		srv := newServer(t, fromFlask(), session.Options{MaxSessions: 2, RefuseNew: refuse})
		browsers := make([]*browser, 3)
		for i := range browsers {
			browsers[i] = srv.browser("session", flaskCookie(t, migrate.Values{"user": "ann", "device": i}))
			browsers[i].get("/")
			browsers[i].get("/")
		}
		var signedIn []int
		for i, b := range browsers {
			if strings.HasPrefix(b.get("/"), "ann") {
				signedIn = append(signedIn, i)
			}
		}
		want := []int{1, 2}
		if refuse {
			want = []int{0, 1}
			browsers[2].wantCookies("session")
		}
		if !slices.Equal(signedIn, want) {
			t.Errorf("RefuseNew %t: %v are signed in, want %v\n%s", refuse, signedIn, want, &srv.log)
		}
	}
}

func TestWhoIsOneTooManyKeepsTheAnonymousSession(t *testing.T) {
	t.Parallel()
	srv := newServer(t, fromFlask(), session.Options{MaxSessions: 1, RefuseNew: true})
	first := srv.browser("session", flaskCookie(t, migrate.Values{"user": "ann"}))
	first.wantPage("/", "ann []")
	first.wantPage("/", "ann []")
	second := srv.browser("other", "x")
	second.get("/add")
	second.cookies["session"] = known(t)
	second.wantPage("/", " [hat]")
	second.wantCookies(ours, "other", "session")
}

func TestAnotherSitesRequestLetsNobodyIn(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		method, site, mode, dest string
		sameSite                 http.SameSite
		in                       bool
	}{
		{method: "POST", site: "cross-site", mode: "navigate", dest: "document"},
		{method: "GET", site: "cross-site", mode: "cors", dest: "empty"},
		{method: "GET", site: "cross-site", mode: "navigate", dest: "iframe"},
		{method: "GET", site: "cross-site", mode: "navigate", dest: "document", in: true},
		{method: "POST", site: "same-origin", mode: "navigate", dest: "document", in: true},
		{method: "POST", in: true},
		{method: "POST", site: "cross-site", mode: "navigate", dest: "iframe", sameSite: http.SameSiteNoneMode, in: true},
	} {
		so := session.Options{Cookie: session.Cookie{SameSite: tc.sameSite}}
		b := newServer(t, fromFlask(), so).browser("session", known(t))
		for name, value := range map[string]string{"Site": tc.site, "Mode": tc.mode, "Dest": tc.dest} {
			if value != "" {
				b.header.Set("Sec-Fetch-"+name, value)
			}
		}
		w := b.send(tc.method, "/")
		if in := w.Body.String() == "ann [coat]"; in != tc.in || (w.Header()["Set-Cookie"] != nil) != tc.in {
			t.Errorf("%+v: %q, cookies %q", tc, w.Body, w.Header()["Set-Cookie"])
		}
		if !tc.in {
			b.wantEvents(map[migrate.EventKind]int{})
		}
		b.header = http.Header{}
		b.wantPage("/", "ann [coat]")
	}
}

func TestAnAnonymousVisitorKeepsTheCart(t *testing.T) {
	t.Parallel()
	b := newServer(t, fromFlask(), session.Options{}).browser("session", flaskCookie(t, migrate.Values{"cart": []any{"coat"}}))
	b.wantPage("/", " [coat]")
	b.wantCookies(ours)
	b.wantPage("/", " [coat]")

	empty := newServer(t, fromFlask(), session.Options{}).browser("session", flaskCookie(t, migrate.Values{"csrf": "x"}))
	empty.wantPage("/", " []")
	empty.wantCookies("session")
}

// TestASourceWhoseCookieHasOurNameIsRefused keeps our ticket from being looked up at the
// old server: it would be in that server's log.
func TestASourceWhoseCookieHasOurNameIsRefused(t *testing.T) {
	t.Parallel()
	o := session.Options{Keys: [][]byte{session.GenerateKey()}, Cookie: session.Cookie{Insecure: true}}
	stored, err := session.New(memstore.New(memstore.Options{}), o)
	if err != nil {
		t.Fatal(err)
	}
	inCookie, err := session.NewCookieOnly(o)
	if err != nil {
		t.Fatal(err)
	}
	options := fromFlask()
	options.Subject = func(migrate.Legacy) (string, error) { return "", nil }
	for _, sessions := range []*session.Manager{stored, inCookie} {
		if _, err := migrate.NewReception(sessions, options); err == nil || !strings.Contains(err.Error(), "Cookie.Name") {
			t.Errorf("the error is %v", err)
		}
	}
	options.Sources = []migrate.Source{migrate.Flask{Keys: []string{"a secret"}, Cookie: http.Cookie{Name: "shop"}}}
	for _, sessions := range []*session.Manager{stored, inCookie} {
		if _, err := migrate.NewReception(sessions, options); err != nil {
			t.Error(err)
		}
	}
}

func TestARequestWithoutOldCookiesCostsNothing(t *testing.T) {
	t.Parallel()
	srv := newServer(t, fromFlask(), session.Options{})
	b := srv.browser("session", known(t))
	b.get("/")
	srv.store.loads.Store(0)
	w := b.send(http.MethodGet, "/static")
	if n := srv.store.loads.Load(); n != 0 || w.Header().Get("Vary") != "" {
		t.Errorf("%d loads, Vary: %s", n, w.Header().Get("Vary"))
	}
}

func TestWhatCanNotWorkIsRefused(t *testing.T) {
	t.Parallel()
	sessions, err := session.New(memstore.New(memstore.Options{}), session.Options{Keys: [][]byte{session.GenerateKey()}})
	if err != nil {
		t.Fatal(err)
	}
	subject := func(migrate.Legacy) (string, error) { return "", nil }
	gorilla := func(name, dir string, r migrate.Records, keys ...[]byte) migrate.Gorilla {
		return migrate.Gorilla{Cookie: http.Cookie{Name: name}, Dir: dir, Records: r, Keys: keys}
	}
	for why, o := range map[string]migrate.Options{
		"Sources is empty":      {Subject: subject},
		"Subject is not set":    {Sources: []migrate.Source{flask}},
		"Flask: set Keys":       {Sources: []migrate.Source{migrate.Flask{}}},
		"Keys[1] is empty":      {Sources: []migrate.Source{migrate.Starlette{Keys: []string{"a", ""}}}},
		"Express: set Records":  {Sources: []migrate.Source{flask, migrate.Express{Keys: []string{"a"}}}},
		"set Records":           {Sources: []migrate.Source{migrate.FlaskSession{}}},
		"FastSession":           {Sources: []migrate.Source{migrate.FastSession{Keys: []string{"a"}}}},
		"Starsessions":          {Sources: []migrate.Source{migrate.Starsessions{}}},
		"set Store":             {Sources: []migrate.Source{migrate.SCS{}}},
		"set Cookie.Name":       {Sources: []migrate.Source{gorilla("", "", nil, []byte{1})}},
		"Gorilla: set Keys":     {Sources: []migrate.Source{gorilla("s", "", nil)}},
		"Keys[2] is empty":      {Sources: []migrate.Source{gorilla("s", "", nil, []byte{1}, nil, nil)}},
		"Dir or Records, not b": {Sources: []migrate.Source{gorilla("s", "x", &legacyRecords{}, []byte{1})}},
	} {
		if !strings.HasPrefix(why, "Sub") {
			o.Subject = subject
		}
		if _, err := migrate.NewReception(sessions, o); err == nil || !strings.Contains(err.Error(), why) {
			t.Errorf("%v, want %q", err, why)
		}
	}
	if _, err := migrate.NewReception(nil, migrate.Options{Sources: []migrate.Source{flask}, Subject: subject}); err == nil {
		t.Error("a Manager that is nil is accepted")
	}
}

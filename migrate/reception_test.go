package migrate_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cloakroom-go/cloakroom/core/memstore"
	"github.com/cloakroom-go/cloakroom/core/session"
	"github.com/cloakroom-go/cloakroom/core/sessionstore"
	"github.com/cloakroom-go/cloakroom/migrate"
)

var cart = session.NewKey[[]string]("cart")

// A server is an application that visitors move to.
type server struct {
	t       *testing.T
	handler http.Handler
	store   *flakyStore
	log     bytes.Buffer

	mu     sync.Mutex
	events []migrate.Event
}

// flakyStore is a store that can be down.
type flakyStore struct {
	*memstore.Store

	down  error
	loads int
}

func (f *flakyStore) Load(ctx context.Context, id string) (sessionstore.Record, error) {
	f.loads++
	if f.down != nil {
		return sessionstore.Record{}, f.down
	}
	return f.Store.Load(ctx, id)
}

func (f *flakyStore) Create(ctx context.Context, id string, r sessionstore.Record) error {
	if f.down != nil {
		return f.down
	}
	return f.Store.Create(ctx, id, r)
}

// newServer starts an application with a page for what tests do.
func newServer(t *testing.T, o migrate.Options, so session.Options) *server {
	t.Helper()
	srv := &server{t: t, store: &flakyStore{Store: memstore.New(memstore.Options{})}}
	logger := slog.New(slog.NewTextHandler(&srv.log, nil))
	so.Keys, so.Logger = [][]byte{session.GenerateKey()}, logger
	sessions, err := session.New(srv.store, so)
	if err != nil {
		t.Fatal(err)
	}
	o.Logger = logger
	o.OnEvent = func(_ context.Context, e migrate.Event) {
		srv.mu.Lock()
		defer srv.mu.Unlock()
		srv.events = append(srv.events, e)
	}
	if o.Subject == nil {
		o.Subject = func(old migrate.Legacy) (string, error) { return migrate.Value[string](old.Values, "user") }
	}
	if o.Values == nil {
		o.Values = func(old migrate.Legacy, s *session.Session) error { return migrate.Move(old.Values, "cart", cart, s) }
	}
	reception, err := migrate.NewReception(sessions, o)
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	page := func(pattern string, f func(http.ResponseWriter, *http.Request, *session.Session)) {
		mux.Handle(pattern, sessions.HandlerFunc(f))
	}
	page("/{$}", func(w http.ResponseWriter, _ *http.Request, s *session.Session) {
		fmt.Fprintf(w, "%s %v", s.Subject(), cart.Get(s))
	})
	page("/add", func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
		cart.Update(s, func(items []string) []string { return append(items, "hat") })
	})
	page("/logout", func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		s.Destroy()
		if o.Keep {
			if err := reception.End(w, r); err != nil {
				t.Error(err)
			}
		}
	})
	mux.HandleFunc("/static", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "no session") })
	srv.handler = sessions.Handler(reception.Handler(mux))
	return srv
}

// wantEvents compares how often which kinds of events have happened.
func (srv *server) wantEvents(want map[migrate.EventKind]int) {
	srv.t.Helper()
	srv.mu.Lock()
	defer srv.mu.Unlock()
	got := map[migrate.EventKind]int{}
	for _, e := range srv.events {
		got[e.Kind]++
	}
	if !maps.Equal(got, want) {
		srv.t.Errorf("events: %v, want %v", got, want)
	}
}

// A browser keeps cookies.
type browser struct {
	*server

	cookies map[string]string
	header  http.Header
}

func (srv *server) browser(name, value string) *browser {
	return &browser{server: srv, cookies: map[string]string{name: value}, header: http.Header{}}
}

// send sends a request, and leaves its answer to the test.
func (b *browser) send(method, path string) *httptest.ResponseRecorder {
	b.t.Helper()
	r := httptest.NewRequestWithContext(b.t.Context(), method, path, http.NoBody)
	r.Header = b.header.Clone()
	for name, value := range b.cookies {
		r.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	w := httptest.NewRecorder()
	b.handler.ServeHTTP(w, r)
	return w
}

// get sends a request, takes in its cookies, and returns the page.
func (b *browser) get(path string) string {
	b.t.Helper()
	w := b.send(http.MethodGet, path)
	b.take(w)
	return w.Body.String()
}

func (b *browser) take(w *httptest.ResponseRecorder) {
	for _, c := range w.Result().Cookies() {
		if c.MaxAge < 0 {
			delete(b.cookies, c.Name)
		} else {
			b.cookies[c.Name] = c.Value
		}
	}
}

func (b *browser) wantPage(path, want string) {
	b.t.Helper()
	if got := b.get(path); got != want {
		b.t.Errorf("%s shows %q, want %q\n%s", path, got, want, &b.log)
	}
}

func (b *browser) wantCookies(want ...string) {
	b.t.Helper()
	var got []string
	for name := range b.cookies {
		got = append(got, name)
	}
	if slices.Sort(got); !slices.Equal(got, want) {
		b.t.Errorf("the browser has %q, want %q", got, want)
	}
}

const ours = "__Host-session"

var flask = migrate.Flask{Keys: []string{"a secret"}}

func flaskCookie(t *testing.T, values migrate.Values) string {
	t.Helper()
	value, err := flask.Encode(values)
	if err != nil {
		t.Fatal(err)
	}
	return value
}

func known(t *testing.T) string {
	t.Helper()
	return flaskCookie(t, migrate.Values{"user": "ann", "cart": []any{"coat"}})
}

func fromFlask() migrate.Options { return migrate.Options{Sources: []migrate.Source{flask}} }

// legacyRecords are those of an old server that can be down.
type legacyRecords struct {
	values map[string]string
	down   error
	hangs  bool
}

func (l *legacyRecords) Load(ctx context.Context, key string) ([]byte, error) {
	if l.hangs {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	if l.down != nil {
		return nil, l.down
	}
	value, ok := l.values[key]
	if !ok {
		return nil, migrate.ErrNotFound
	}
	return []byte(value), nil
}

func (l *legacyRecords) Delete(_ context.Context, key string) error {
	if l.down != nil {
		return l.down
	}
	delete(l.values, key)
	return nil
}

// fromExpress returns options, the records, and a cookie of a visitor who is signed
// in.
func fromExpress() (migrate.Options, *legacyRecords, string) {
	records := &legacyRecords{values: map[string]string{"sess:id": `{"cookie":{},"user":"ann","cart":["coat"]}`}}
	express := migrate.Express{Keys: []string{"a secret"}, Records: records}
	return migrate.Options{Sources: []migrate.Source{express}}, records, "s:" + express.Sign("id")
}

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
	if e := srv.events[0]; e.Subject != "ann" || e.Err != nil {
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

func TestALostAnswerSignsNobodyOut(t *testing.T) {
	t.Parallel()
	options, _, cookie := fromExpress()
	for _, b := range []*browser{
		newServer(t, fromFlask(), session.Options{}).browser("session", known(t)),
		newServer(t, options, session.Options{}).browser("connect.sid", cookie),
	} {
		for range 3 {
			b.send(http.MethodGet, "/add") // and nobody gets the answer
		}
		b.wantPage("/", "ann [coat]")
		b.wantCookies(ours)
		b.wantPage("/", "ann [coat]")
	}
}

func TestOfTwoFirstRequestsEitherAnswerWorks(t *testing.T) {
	t.Parallel()
	for _, order := range [][2]int{{0, 1}, {1, 0}} {
		options, _, cookie := fromExpress()
		b := newServer(t, options, session.Options{}).browser("connect.sid", cookie)
		answers := make([]*httptest.ResponseRecorder, 2)
		var wg sync.WaitGroup
		for i := range answers {
			wg.Go(func() { answers[i] = b.send(http.MethodGet, "/") })
		}
		wg.Wait()
		for _, i := range order {
			if got := answers[i].Body.String(); got != "ann [coat]" {
				t.Errorf("one answer shows %q", got)
			}
			b.take(answers[i])
		}
		b.wantCookies(ours)
		b.wantPage("/", "ann [coat]")
	}
}

func TestAnOutageKeepsTheOldCookie(t *testing.T) {
	t.Parallel()
	options, records, cookie := fromExpress()
	srv := newServer(t, options, session.Options{})
	b := srv.browser("connect.sid", cookie)
	outage := errors.New("connection refused")
	for name, down := range map[string]*error{"the old records": &records.down, "the new store": &srv.store.down} {
		*down = outage
		w := b.send(http.MethodGet, "/")
		if w.Code != http.StatusServiceUnavailable || w.Header()["Set-Cookie"] != nil {
			t.Errorf("%s: %d, cookies %q", name, w.Code, w.Header()["Set-Cookie"])
		}
		if strings.Contains(w.Body.String(), outage.Error()) {
			t.Errorf("%s: the visitor is told %q", name, w.Body)
		}
		*down = nil
	}
	b.wantPage("/", "ann [coat]")
	srv.wantEvents(map[migrate.EventKind]int{migrate.EventFailed: 2, migrate.EventReceived: 1})
	// Once let in, the visitor needs the old server no more.
	records.down = outage
	b.wantPage("/", "ann [coat]")
}

func TestOldRecordsThatDoNotAnswerAreGivenUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		options, records, cookie := fromExpress()
		records.hangs = true
		b := newServer(t, options, session.Options{}).browser("connect.sid", cookie)
		began := time.Now()
		if w := b.send(http.MethodGet, "/"); w.Code != http.StatusServiceUnavailable {
			t.Errorf("%d %s", w.Code, w.Body)
		}
		if waited := time.Since(began); waited != session.DefaultStoreTimeout {
			t.Errorf("the visitor has waited for %v", waited)
		}
	})
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
	for _, why := range []string{"signature does not match", `value \"user\" is a int64`, `value \"cart\" is a int64`} {
		if !strings.Contains(srv.log.String(), why) {
			t.Errorf("the log does not say %s:\n%s", why, &srv.log)
		}
	}
}

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
		if len(records.values) > 0 {
			t.Error("the record is still there")
		}
		b.take(slow) // its session is good as well
		b.wantPage("/", "ann [coat]")
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

func TestALimitOfSessionsHolds(t *testing.T) {
	t.Parallel()
	for _, refuse := range []bool{false, true} {
		srv := newServer(t, fromFlask(), session.Options{MaxSessions: 2, RefuseNew: refuse})
		browsers := make([]*browser, 3)
		for i := range browsers {
			browsers[i] = srv.browser("session", known(t))
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
	first := srv.browser("session", known(t))
	first.wantPage("/", "ann [coat]")
	first.wantPage("/", "ann [coat]")
	second := srv.browser("other", "x")
	second.get("/add")
	second.cookies["session"] = known(t)
	second.wantPage("/", " [hat]")
	second.wantCookies(ours, "other", "session")
}

// TestWhateverIsLostNobodyIsSignedOut plays a browser on a bad line: answers are lost
// or come late, requests overlap, servers are down, and time passes.
func TestWhateverIsLostNobodyIsSignedOut(t *testing.T) {
	t.Parallel()
	for seed := range uint64(200) {
		synctest.Test(t, func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 0))
			options, records, cookie := fromExpress()
			name := "connect.sid"
			if seed%2 == 0 {
				options, name, cookie = fromFlask(), "session", known(t)
			}
			srv := newServer(t, options, session.Options{RenewEvery: 5 * time.Minute})
			b := srv.browser(name, cookie)
			var late []*httptest.ResponseRecorder
			for range 60 {
				records.down, srv.store.down = nil, nil
				switch random.IntN(8) {
				case 0:
					records.down = errors.New("down")
				case 1:
					srv.store.down = errors.New("down")
				case 2:
					<-time.After(time.Duration(random.IntN(100)) * time.Second)
				}
				w := b.send(http.MethodGet, "/")
				if w.Code != http.StatusServiceUnavailable && w.Body.String() != "ann [coat]" {
					t.Fatalf("seed %d: %d %s\n%s", seed, w.Code, w.Body, &srv.log)
				}
				switch random.IntN(4) {
				case 0: // lost
				case 1:
					late = append(late, w)
				default:
					b.take(w)
				}
				if len(late) > 0 && random.IntN(3) == 0 {
					b.take(late[0])
					late = late[1:]
				}
			}
		})
		if t.Failed() {
			return
		}
	}
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

func TestAVisitorWhoSignsInOverThereIsSignedInHere(t *testing.T) {
	t.Parallel()
	b := newServer(t, fromFlask(), session.Options{}).browser("other", "x")
	b.wantPage("/add", "")
	b.wantPage("/", " [hat]")
	b.cookies["session"] = flaskCookie(t, migrate.Values{"cart": []any{"coat"}})
	b.wantPage("/", " [hat]") // one anonymous session is enough
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
	options.Keep = true
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

func TestARequestWithoutOldCookiesCostsNothing(t *testing.T) {
	t.Parallel()
	srv := newServer(t, fromFlask(), session.Options{})
	b := srv.browser("session", known(t))
	b.get("/")
	srv.store.loads = 0
	w := b.send(http.MethodGet, "/static")
	if srv.store.loads != 0 || w.Header().Get("Vary") != "" {
		t.Errorf("%d loads, Vary: %s", srv.store.loads, w.Header().Get("Vary"))
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

package dbsc_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cloakroom-go/cloakroom/core/dbsc"
	"github.com/cloakroom-go/cloakroom/core/memstore"
	"github.com/cloakroom-go/cloakroom/core/session"
)

func TestACopyIsRefusedAndEndsNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		st := newSite(t)
		b := st.device()
		b.signIn()
		thief := b.steal()
		want(t, http.StatusOK, thief.visit("/vault"), "the copy, while its cookie is good")
		<-time.After(dbsc.DefaultLifetime*3/2 - time.Second)
		want(t, http.StatusOK, thief.visit("/vault"), "the copy, as late as clocks may differ")
		<-time.After(time.Second)
		for range 3 {
			res := thief.send(http.MethodGet, "/vault")
			want(t, http.StatusForbidden, res, "the copy afterwards")
			if res.Header.Get(challenge) == "" {
				t.Error("no challenge")
			}
			if c := res.Cookies(); len(c) != 1 || c[0].Name != boundCookie || c[0].MaxAge >= 0 || c[0].Path != "/" || !c[0].Secure {
				t.Errorf("the cookie is not taken back: %v", c)
			}
		}
		thief.signer, thief.id = ecKey(t), b.id
		want(t, http.StatusForbidden, thief.refresh(), "a copy that refreshes with a key of its own")
		want(t, http.StatusOK, b.visit("/vault"), "the visitor")
		if got := st.seen(dbsc.EventRequestRefused); len(got) != 3 || got[0].ID == "" || got[0].Subject != "ann" {
			t.Errorf("events: %v", got)
		}
	})
}

func TestOnlyTheLoginsOwnCookieIsGood(t *testing.T) {
	t.Parallel()
	st := newSite(t)
	b, other := st.device(), st.device()
	b.signIn()
	other.signIn()
	good := b.jar[boundCookie].Value
	values := map[string]string{
		"nothing": "", "another session's": other.jar[boundCookie].Value, "the ticket": b.jar[ticketCookie].Value,
		"a challenge": b.ask(), "a longer one": good + "A", "a megabyte": strings.Repeat("A", 1<<20),
		"a line break": good[:10] + "\n" + good[11:],
	}
	for i := range good {
		changed := []byte(good)
		changed[i] ^= 1
		values["changed at "+string(changed)] = string(changed)
	}
	for name, value := range values {
		thief := b.steal()
		delete(thief.jar, boundCookie)
		want(t, http.StatusForbidden, thief.visit("/vault", "Cookie", boundCookie+"="+value), name)
	}
	res := b.steal().visit("/vault", "Cookie", boundCookie+"=x")
	want(t, http.StatusOK, res, "the right one, and another")
}

func TestEveryValueThatHasNotExpiredIsGood(t *testing.T) {
	t.Parallel()
	st := newSite(t)
	b := st.device()
	b.signIn()
	var copies []*browser
	for range 5 {
		copies = append(copies, b.steal())
		want(t, http.StatusOK, b.refresh(), "refreshing")
	}
	for _, c := range copies {
		want(t, http.StatusOK, c.visit("/vault"), "an earlier value")
	}
}

func TestWhatMovesASessionKeepsItsBinding(t *testing.T) {
	t.Parallel()
	st := newSite(t)
	b := st.device()
	b.signIn()
	for _, path := range []string{"/renew", "/step-up", "/again"} {
		before := b.jar[ticketCookie].Value
		if b.visit(path); b.jar[ticketCookie].Value == before {
			t.Fatalf("%s moves nothing", path)
		}
		wantStatus(t, dbsc.Bound, b.visit("/vault"), path)
		want(t, http.StatusOK, b.refresh(), path)
		if list, err := st.sessions.List(t.Context(), "ann"); err != nil || len(list) != 1 || !dbsc.IsBound(list[0]) {
			t.Errorf("%s: the list says that it is not bound: %+v", path, list)
		}
	}
}

// TestANewKeyOfTheApplicationKeepsBindings: with the old one in the ring, and removed
// when the ticket is new.
func TestANewKeyOfTheApplicationKeepsBindings(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		st := newSite(t)
		b := st.device()
		b.signIn()
		before := b.jar[ticketCookie].Value
		st.opts.Keys = [][]byte{session.GenerateKey(), st.opts.Keys[0]}
		st.start()
		<-time.After(session.DefaultRenewGrace) // tickets are no younger when they are replaced
		wantStatus(t, dbsc.Bound, b.visit("/vault"), "with both keys")
		if b.jar[ticketCookie].Value == before {
			t.Fatal("no new ticket")
		}
		st.opts.Keys = st.opts.Keys[:1]
		st.start()
		wantStatus(t, dbsc.Bound, b.visit("/vault"), "with the new key")
		want(t, http.StatusOK, b.refresh(), "with the new key")
	})
}

// TestALoginNeedsABindingOfItsOwn: what the visitor has proved is not held back by a key
// that the browser may have lost.
func TestALoginNeedsABindingOfItsOwn(t *testing.T) {
	t.Parallel()
	for _, who := range []string{"ann", "bob"} {
		st := newSite(t)
		b := st.device()
		b.signIn()
		old := b.id
		b.signer, b.id = nil, "" // the browser has lost its key
		delete(b.jar, boundCookie)
		want(t, http.StatusForbidden, b.visit("/vault"), "without the key")
		b.visit("/login/" + who)
		wantStatus(t, dbsc.Unbound, b.visit("/vault"), who)
		b.signer = ecKey(t)
		want(t, http.StatusOK, b.register(b.offered), "registering")
		if b.id == old {
			t.Error("the new binding has the old one's identifier")
		}
		wantStatus(t, dbsc.Bound, b.visit("/vault"), who)
	}
}

// TestACopyOfAnEarlierTicketNeedsItsDeviceToTheEnd: the visitor signs in once more, and the
// old ticket works on for the grace.
func TestACopyOfAnEarlierTicketNeedsItsDeviceToTheEnd(t *testing.T) {
	t.Parallel()
	st := newSite(t)
	b := st.device()
	b.signIn()
	thief := b.steal()
	delete(thief.jar, boundCookie)
	b.visit("/login/ann")
	wantStatus(t, dbsc.Bound, b.visit("/vault"), "the visitor")
	res := thief.visit("/")
	if res.Header.Get("Subject") != "ann" {
		t.Fatal("the old ticket is good for nothing; nothing is shown")
	}
	want(t, http.StatusForbidden, thief.visit("/vault"), "the old ticket")
	thief.jar[boundCookie] = b.jar[boundCookie]
	want(t, http.StatusForbidden, thief.visit("/vault"), "the old ticket with the new login's cookie")
}

// TestClearingTheValuesUnbindsNothing: whoever has copied the cookie could call a page that does.
func TestClearingTheValuesUnbindsNothing(t *testing.T) {
	t.Parallel()
	st := newSite(t)
	b := st.device()
	b.signIn()
	thief := b.steal()
	delete(thief.jar, boundCookie)
	thief.send(http.MethodGet, "/clear")
	want(t, http.StatusForbidden, thief.send(http.MethodGet, "/vault"), "a copy that has cleared the values")
	want(t, http.StatusOK, b.visit("/vault"), "the visitor")
}

func TestARecordRemembersAsManyLoginsAsTickets(t *testing.T) {
	t.Parallel()
	st := newSite(t)
	b := st.device()
	for range 12 {
		b.signIn()
	}
	var size int
	h := st.sessions.HandlerFunc(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
		size = len(session.NewKey[[]any]("cloakroom.dbsc").Get(s))
	})
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", http.NoBody)
	r.AddCookie(&http.Cookie{Name: ticketCookie, Value: b.jar[ticketCookie].Value})
	h.ServeHTTP(httptest.NewRecorder(), r)
	if size != 8 {
		t.Errorf("%d", size)
	}
}

// TestALinkFromAnotherSiteLeadsIn: a browser refreshes nothing then, and does when the
// page loads again by itself.
func TestALinkFromAnotherSiteLeadsIn(t *testing.T) {
	t.Parallel()
	st := newSite(t)
	b := st.device()
	b.signIn()
	delete(b.jar, boundCookie)
	navigate := func(site string) []string { return []string{"Sec-Fetch-Mode", "navigate", "Sec-Fetch-Site", site} }
	for _, site := range []string{"cross-site", "same-site"} {
		res := b.send(http.MethodGet, "/vault", navigate(site)...)
		want(t, http.StatusForbidden, res, site)
		if res.Header.Get("Refresh") != "0" || res.Header.Get(challenge) == "" || res.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %v", site, res.Header)
		}
	}
	if len(st.seen(dbsc.EventRequestRefused)) != 0 {
		t.Error("it is told as a copy's")
	}
	for name, res := range map[string]*http.Response{
		"the page itself": b.send(http.MethodGet, "/vault", navigate("same-origin")...),
		"an address":      b.send(http.MethodGet, "/vault", navigate("none")...),
		"a form":          b.send(http.MethodPost, "/vault", navigate("cross-site")...),
		"a script":        b.send(http.MethodGet, "/vault", "Sec-Fetch-Mode", "cors", "Sec-Fetch-Site", "cross-site"),
	} {
		want(t, http.StatusForbidden, res, name)
		if res.Header.Get("Refresh") != "" {
			t.Errorf("%s: loads again for ever", name)
		}
	}
}

func TestWhoIsRefusedGetsTheApplicationsPage(t *testing.T) {
	t.Parallel()
	st := newSite(t)
	b := st.device()
	b.signIn()
	page := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) })
	st.handler = st.sessions.Handler(st.binder.RefuseUnproven(page, page))
	want(t, http.StatusTeapot, b.send(http.MethodGet, "/"), "bound")
	delete(b.jar, boundCookie)
	res := b.send(http.MethodGet, "/")
	want(t, http.StatusTeapot, res, "unproven")
	if res.Header.Get(challenge) == "" || len(st.seen(dbsc.EventRequestRefused)) != 1 {
		t.Error("it was not noticed")
	}
}

func TestAnOutageIsNoCopy(t *testing.T) {
	t.Parallel()
	st := newSite(t)
	b := st.device()
	b.signIn()
	st.store.down.Store(true)
	want(t, http.StatusServiceUnavailable, b.send(http.MethodGet, "/vault"), "while the store is down")
	if len(st.seen(dbsc.EventRequestRefused)) != 0 {
		t.Error("it is told as a copy's")
	}
}

func TestAStatusCostsNoCallOfTheStore(t *testing.T) {
	t.Parallel()
	st := newSite(t)
	b := st.device()
	b.signIn()
	calls := st.store.calls.Load()
	b.visit("/vault")
	if n := st.store.calls.Load() - calls; n != 1 {
		t.Errorf("%d calls, want the load of the session", n)
	}
}

func TestAListSaysWhichSessionsAreBound(t *testing.T) {
	t.Parallel()
	st := newSite(t)
	bound, unbound, lost := st.device(), st.browser(nil), st.device()
	bound.signIn()
	unbound.visit("/login/ann")
	lost.signIn()
	lost.signer = nil
	lost.visit("/login/ann") // the latest login is unbound
	list, err := st.sessions.List(t.Context(), "ann")
	if err != nil || len(list) != 3 {
		t.Fatalf("%d, %v", len(list), err)
	}
	for _, i := range list {
		if want := strings.HasPrefix(bound.id, i.ID+"."); dbsc.IsBound(i) != want {
			t.Errorf("%s: %v", i.ID, !want)
		}
	}
	if dbsc.IsBound(session.Info{}) {
		t.Error("the zero Info is bound")
	}
}

func TestPolicySaysHowSessionsAreBound(t *testing.T) {
	t.Parallel()
	const want = "bound to device:  cookie __Host-session-device, proved anew every 10m0s, by browsers that can\n"
	if got := newSite(t).binder.Policy(); got != want {
		t.Errorf("%q", got)
	}
}

func TestKindsAndStatusesHaveWords(t *testing.T) {
	t.Parallel()
	for got, want := range map[string]string{
		dbsc.EventBound.String(): "bound", dbsc.EventRefreshed.String(): "refreshed", dbsc.EventProofRefused.String(): "proof rejected",
		dbsc.EventRequestRefused.String(): "bound session without its cookie refused", dbsc.EventKind(0).String(): "unknown",
		dbsc.Unbound.String(): "unbound", dbsc.Unproven.String(): "unproven", dbsc.EventKind(9).String(): "unknown",
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	if dbsc.Status(9).String() != "unknown" || dbsc.Status(-1).String() != "unknown" {
		t.Error("a status that is none")
	}
}

func TestOptionsThatCantWorkAreRefused(t *testing.T) {
	t.Parallel()
	manager := func(o session.Options) *session.Manager {
		o.Keys = [][]byte{session.GenerateKey()}
		m, err := session.New(memstore.New(memstore.Options{}), o)
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	travelling, err := session.NewCookieOnly(session.Options{Keys: [][]byte{session.GenerateKey()}})
	if err != nil {
		t.Fatal(err)
	}
	for name, m := range map[string]*session.Manager{
		"none":         nil,
		"in a cookie":  travelling,
		"header field": manager(session.Options{Header: "Authorization"}),
		"insecure":     manager(session.Options{Cookie: session.Cookie{Insecure: true}}),
		"domain":       manager(session.Options{Cookie: session.Cookie{Domain: "shop.test"}}),
		"path":         manager(session.Options{Cookie: session.Cookie{Path: "/app"}}),
		"partitioned":  manager(session.Options{Cookie: session.Cookie{Partitioned: true, SameSite: http.SameSiteNoneMode}}),
	} {
		if b, err := dbsc.New(m, dbsc.Options{}); err == nil || b != nil || !strings.HasPrefix(err.Error(), "dbsc: New: ") {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, o := range []dbsc.Options{
		{Path: "bound"},
		{Path: "/"},
		{Path: `/"`},
		{Path: "/a b"},
		{Path: "/%2e"},
		{Path: "/?a"},
		{Path: "/{a}"},
		{Path: "/bünd"},
		{Lifetime: -1},
		{Lifetime: time.Second - 1},
		{Lifetime: time.Hour + 1},
	} {
		if b, err := dbsc.New(manager(session.Options{}), o); err == nil || b != nil || !strings.HasPrefix(err.Error(), "dbsc: Options.") {
			t.Errorf("%+v: %v", o, err)
		}
	}
}

// TestTheBoundCookieGoesWhereTheTicketGoes: a name and a SameSite that belong to the
// session's cookie. Chromium does not refresh __Host-Http-.
func TestTheBoundCookieGoesWhereTheTicketGoes(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"": boundCookie, "__Host-a": "__Host-a-device", "__Secure-a": "__Host-a-device", "a": "__Host-a-device",
		"__Host-Http-a": "__Host-a-device", "__Http-a": "__Host-a-device", "__hOSt-a": "__Host-a-device",
	} {
		st := newSite(t, func(o *session.Options, _ *dbsc.Options) {
			o.Cookie = session.Cookie{Name: name, SameSite: http.SameSiteStrictMode}
		})
		b := st.browser(nil)
		b.visit("/login/ann")
		b.signer = ecKey(t)
		res := b.send(http.MethodPost, dbsc.DefaultPath, response, b.proof(b.offered, true))
		m := challengeForm.FindStringSubmatch(res.Header.Get(challenge))
		if len(m) != 3 {
			t.Fatalf("%s: %v", name, res.Header)
		}
		b.id = m[2]
		res = b.take(b.prove(m[1]))
		c := b.jar[want]
		if c == nil || !c.Secure || !c.HttpOnly || c.Path != "/" || c.Domain != "" || c.SameSite != http.SameSiteStrictMode {
			t.Fatalf("%s: %v", name, res.Header)
		}
		if c.MaxAge != int(dbsc.DefaultLifetime/time.Second) {
			t.Errorf("%s: kept for %d seconds", name, c.MaxAge)
		}
	}
}

package main

import (
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cloakroom-go/cloakroom/core/memstore"
	"github.com/cloakroom-go/cloakroom/core/session"
	filestore "github.com/cloakroom-go/cloakroom/store-file"
)

// A site is a shop that is open.
type site struct {
	url  string
	shop *shop // nil: in another process
}

// openSite opens a shop; a nil store means that sessions travel in their cookies.
func openSite(t *testing.T, store session.Store, keys [][]byte) site {
	t.Helper()
	return openShop(t, makeShop(t, settings{store: store, keys: keys}))
}

func openShop(t *testing.T, sh *shop) site {
	t.Helper()
	server := httptest.NewServer(sh.handler())
	t.Cleanup(server.Close)
	return site{server.URL, sh}
}

// makeShop makes a shop with what a test leaves open.
func makeShop(t *testing.T, c settings) *shop {
	t.Helper()
	if c.keys == nil {
		c.keys = newKeys()
	}
	if c.fresh == 0 {
		c.fresh = time.Hour
	}
	if c.patience == 0 {
		c.patience = time.Hour // a busy machine is no outage
	}
	c.log = slog.New(slog.DiscardHandler)
	sh, err := newShop(c)
	if err != nil {
		t.Fatal(err)
	}
	return sh
}

func newSite(t *testing.T) site {
	t.Helper()
	return openSite(t, memstore.New(memstore.Options{}), newKeys())
}

func newKeys() [][]byte { return [][]byte{session.GenerateKey()} }

// newFileStore opens the store in dir, which it makes.
func newFileStore(t *testing.T, dir string) *filestore.Store {
	t.Helper()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	store, err := filestore.New(dir, filestore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() }) // a test may have closed it
	return store
}

// A visitor is a browser: it keeps its cookies and shows redirects as they are.
type visitor struct {
	t      *testing.T
	client *http.Client
	url    string
}

func (s site) visitor(t *testing.T) *visitor {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	stay := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	transport := &http.Transport{} // a server of httptest that closes takes connections from the default one
	t.Cleanup(transport.CloseIdleConnections)
	return &visitor{t, &http.Client{Jar: jar, CheckRedirect: stay, Transport: transport}, s.url}
}

// An answer is a response that has been read.
type answer struct {
	status int
	header http.Header
	body   string
}

func (v *visitor) get(path string) answer {
	v.t.Helper()
	return v.send(v.request(http.MethodGet, path, ""))
}

// post sends a form, given as name=value&…, with the token that it has on a page.
func (v *visitor) post(path, form string) answer {
	v.t.Helper()
	return v.send(v.form(path, form, v.token()))
}

const urlencoded = "application/x-www-form-urlencoded"

// form returns the request of post.
func (v *visitor) form(path, form, token string) *http.Request {
	v.t.Helper()
	r := v.request(http.MethodPost, path, "csrf_token="+token+"&"+form)
	r.Header.Set("Content-Type", urlencoded)
	return r
}

// token returns a token of the visitor's session, which begins if there is none.
func (v *visitor) token() string {
	v.t.Helper()
	a := v.get("/preferences")
	found := tokenPattern.FindStringSubmatch(a.body)
	if found == nil {
		v.t.Fatalf("status %d, no token; body:\n%s", a.status, a.body)
	}
	return found[1]
}

var tokenPattern = regexp.MustCompile(`name="csrf_token" value="([^"]+)"`)

func (v *visitor) request(method, path, body string) *http.Request {
	v.t.Helper()
	r, err := http.NewRequestWithContext(v.t.Context(), method, v.url+path, strings.NewReader(body))
	if err != nil {
		v.t.Fatal(err)
	}
	return r
}

func (v *visitor) send(r *http.Request) answer {
	v.t.Helper()
	a, err := v.try(r)
	if err != nil {
		v.t.Fatal(err)
	}
	return a
}

// try is send for other goroutines than the test's.
func (v *visitor) try(r *http.Request) (answer, error) {
	resp, err := v.client.Do(r)
	if err != nil {
		return answer{}, err
	}
	body, err := io.ReadAll(resp.Body)
	return answer{resp.StatusCode, resp.Header, string(body)}, errors.Join(err, resp.Body.Close())
}

// The accounts that every shop has.
var ada, bruno = seeds[0], seeds[1]

// credentials is the sign-in form of an account.
func (s seed) credentials() string { return "login=" + s.Login + "&password=" + s.Password }

func (v *visitor) signIn(s seed) {
	v.t.Helper()
	v.wantRedirect(v.post("/login", s.credentials()), "/")
}

// address is the site's, for a jar.
func (v *visitor) address() *url.URL {
	v.t.Helper()
	u, err := url.Parse(v.url)
	if err != nil {
		v.t.Fatal(err)
	}
	return u
}

// ticket returns the value of the visitor's session cookie.
func (v *visitor) ticket() string {
	v.t.Helper()
	for _, c := range v.client.Jar.Cookies(v.address()) {
		if c.Name == "session" {
			return c.Value
		}
	}
	return ""
}

// withTicket returns what a visitor gets who presents just this ticket.
func (v *visitor) withTicket(path, ticket string) answer {
	v.t.Helper()
	r := v.request(http.MethodGet, path, "")
	r.Header.Set("Cookie", "session="+ticket)
	return site{url: v.url}.visitor(v.t).send(r)
}

func (v *visitor) wantStatus(a answer, want int) {
	v.t.Helper()
	if a.status != want {
		v.t.Errorf("status %d, want %d; body:\n%s", a.status, want, a.body)
	}
}

func (v *visitor) wantRedirect(a answer, want string) {
	v.t.Helper()
	if got := a.header.Get("Location"); a.status != http.StatusSeeOther || got != want {
		v.t.Errorf("status %d to %q, want 303 to %q; body:\n%s", a.status, got, want, a.body)
	}
}

func (v *visitor) wantText(a answer, want string) {
	v.t.Helper()
	if !strings.Contains(a.body, want) {
		v.t.Errorf("status %d without %q; body:\n%s", a.status, want, a.body)
	}
}

func (v *visitor) wantNoText(a answer, unwanted string) {
	v.t.Helper()
	if strings.Contains(a.body, unwanted) {
		v.t.Errorf("status %d with %q; body:\n%s", a.status, unwanted, a.body)
	}
}

// cart returns what the cart's page shows, as "Scarf 2, Umbrella 1".
func (v *visitor) cart() string {
	v.t.Helper()
	a := v.get("/cart")
	v.wantStatus(a, http.StatusOK)
	var items []string
	for _, m := range cartRowPattern.FindAllStringSubmatch(a.body, -1) {
		items = append(items, m[1]+" "+m[2])
	}
	return strings.Join(items, ", ")
}

var cartRowPattern = regexp.MustCompile(`<td><a href="/products/\w+">([^<]+)</a></td>\s*<td class="number quantity">(\d+)</td>`)

// orderForm returns what the button of the checkout's page sends.
func (v *visitor) orderForm() string {
	v.t.Helper()
	a := v.get("/checkout")
	v.wantStatus(a, http.StatusOK)
	found := orderPattern.FindStringSubmatch(a.body)
	if found == nil {
		return ""
	}
	return "cart=" + url.QueryEscape(found[1])
}

var orderPattern = regexp.MustCompile(`name="cart" value="([^"]+)"`)

// together calls f n times at once.
func together(t *testing.T, n int, f func() error) {
	t.Helper()
	errs := make(chan error, n)
	var all sync.WaitGroup
	for range n {
		all.Go(func() { errs <- f() })
	}
	all.Wait()
	close(errs)
	for err := range errs {
		if err != nil {
			t.Error(err)
		}
	}
}

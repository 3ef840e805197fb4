package origins_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"reflect"
	"strings"
	"testing"

	"github.com/cloakroom-go/cloakroom/core/session"
	"github.com/cloakroom-go/cloakroom/migrate"
)

// A shop is an application with the pages /login?user=, /add?item= and /, each of
// which shows who is there, and with what.
type shop struct {
	User string   `json:"user"`
	Cart []string `json:"cart"`
}

// pythonShop starts testdata/python/app.py, and returns where it is.
func pythonShop(t *testing.T, kind, redis string) string {
	t.Helper()
	return startShop(t, exec.CommandContext(t.Context(), python(t), "testdata/python/app.py", kind, redis))
}

// nodeShop starts testdata/node/app.mjs.
func nodeShop(t *testing.T, redis string) string {
	t.Helper()
	dir := node(t)
	cmd := exec.CommandContext(t.Context(), "node", "testdata/node/app.mjs", redis)
	cmd.Env = append(os.Environ(), "ORIGINS_NODE="+dir)
	return startShop(t, cmd)
}

func startShop(t *testing.T, cmd *exec.Cmd) string {
	t.Helper()
	var log bytes.Buffer
	cmd.Stderr = &log
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("%s", &log)
		}
	})
	port, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatalf("%s: %v", cmd, err)
	}
	go func() { _, _ = io.Copy(io.Discard, out) }() // until it ends
	return "http://127.0.0.1:" + strings.TrimSpace(port)
}

// goShop starts a handler.
func goShop(t *testing.T, h http.Handler) string {
	t.Helper()
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	return srv.URL
}

var cart = session.NewKey[[]string]("cart")

// newShop starts the application that visitors move to, on a store. It also has
// the page /logout.
func newShop(t *testing.T, store session.Store, source migrate.Source) string {
	t.Helper()
	sessions, err := session.New(store, session.Options{
		Keys:   [][]byte{session.GenerateKey()},
		Cookie: session.Cookie{Name: "cloakroom", Insecure: true},
	})
	if err != nil {
		t.Fatal(err)
	}
	reception, err := migrate.NewReception(sessions, migrate.Options{
		Sources: []migrate.Source{source},
		Subject: func(old migrate.Legacy) (string, error) { return migrate.Value[string](old.Values, "user") },
		Values:  func(old migrate.Legacy, s *session.Session) error { return migrate.Move(old.Values, "cart", cart, s) },
	})
	if err != nil {
		t.Fatal(err)
	}
	page := sessions.HandlerFunc(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		switch r.URL.Path {
		case "/login":
			s.Authenticate(r.FormValue("user"))
		case "/add":
			cart.Update(s, func(items []string) []string { return append(items, r.FormValue("item")) })
		case "/logout":
			s.Destroy()
		}
		show(t, w, shop{s.Subject(), cart.Get(s)})
	})
	return goShop(t, sessions.Handler(reception.Handler(page)))
}

func show(t *testing.T, w http.ResponseWriter, s shop) {
	t.Helper()
	if err := json.NewEncoder(w).Encode(s); err != nil {
		t.Error(err)
	}
}

// A browser visits shops on one host. Cookies don't tell ports apart, so that they
// all get the same.
type browser struct {
	*http.Client

	t *testing.T
}

func newBrowser(t *testing.T) *browser {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{} // a server of httptest that closes takes connections from the default one
	t.Cleanup(transport.CloseIdleConnections)
	return &browser{&http.Client{Jar: jar, Transport: transport}, t}
}

// visit opens a page, expects to see somebody with a cart, and returns the answer's
// cookies.
func (b *browser) visit(page, user string, items ...string) []*http.Cookie {
	b.t.Helper()
	r, err := http.NewRequestWithContext(b.t.Context(), http.MethodGet, page, http.NoBody)
	if err != nil {
		b.t.Fatal(err)
	}
	answer, err := b.Do(r)
	if err != nil {
		b.t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	var got shop
	if err := json.Unmarshal(text, &got); err != nil {
		b.t.Fatalf("%s: %d: %s", page, answer.StatusCode, text)
	}
	if len(got.Cart) == 0 {
		got.Cart = nil
	}
	if want := (shop{user, items}); !reflect.DeepEqual(got, want) {
		b.t.Errorf("%s shows %v, want %v", page, got, want)
	}
	return answer.Cookies()
}

// cookies returns the browser's cookies by name.
func (b *browser) cookies() map[string]string {
	b.t.Helper()
	all := map[string]string{}
	for _, c := range b.Jar.Cookies(&url.URL{Scheme: "http", Host: "127.0.0.1", Path: "/"}) {
		all[c.Name] = c.Value
	}
	return all
}

// move has a visitor sign in to an old shop, and come to a new one.
func move(t *testing.T, before string, source migrate.Source, after string) {
	t.Helper()
	b, name := newBrowser(t), source.Expired().Name
	b.visit(before+"/login?user=ann", "ann")
	b.visit(before+"/add?item=coat", "ann", "coat")
	old := b.cookies()[name]
	if old == "" {
		t.Fatalf("the old shop sets no cookie %s: %v", name, b.cookies())
	}

	ended := 0
	for _, c := range b.visit(after+"/", "ann", "coat") {
		if c.Name == name {
			ended++
		}
	}
	if ended != 1 {
		t.Errorf("%d cookies end the old one, want 1", ended)
	}
	if left := b.cookies(); len(left) != 1 || left["cloakroom"] == "" {
		t.Errorf("the browser has %v", left)
	}
	b.visit(after+"/add?item=hat", "ann", "coat", "hat")
	b.visit(before+"/", "")
	b.visit(after+"/", "ann", "coat", "hat")

	b.visit(after+"/logout", "")
	b.visit(after+"/", "")
	legacy, err := source.Read(bring(t, name, old))
	if err == nil && legacy.Record != "" {
		t.Error("after signing out, a copy of the old cookie is good still")
	}
}

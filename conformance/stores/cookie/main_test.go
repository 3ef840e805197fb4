package cookie_test

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/cdproto/network"

	"github.com/cloakroom-go/cloakroom/conformance/stores/internal/browser"
	"github.com/cloakroom-go/cloakroom/conformance/stores/internal/leaks"
	"github.com/cloakroom-go/cloakroom/core/memstore"
	"github.com/cloakroom-go/cloakroom/core/session"
)

func TestMain(m *testing.M) {
	leaks.Exit(m, browser.Stop)
}

var counter = session.NewKey[int]("counter")

// A shop is an application with sessions and no other cookie. It answers under every
// host name and path, over https and over http.
type shop struct {
	tb    testing.TB
	mu    sync.Mutex
	m     *session.Manager
	seen  map[string]visit // by host, port, path and query
	ports map[string]string
}

// A visit is what the shop saw of a request.
type visit struct {
	cookies int    // that came along
	value   string // of the first of them
	session *session.Session
}

// open starts a shop.
func open(tb testing.TB, c session.Cookie) *shop {
	tb.Helper()
	s := &shop{tb: tb, seen: make(map[string]visit)}
	s.configure(session.Options{Cookie: c})
	s.ports = map[string]string{"https": browser.Serve(tb, true, s), "http": browser.Serve(tb, false, s)}
	return s
}

// store and keys outlive a configuration.
var (
	store = memstore.New(memstore.Options{})
	keys  = [][]byte{session.GenerateKey()}
)

// configure replaces the shop's options; its sessions go on.
func (s *shop) configure(o session.Options) {
	s.tb.Helper()
	o.Keys, o.Logger = keys, slog.New(slog.DiscardHandler)
	m, err := session.New(store, o)
	if err != nil {
		s.tb.Fatal(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.m = m
}

// url fills in the port.
func (s *shop) url(address string) string {
	s.tb.Helper()
	u, err := url.Parse(address)
	if err != nil {
		s.tb.Fatal(err)
	}
	u.Host += ":" + s.ports[u.Scheme]
	return u.String()
}

// ServeHTTP does what the query asks for, and notes what came along.
func (s *shop) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/favicon.ico" { // browsers ask for it by themselves
		w.WriteHeader(http.StatusNotFound)
		return
	}
	s.mu.Lock()
	m := s.m
	s.mu.Unlock()
	m.HandlerFunc(func(w http.ResponseWriter, r *http.Request, session *session.Session) {
		v := visit{session: session}
		for _, c := range r.Cookies() {
			v.cookies++
			v.value = c.Value
		}
		switch query := r.URL.Query(); query.Get("do") {
		case "count":
			counter.Update(session, func(n int) int { return n + 1 })
		case "login":
			session.Authenticate("ann")
		case "logout":
			session.Destroy()
		case "lost": // on its way to the visitor
			if err := session.Commit(r.Context()); err != nil {
				s.tb.Error(err)
			}
			panic(http.ErrAbortHandler)
		case "set":
			w.Header().Set("Set-Cookie", query.Get("cookie"))
		}
		s.mu.Lock()
		s.seen[r.Host+strings.TrimSuffix(r.URL.RequestURI(), "?")] = v // a form adds the ?
		s.mu.Unlock()
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprintf(w, "<!doctype html><title>shop</title>%d cookies", v.cookies)
	}).ServeHTTP(w, r)
}

// saw returns what came along when an address was last asked for.
func (s *shop) saw(address string) visit {
	s.tb.Helper()
	_, key, _ := strings.Cut(s.url(address), "://")
	s.mu.Lock()
	defer s.mu.Unlock()
	v, ok := s.seen[key]
	if !ok {
		s.tb.Fatalf("%s was not asked for", address)
	}
	return v
}

// A client goes to an address and keeps cookies.
type client interface{ Open(url string) string }

// visit lets a client go to an address, and returns what came along.
func (s *shop) visit(c client, address string) visit {
	s.tb.Helper()
	c.Open(s.url(address))
	return s.saw(address)
}

// give puts a cookie into another browser, by the shop's own Set-Cookie.
func (s *shop) give(v *browser.Visitor, c *network.Cookie) {
	s.tb.Helper()
	line := &http.Cookie{
		Name: c.Name, Value: c.Value, Path: c.Path, Secure: c.Secure, HttpOnly: c.HTTPOnly,
		SameSite: http.SameSiteNoneMode, Partitioned: c.PartitionKey != nil,
	}
	s.set(v, "https://shop.test/", line.String())
	if len(v.Cookies()) != 1 {
		s.tb.Fatalf("the browser did not take %q", line)
	}
}

// set makes the shop answer with a Set-Cookie line.
func (s *shop) set(c client, address, line string) {
	s.tb.Helper()
	s.visit(c, address+"?"+url.Values{"do": {"set"}, "cookie": {line}}.Encode())
}

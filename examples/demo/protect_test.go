package main

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/cloakroom-go/cloakroom/core/memstore"
)

func TestOtherSitesChangeNothing(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	for name, header := range map[string][2]string{
		"Sec-Fetch-Site cross-site": {"Sec-Fetch-Site", "cross-site"},
		"Sec-Fetch-Site same-site":  {"Sec-Fetch-Site", "same-site"},
		"Origin of another host":    {"Origin", "https://evil.example"},
		"Origin null":               {"Origin", "null"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v := s.visitor(t)
			v.signIn()
			for _, path := range []string{"/cart/coat", "/logout", "/visits", "/login"} {
				r := v.request(http.MethodPost, path, "")
				r.Header.Set(header[0], header[1])
				v.wantStatus(v.send(r), http.StatusForbidden)
			}
			v.wantText(v.get("/profile"), demo[0].Name)
			if got := v.cart(); got != "" {
				t.Errorf("cart %q, want an empty one", got)
			}
		})
	}
}

func TestLinksChangeNothing(t *testing.T) {
	t.Parallel()
	v := newSite(t).visitor(t)
	v.signIn()
	for _, path := range []string{"/logout", "/cart/coat", "/cart/coat/remove", "/cart/clear"} {
		v.wantStatus(v.get(path), http.StatusMethodNotAllowed)
	}
	v.wantText(v.get("/profile"), demo[0].Name)
}

func TestInputIsShownEscaped(t *testing.T) {
	t.Parallel()
	v := newSite(t).visitor(t)
	const attack = `/"><script>alert(1)</script>`
	query := url.QueryEscape(attack)
	for _, a := range []answer{
		v.get("/login?next=" + query),
		v.post("/login", "name="+query+"&next="+query+"&password="+query),
		v.get("/profile?x=" + query),
		v.get("/" + query),
		v.post("/cart/"+url.PathEscape(attack), ""),
		v.post("/cart/coat", "quantity="+query),
	} {
		v.wantNoText(a, "<script")
	}
	v.wantText(v.post("/login", "name="+query), "&lt;script&gt;") // shown, then, as text
}

func TestEveryAnswerHasTheSecurityHeaders(t *testing.T) {
	t.Parallel()
	store := &brokenStore{Store: memstore.New(memstore.Options{})}
	v := openSite(t, store, newKeys()).visitor(t)
	answers := []answer{
		v.get("/"), v.get("/visits"), v.get("/cart"), v.get("/profile"), v.get("/nowhere"), v.get("/static/style.css"),
		v.get("/logout"), v.post("/cart/elephant", ""),
	}
	store.failLoad.Store(true)
	answers = append(answers, v.get("/"))
	for _, a := range answers {
		for name, want := range map[string]string{
			"Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self'; " +
				"form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
			"X-Content-Type-Options": "nosniff",
			"Referrer-Policy":        "same-origin",
		} {
			if got := a.header.Get(name); got != want {
				t.Errorf("status %d: %s is %q, want %q", a.status, name, got, want)
			}
		}
		v.wantNoText(a, "style=")
	}
}

func TestFormsThatCanNotBeRead(t *testing.T) {
	t.Parallel()
	v := newSite(t).visitor(t)
	for _, tt := range []struct {
		name, kind, body string
		want             int
	}{
		{"too large", "application/x-www-form-urlencoded", strings.Repeat("a", maxForm+1), http.StatusRequestEntityTooLarge},
		{"badly escaped", "application/x-www-form-urlencoded", "quantity=%zz", http.StatusBadRequest},
		{"multipart", "multipart/form-data; boundary=x", "--x--", http.StatusUnsupportedMediaType},
		{"JSON", "application/json", `{"quantity":1}`, http.StatusUnsupportedMediaType},
	} {
		r := v.request(http.MethodPost, "/cart/coat", tt.body)
		r.Header.Set("Content-Type", tt.kind)
		if a := v.send(r); a.status != tt.want {
			t.Errorf("%s: status %d, want %d", tt.name, a.status, tt.want)
		}
	}
	if got := v.cart(); got != "" {
		t.Errorf("cart %q, want an empty one", got)
	}
}

func TestStaticServesItsFolderOnly(t *testing.T) {
	t.Parallel()
	v := newSite(t).visitor(t)
	a := v.get("/static/style.css")
	v.wantStatus(a, http.StatusOK)
	if got := a.header.Get("Content-Type"); !strings.HasPrefix(got, "text/css") {
		t.Errorf("Content-Type %q", got)
	}
	for _, path := range []string{
		"/static/nothing.css", "/static/..%2ftemplates%2flayout.html", "/static/%2e%2e", "/templates/layout.html",
	} {
		if a := v.get(path); a.status == http.StatusOK {
			t.Errorf("%s is served", path)
		}
	}
}

func TestTamperedTicketsAreNobodys(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	v, other := s.visitor(t), s.visitor(t)
	v.signIn()
	other.signIn()
	good := v.ticket()
	token, _, _ := strings.Cut(good, ".")
	_, signature, _ := strings.Cut(other.ticket(), ".")
	tampered := []string{
		"", ".", token, token + ".", token + "." + signature, good + "A", good + ".", strings.Repeat("A", 8<<10), "%00", "\xff",
	}
	for i := range good {
		replaced := byte('A')
		if good[i] == replaced {
			replaced = 'B'
		}
		tampered = append(tampered, good[:i]+string(replaced)+good[i+1:])
	}
	for _, ticket := range tampered {
		if a := v.withTicket("/profile", ticket); a.status != http.StatusSeeOther {
			t.Errorf("ticket %q: status %d, want a redirect to sign in", ticket, a.status)
		}
	}
	v.wantStatus(v.withTicket("/profile", good), http.StatusOK)
}

func TestAnOutageIsNotALogout(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		outage func(*brokenStore, bool)
		reads  int // status of a page that only reads
	}{
		{"on load", func(b *brokenStore, on bool) { b.failLoad.Store(on) }, http.StatusServiceUnavailable},
		{"on save", func(b *brokenStore, on bool) { b.failWrite.Store(on) }, http.StatusOK},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			store := &brokenStore{Store: memstore.New(memstore.Options{})}
			v := openSite(t, store, newKeys()).visitor(t)
			v.signIn()
			v.get("/") // takes the notice
			v.post("/cart/coat", "")
			ticket := v.ticket()

			tt.outage(store, true)
			v.wantStatus(v.get("/cart"), tt.reads)
			for _, path := range []string{"/cart/umbrella", "/cart/clear", "/logout"} {
				a := v.post(path, "")
				v.wantStatus(a, http.StatusServiceUnavailable)
				v.wantText(a, "try again in a moment")
				if a.header.Get("Retry-After") == "" || a.header.Get("Set-Cookie") != "" || a.header.Get("Location") != "" {
					t.Errorf("%s: header %v", path, a.header)
				}
			}
			tt.outage(store, false)

			if got := v.cart(); got != "Wool coat 1" || v.ticket() != ticket {
				t.Errorf("cart %q, ticket kept: %t", got, v.ticket() == ticket)
			}
			v.wantText(v.get("/profile"), demo[0].Name)
		})
	}
}

func TestSecureCookie(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		secure bool
		want   string
	}{
		{true, "__Host-session= Path=/ HttpOnly Secure SameSite=Lax"},
		{false, "session= Path=/ HttpOnly SameSite=Lax"},
	} {
		sh, err := newShop(memstore.New(memstore.Options{}), newKeys(), tt.secure, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		w := httptest.NewRecorder()
		sh.handler().ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/visits", http.NoBody))
		var got []string
		for i, part := range strings.Split(w.Header().Get("Set-Cookie"), "; ") {
			name, _, _ := strings.Cut(part, "=")
			switch {
			case i == 0:
				got = append(got, name+"=")
			case name == "Max-Age": // the session's
			default:
				got = append(got, part)
			}
		}
		if strings.Join(got, " ") != tt.want {
			t.Errorf("secure %t: cookie %q, want %q", tt.secure, got, tt.want)
		}
	}
}

package main

import (
	"net/http"
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
			v.signIn(ada)
			token := v.token()
			for _, path := range []string{"/cart/coat", "/logout", "/checkout", "/login"} {
				r := v.form(path, "quantity=1", token)
				r.Header.Set(header[0], header[1])
				v.wantStatus(v.send(r), http.StatusForbidden)
			}
			v.wantText(v.get("/profile"), ada.Name)
			if got := v.cart(); got != "" {
				t.Errorf("cart %q, want an empty one", got)
			}
		})
	}
}

func TestLinksChangeNothing(t *testing.T) {
	t.Parallel()
	v := newSite(t).visitor(t)
	v.signIn(ada)
	for _, path := range []string{
		"/logout", "/cart/coat", "/cart/coat/remove", "/cart/clear", "/history/clear", "/language/fr", "/devices/end-others",
	} {
		a := v.get(path)
		v.wantStatus(a, http.StatusMethodNotAllowed)
		v.wantText(a, "no such page, or nothing that can be done")
		if a.header.Get("Allow") != http.MethodPost {
			t.Errorf("%s: Allow %q", path, a.header.Get("Allow"))
		}
	}
	v.wantText(v.get("/profile"), ada.Name)
}

// Nothing is there that a token could protect: "this form has expired" would be no
// answer.
func TestOtherMethodsAreRefusedWithThoseThatThereAre(t *testing.T) {
	t.Parallel()
	v := newSite(t).visitor(t)
	v.signIn(ada)
	for _, tt := range []struct {
		path, allow string
		status      int
	}{
		{"/cart", "GET, HEAD", http.StatusMethodNotAllowed},
		{"/cart/coat", "POST", http.StatusMethodNotAllowed},
		{"/login", "GET, HEAD, POST", http.StatusMethodNotAllowed},
		{"/static/style.css", "GET, HEAD", http.StatusMethodNotAllowed},
		{"/nowhere", "", http.StatusNotFound},
	} {
		for _, method := range []string{http.MethodPut, http.MethodDelete, http.MethodOptions, "BREW"} {
			a := v.send(v.request(method, tt.path, ""))
			v.wantStatus(a, tt.status)
			v.wantText(a, "no such page, or nothing that can be done")
			if got := a.header.Get("Allow"); got != tt.allow {
				t.Errorf("%s %s: Allow %q, want %q", method, tt.path, got, tt.allow)
			}
		}
	}
	v.wantStatus(v.send(v.request(http.MethodPost, "/nowhere", "")), http.StatusNotFound)
	v.wantText(v.get("/profile"), ada.Name)
}

func TestInputIsShownEscaped(t *testing.T) {
	t.Parallel()
	v := newSite(t).visitor(t)
	const attack = `/"><script>alert(1)</script>`
	query := url.QueryEscape(attack)
	for _, a := range []answer{
		v.get("/login?next=" + query),
		v.post("/login", "login="+query+"&next="+query+"&password="+query),
		v.get("/profile?x=" + query),
		v.get("/" + query),
		v.post("/language/"+query, ""),
		v.post("/preferences", "theme="+query),
		v.post("/cart/"+url.PathEscape(attack), ""),
		v.post("/cart/coat", "quantity="+query),
	} {
		v.wantNoText(a, "<script")
	}
	v.wantText(v.post("/login", "login="+query), "&lt;script&gt;") // shown, then, as text
}

func TestEveryAnswerHasTheSecurityHeaders(t *testing.T) {
	t.Parallel()
	store := &brokenStore{Store: memstore.New(memstore.Options{})}
	v := openSite(t, store, newKeys()).visitor(t)
	answers := []answer{
		v.get("/"), v.get("/visits"), v.get("/cart"), v.get("/profile"), v.get("/nowhere"), v.get("/static/style.css"),
		v.get("/logout"), v.post("/cart/elephant", ""), v.send(v.form("/cart/coat", "", "x")), v.get("/preferences"),
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
		v.wantNoText(a, " style=")
		v.wantNoText(a, "<script")
	}
}

func TestFormsThatCanNotBeRead(t *testing.T) {
	t.Parallel()
	v := newSite(t).visitor(t)
	token := v.token()
	for _, tt := range []struct {
		name, kind, body string
		want             int
	}{
		{"too large", urlencoded, "quantity=1&x=" + strings.Repeat("a", maxForm), http.StatusRequestEntityTooLarge},
		{"badly escaped", urlencoded, "quantity=%zz", http.StatusForbidden},
		{"multipart without end", "multipart/form-data; boundary=x", "--x", http.StatusForbidden},
		{"JSON", "application/json", `{"quantity":1}`, http.StatusForbidden},
	} {
		r := v.form("/cart/coat", tt.body, token)
		r.Header.Set("Content-Type", tt.kind)
		if a := v.send(r); a.status != tt.want {
			t.Errorf("%s: status %d, want %d", tt.name, a.status, tt.want)
		}
	}
	if got := v.cart(); got != "" {
		t.Errorf("cart %q, want an empty one", got)
	}
}

func TestAFormNeedsTheTokenOfItsSession(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	v, other := s.visitor(t), s.visitor(t)
	v.post("/cart/coat", "quantity=1")
	early := v.token()
	v.signIn(ada)
	other.signIn(ada)
	for name, token := range map[string]string{
		"missing": "", "invented": "x", "another session's": other.token(), "from before signing in": early,
	} {
		for _, path := range []string{
			"/cart/hat", "/cart/coat/remove", "/cart/clear", "/checkout", "/logout", "/language/fr", "/preferences", "/login",
			"/password", "/devices/end-others", "/history/clear",
		} {
			a := v.send(v.form(path, "quantity=1&theme=dark", token))
			v.wantStatus(a, http.StatusForbidden)
			v.wantText(a, "This form has expired")
			if t.Failed() {
				t.Fatalf("token %s, path %s", name, path)
			}
		}
	}
	if got := v.cart(); got != "Wool coat 1" {
		t.Errorf("cart %q", got)
	}
	v.wantText(v.get("/profile"), ada.Name)
}

// TestAFormSentAgainAfterItsAnswerSaysNothingIsWrong is about a second click that goes
// out with the ticket that the first one's answer has brought.
func TestAFormSentAgainAfterItsAnswerSaysNothingIsWrong(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	v := s.visitor(t)
	v.post("/cart/coat", "quantity=1")
	for _, c := range []struct{ path, form, to string }{
		{"/login", ada.credentials() + "&next=%2Fcart", "/cart"},
		{"/confirm", "password=" + ada.Password + "&next=%2Fdevices", "/devices"},
		{"/logout", "", "/"},
	} {
		if c.path == "/logout" {
			if got := v.cart(); got != "Wool coat 1" {
				t.Errorf("cart %q", got)
			}
		}
		token := v.token()
		v.wantRedirect(v.send(v.form(c.path, c.form, token)), c.to)
		v.wantRedirect(v.send(v.form(c.path, c.form, token)), c.to)
	}
	v.wantText(v.get("/"), "Goodbye!")

	early := v.token()
	v.signIn(ada)
	a := v.send(v.form("/login", bruno.credentials(), early)) // who may not be who signs in
	v.wantStatus(a, http.StatusForbidden)
	v.wantRedirect(v.send(v.form("/login", ada.credentials()+"&next=%2F%2Fevil.example", early)), "/")
	v.wantText(v.get("/profile"), ada.Name)
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

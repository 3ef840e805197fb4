package session

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

// Who comes from another site may have a session whose cookie SameSite has kept back:
// they are not to be given another one in its place.
func TestARequestWhoseCookieSameSiteKeepsBackIsKnown(t *testing.T) {
	t.Parallel()
	const lax, strict, none = http.SameSiteLaxMode, http.SameSiteStrictMode, http.SameSiteNoneMode
	for _, c := range []struct {
		name             string
		sameSite         http.SameSite
		method           string
		site, mode, dest string // Sec-Fetch-*
		want             bool
	}{
		{"an old browser says nothing", lax, http.MethodPost, "", "", "", false},
		{"from the same site", lax, http.MethodPost, "same-origin", "navigate", "document", false},
		{"from a subdomain", lax, http.MethodPost, "same-site", "cors", "empty", false},
		{"typed in", strict, http.MethodGet, "none", "navigate", "document", false},
		{"a link", lax, http.MethodGet, "cross-site", "navigate", "document", false},
		{"a link, Strict", strict, http.MethodGet, "cross-site", "navigate", "document", true},
		{"a link, None", none, http.MethodGet, "cross-site", "navigate", "document", false},
		{"a HEAD", lax, http.MethodHead, "cross-site", "navigate", "document", false},
		{"a form", lax, http.MethodPost, "cross-site", "navigate", "document", true},
		{"a form, None", none, http.MethodPost, "cross-site", "navigate", "document", false},
		{"a script", lax, http.MethodGet, "cross-site", "cors", "empty", true},
		{"an image", lax, http.MethodGet, "cross-site", "no-cors", "image", true},
		{"a frame", lax, http.MethodGet, "cross-site", "navigate", "iframe", true},
		{"a frame of old", lax, http.MethodGet, "cross-site", "navigate", "frame", true},
		{"an object", lax, http.MethodGet, "cross-site", "navigate", "object", true},
		{"an embedded page", lax, http.MethodGet, "cross-site", "navigate", "embed", true},
		{"a fenced frame", lax, http.MethodGet, "cross-site", "navigate", "fencedframe", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			m := ticketManager(t, Options{Cookie: Cookie{SameSite: c.sameSite}})
			bearer := ticketManager(t, Options{Header: "Authorization"})
			r := httptest.NewRequestWithContext(t.Context(), c.method, "/", http.NoBody)
			for name, value := range map[string]string{"Site": c.site, "Mode": c.mode, "Dest": c.dest} {
				if value != "" {
					r.Header.Set("Sec-Fetch-"+name, value)
				}
			}
			if got := m.keptBack(r); got != c.want {
				t.Errorf("kept back: %v, want %v", got, c.want)
			}
			if bearer.keptBack(r) {
				t.Error("a header field is kept back")
			}
		})
	}
}

// A randomSigner makes another signature each time, as some key services do.
type randomSigner struct{ Signer }

func (randomSigner) Sign(string, []byte) []byte { return GenerateKey() }

// A ticket is replaced when its key or its cookie's attributes are no longer those of
// the process, and for no other reason.
func TestAFormIsThatOfTheKeyAndTheCookie(t *testing.T) {
	t.Parallel()
	key, other := GenerateKey(), GenerateKey()
	form := func(o Options) uint32 {
		if o.Keys == nil && o.Signer == nil {
			o.Keys = [][]byte{key}
		}
		m, err := New(noStore{}, o)
		if err != nil {
			t.Fatal(err)
		}
		return m.form
	}
	first := form(Options{})
	for name, o := range map[string]Options{
		"the same":              {},
		"one more key behind":   {Keys: [][]byte{key, other}},
		"other timeouts":        {IdleTimeout: time.Minute, TouchInterval: 1},
		"attributes by default": {Cookie: Cookie{Path: "/", SameSite: http.SameSiteLaxMode}},
	} {
		if form(o) != first {
			t.Errorf("%s: another form", name)
		}
	}
	seen := map[uint32]string{first: "the first"}
	for name, o := range map[string]Options{
		"another key":        {Keys: [][]byte{other}},
		"another key before": {Keys: [][]byte{other, key}, Cookie: Cookie{Persistent: true}},
		"persistent":         {Cookie: Cookie{Persistent: true}},
		"Strict":             {Cookie: Cookie{SameSite: http.SameSiteStrictMode}},
		"a domain":           {Cookie: Cookie{Domain: "example.com"}},
		"a path":             {Cookie: Cookie{Path: "/shop"}},
		"partitioned":        {Cookie: Cookie{Partitioned: true}},
		"readable by script": {Cookie: Cookie{ScriptReadable: true}},
		"insecure":           {Cookie: Cookie{Insecure: true}},
		"another name":       {Cookie: Cookie{Name: "__Host-shop"}},
		"a header field":     {Header: "X-Session"},
		"another field":      {Header: "Authorization"},
	} {
		n := form(o)
		if before, ok := seen[n]; ok {
			t.Errorf("%s has the form of %s", name, before)
		}
		seen[n] = name
	}
	again := form(Options{Signer: randomSigner{}})
	if form(Options{Signer: randomSigner{}}) != again {
		t.Error("with signatures that differ each time, tickets would be replaced for ever")
	}
}

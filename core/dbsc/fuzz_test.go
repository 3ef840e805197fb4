package dbsc_test

import (
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/cloakroom-go/cloakroom/core/dbsc"
)

// fuzzed sends a request whose header fields may be what no client could send.
func (b *browser) fuzzed(t *testing.T, method, path string, header http.Header) *http.Response {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, path, http.NoBody)
	maps.Copy(r.Header, header)
	cookie := ticketCookie + "=" + b.jar[ticketCookie].Value
	if bound := header.Get("Cookie"); bound != "" {
		cookie += "; " + boundCookie + "=" + bound
	}
	r.Header.Set("Cookie", cookie)
	w := httptest.NewRecorder()
	b.st.handler.ServeHTTP(w, r)
	return w.Result()
}

// FuzzRegistration sends any proof with an offer that nobody has taken. Where OFFER
// stands, the challenge is put in. No proof registers a key that has not signed it.
func FuzzRegistration(f *testing.F) {
	st := newSite(f)
	b := st.browser(nil)
	b.visit("/login/ann")
	b.signer = ecKey(f)
	good := b.proof(b.offered, true)
	none := sign(f, map[string]any{"alg": "none"}, map[string]any{"jti": b.offered}, b.signer)
	for _, seed := range []string{
		good, `"` + good + `"`, `"` + good + `";a=1`, good[1:], good[:len(good)-1], strings.ToUpper(good), "..", `""`, "",
		b.proof(b.offered, false), b.proof("x", true), none,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		res := b.fuzzed(t, http.MethodPost, dbsc.DefaultPath, http.Header{response: {value}})
		switch res.StatusCode {
		case http.StatusBadRequest, http.StatusForbidden:
		case http.StatusOK:
			if text := strings.Trim(value, `" `); !strings.HasPrefix(text, good[:strings.LastIndex(good, ".")]) {
				t.Errorf("%q registers a key", value)
			}
		default:
			t.Errorf("%q: status %d", value, res.StatusCode)
		}
	})
}

// FuzzProof signs any header and any claims with the browser's key. Where KEY and OFFER
// stand, its public key and the challenge are put in. Nothing is registered without both.
func FuzzProof(f *testing.F) {
	st := newSite(f)
	b := st.browser(nil)
	b.visit("/login/ann")
	b.signer = ecKey(f)
	key, err := json.Marshal(jwkOf(f, b.signer.Public()))
	if err != nil {
		f.Fatal(err)
	}
	const head = `{"typ":"dbsc+jwt","alg":"ES256","jwk":KEY}`
	for _, seed := range [][2]string{
		{head, `{"jti":"OFFER"}`},
		{head, `{"jti":"OFFER","jti":1}`},
		{head, `{"JTI":"OFFER"}`},
		{strings.Replace(head, "ES256", "none", 1), `{"jti":"OFFER"}`},
		{strings.Replace(head, "ES256", "RS256", 1), `{"jti":"OFFER"}`},
		{strings.Replace(head, "KEY", `{"kty":"RSA","n":"AAAA","e":"AQAB"}`, 1), `{"jti":"OFFER"}`},
		{strings.Replace(head, "KEY", `{"kty":"EC","crv":"P-256","x":"","y":null}`, 1), `{"jti":"OFFER"}`},
		{strings.Replace(head, "KEY", strings.Repeat("[", 2000), 1), `{"jti":"OFFER"}`},
		{`null`, `null`},
		{`{"alg":1e999999}`, `[]`},
	} {
		f.Add(seed[0], seed[1])
	}
	fill := strings.NewReplacer("KEY", string(key), "OFFER", b.offered)
	f.Fuzz(func(t *testing.T, header, payload string) {
		text := base64.RawURLEncoding.EncodeToString([]byte(fill.Replace(header))) + "." +
			base64.RawURLEncoding.EncodeToString([]byte(fill.Replace(payload)))
		text += "." + base64.RawURLEncoding.EncodeToString(signature(t, b.signer, text))
		res := b.fuzzed(t, http.MethodPost, dbsc.DefaultPath, http.Header{response: {text}})
		switch res.StatusCode {
		case http.StatusBadRequest, http.StatusForbidden:
		case http.StatusOK:
			if !strings.Contains(header, "KEY") || !strings.Contains(payload, "OFFER") {
				t.Errorf("%q, %q registers a key", header, payload)
			}
		default:
			t.Errorf("%q, %q: status %d", header, payload, res.StatusCode)
		}
	})
}

// FuzzRefresh sends any identifier and any proof. None is good but the browser's own.
func FuzzRefresh(f *testing.F) {
	st := newSite(f)
	b := st.device()
	b.signIn()
	used := b.proof(b.ask(), false)
	want(f, http.StatusOK, b.send(http.MethodPost, dbsc.DefaultPath, sessionID, b.id, response, used), "the proof")
	for _, seed := range [][2]string{
		{b.id, used},
		{`"` + b.id + `"`, `"` + used + `"`},
		{`"` + b.id + `";a`, ""},
		{b.id, b.proof("x", false)},
		{b.id, b.proof("x", true)},
		{"", ""},
		{`"\"`, "a.b.c"},
		{"a;id=1", ".."},
	} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, id, proof string) {
		res := b.fuzzed(t, http.MethodPost, dbsc.DefaultPath, http.Header{sessionID: {id}, response: {proof}})
		switch res.StatusCode {
		case http.StatusBadRequest, http.StatusForbidden, http.StatusNotFound, http.StatusServiceUnavailable:
		default:
			t.Errorf("%q, %q: status %d", id, proof, res.StatusCode)
		}
		if len(res.Cookies()) != 0 {
			t.Errorf("%q, %q: a cookie", id, proof)
		}
	})
}

// FuzzBoundCookie sends any bound cookie, to a page that requires the device. None is
// good but the browser's own.
func FuzzBoundCookie(f *testing.F) {
	st := newSite(f)
	b := st.device()
	b.signIn()
	good := b.jar[boundCookie].Value
	for _, seed := range []string{
		good, good + "A", good[1:], strings.ToLower(good), `"` + good + `"`, "", "=", "; " + boundCookie + "=", b.ask(),
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		res := b.fuzzed(t, http.MethodGet, "/vault", http.Header{"Cookie": {value}})
		switch {
		case res.StatusCode == http.StatusForbidden:
		case res.StatusCode == http.StatusOK && strings.Contains(value, good):
		default:
			t.Errorf("%q: status %d", value, res.StatusCode)
		}
	})
}

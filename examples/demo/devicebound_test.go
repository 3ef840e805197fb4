package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"testing"

	"github.com/cloakroom-go/cloakroom/core/dbsc"
	"github.com/cloakroom-go/cloakroom/core/memstore"
)

// prove returns the proof that a browser sends for a challenge, with its public key where it
// registers that.
func prove(t *testing.T, key *ecdsa.PrivateKey, challenge string, registers bool) string {
	t.Helper()
	point, err := key.PublicKey.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	text := base64.RawURLEncoding.EncodeToString
	header := `{"typ":"dbsc+jwt","alg":"ES256"}`
	if registers {
		header = `{"typ":"dbsc+jwt","alg":"ES256","jwk":{"kty":"EC","crv":"P-256",` +
			`"x":"` + text(point[1:33]) + `","y":"` + text(point[33:]) + `"}}`
	}
	signed := text([]byte(header)) + "." + text([]byte(`{"jti":"`+challenge+`"}`))
	sum := sha256.Sum256([]byte(signed))
	r, s, err := ecdsa.Sign(rand.Reader, key, sum[:])
	if err != nil {
		t.Fatal(err)
	}
	return signed + "." + text(append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...))
}

func TestACopyOfABoundSessionIsKeptOut(t *testing.T) {
	t.Parallel()
	server := httptest.NewTLSServer(makeShop(t, settings{store: memstore.New(memstore.Options{}), https: true}).handler())
	t.Cleanup(server.Close)
	v := site{url: server.URL}.visitor(t)
	v.client.Transport = server.Client().Transport
	field := v.post("/login", ada.credentials()).header.Get("Secure-Session-Registration")
	offer := regexp.MustCompile(`challenge="([^"]+)"`).FindStringSubmatch(field)
	if offer == nil {
		t.Fatal("no offer")
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	r := v.request(http.MethodPost, dbsc.DefaultPath, "")
	r.Header.Set("Secure-Session-Response", prove(t, key, offer[1], true))
	a := v.send(r)
	v.wantStatus(a, http.StatusOK)
	v.wantNoText(v.get("/devices"), "bound to the device")
	next := regexp.MustCompile(`^"([^"]+)";id="([^"]+)"$`).FindStringSubmatch(a.header.Get("Secure-Session-Challenge"))
	if next == nil {
		t.Fatal("no challenge")
	}
	r = v.request(http.MethodPost, dbsc.DefaultPath, "")
	r.Header.Set("Sec-Secure-Session-Id", next[2])
	r.Header.Set("Secure-Session-Response", prove(t, key, next[1], false))
	v.wantStatus(v.send(r), http.StatusOK)
	v.wantText(v.get("/devices"), "bound to the device")

	u, err := url.Parse(v.url)
	if err != nil {
		t.Fatal(err)
	}
	v.client.Jar.SetCookies(u, []*http.Cookie{{Name: "__Host-session-device", Path: "/", Secure: true, MaxAge: -1}})
	for _, path := range []string{"/devices", "/password"} {
		a := v.get(path)
		v.wantStatus(a, http.StatusForbidden)
		v.wantText(a, "only on the device")
	}
	v.wantText(v.get("/profile"), ada.Name)
}

func TestOverPlainHTTPNothingIsBound(t *testing.T) {
	t.Parallel()
	v := newSite(t).visitor(t)
	if field := v.post("/login", ada.credentials()).header.Get("Secure-Session-Registration"); field != "" {
		t.Errorf("offer %q", field)
	}
	v.wantStatus(v.get("/devices"), http.StatusOK)
	v.wantStatus(v.post(dbsc.DefaultPath, ""), http.StatusNotFound)
}

func TestHTTPSIsServedWithACertificateOfItsOwn(t *testing.T) {
	t.Parallel()
	cert, err := newCertificate()
	if err != nil {
		t.Fatal(err)
	}
	leaf := cert.tls.Leaf
	if leaf == nil {
		t.Fatal("no certificate")
	}
	sum := sha256.Sum256(leaf.RawSubjectPublicKeyInfo)
	if cert.pin != base64.StdEncoding.EncodeToString(sum[:]) || leaf.VerifyHostname(host) != nil {
		t.Errorf("pin %s, names %v", cert.pin, leaf.DNSNames)
	}
}

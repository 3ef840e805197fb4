package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"time"

	"github.com/cloakroom-go/cloakroom/core/dbsc"
)

// This file binds sessions to the device that the customer has signed in with, so that a
// copied cookie is worth nothing elsewhere. It takes https, and a store.

// bind makes the Binder, where sessions can be bound.
func (sh *shop) bind(c settings) error {
	if c.store == nil || !c.https && !c.secure {
		return nil
	}
	var err error
	sh.binder, err = dbsc.New(sh.sessions, dbsc.Options{Logger: c.log, OnEvent: sh.journal.noteBinding})
	return err
}

// bound puts what browsers send by themselves in front of the pages: it has no token.
func (sh *shop) bound(pages http.Handler) http.Handler {
	if sh.binder == nil {
		return pages
	}
	return sh.binder.Handler(pages)
}

// onDevice keeps copies of a bound session out. Browsers that bind nothing get in.
func (sh *shop) onDevice(h http.Handler) http.Handler {
	if sh.binder == nil {
		return h
	}
	return sh.binder.RefuseUnproven(h, sh.page(func(v *visit) { v.fail(http.StatusForbidden, "error.device") }))
}

// offer asks the browser to bind a login.
func (v *visit) offer() {
	if v.binder != nil {
		v.binder.Offer(v.w, v.s)
	}
}

// devicePolicy completes session.Manager.Policy.
func (sh *shop) devicePolicy() string {
	if sh.binder == nil {
		return ""
	}
	return sh.binder.Policy()
}

// A certificate is made at each start. No browser trusts it by itself.
type certificate struct {
	tls tls.Certificate
	pin string // by which Chromium is told to
}

// host is one that leads nowhere (RFC 6761, 6.2). A browser binds no session of localhost.
const host = "shop.test"

func newCertificate() (*certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("certificate: %w", err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: []string{host, "localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(30 * 24 * time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, fmt.Errorf("certificate: %w", err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("certificate: %w", err)
	}
	sum := sha256.Sum256(leaf.RawSubjectPublicKeyInfo)
	return &certificate{
		tls: tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf},
		pin: base64.StdEncoding.EncodeToString(sum[:]),
	}, nil
}

// listen has connections to ln speak https.
func (c *certificate) listen(ln net.Listener) net.Listener {
	return tls.NewListener(ln, &tls.Config{Certificates: []tls.Certificate{c.tls}, MinVersion: tls.VersionTLS12})
}

// greet says how to look at it with a Chromium that has no hardware for keys.
func (c *certificate) greet(out io.Writer, addr net.Addr) {
	_, port, err := net.SplitHostPort(addr.String())
	if err != nil {
		return // no address of ours
	}
	_, _ = fmt.Fprintf(out, `A browser that binds sessions to the device, with keys in software:
chromium --user-data-dir=$(mktemp -d) --host-resolver-rules='MAP %s 127.0.0.1' \
  --ignore-certificate-errors-spki-list=%s \
  --enable-features=DeviceBoundSessions,EnableBoundSessionCredentialsSoftwareKeysForManualTesting \
  https://%s:%s
`, host, c.pin, host, port)
}

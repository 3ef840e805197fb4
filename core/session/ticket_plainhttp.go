package session

import (
	"context"
	"net"
	"net/http"
	"net/netip"
	"strings"
)

// BrowserDropsCookie reports whether r's browser drops the session's cookie: the cookie is
// Secure, and r has come over plain http to a host other than localhost or a loopback
// address. Its visitor never has a session. Use https, or set [Cookie].Insecure for
// development on such a host. Have a proxy that ends TLS send X-Forwarded-Proto or Forwarded.
//
// What a client says of its scheme is believed: the answer is for logs and pages, and
// protects nothing.
func (m *Manager) BrowserDropsCookie(r *http.Request) bool {
	scheme, _, _ := strings.Cut(r.Header.Get("X-Forwarded-Proto"), ",") // of several proxies, what the first was asked by
	switch {
	case m.opts.Header != "" || m.opts.Cookie.Insecure || r.TLS != nil || trustworthyHost(r.Host):
		return false
	case r.Header.Get("Sec-Fetch-Site") != "": // sent to trustworthy origins only
		return false
	case strings.HasPrefix(r.Header.Get("Origin"), "https:"), strings.EqualFold(strings.TrimSpace(scheme), "https"):
		return false
	}
	for _, line := range r.Header.Values("Forwarded") {
		if strings.Contains(strings.ToLower(strings.ReplaceAll(line, `"`, "")), "proto=https") {
			return false
		}
	}
	return true
}

// trustworthyHost reports whether browsers take plain http to host for as good as
// https (W3C Secure Contexts, 3.1).
func trustworthyHost(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	addr, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return err == nil && addr.IsLoopback()
}

// warnPlainHTTP says once that a cookie was set in vain.
func (m *Manager) warnPlainHTTP(ctx context.Context, r *http.Request) {
	if m.plainHTTP.Load() || !m.BrowserDropsCookie(r) || m.plainHTTP.Swap(true) {
		return
	}
	m.log().WarnContext(ctx, "session: a Secure cookie was set over plain http, which browsers drop: nobody keeps a session; "+
		"use https, set Options.Cookie.Insecure for development, or have the proxy that ends TLS send X-Forwarded-Proto; "+
		"see https://github.com/cloakroom-go/cloakroom/blob/main/docs/troubleshooting.md#plain-http",
		"host", r.Host)
}

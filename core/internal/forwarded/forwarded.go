// Package forwarded finds out who has sent a request that has come through proxies.
package forwarded

import (
	"iter"
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"github.com/cloakroom-go/cloakroom/core/internal/httpfield"
)

// What is read of a forwarding header field at most, so that a client who sends a
// megabyte of it causes no work.
const (
	maxHops   = 32
	maxHopLen = 1024
)

// Client returns the address of a request's client: remote, or, if that is a trusted
// proxy's, what the proxies have written into the header field of this name, Forwarded
// (RFC 7239) or a list of addresses. It is read from its end, up to the first address
// that is not trusted. The address is without a zone and never an IPv6 one that stands
// for an IPv4 one; it is the zero Addr if remote is no address.
func Client(remote string, h http.Header, name string, trusted []netip.Prefix) netip.Addr {
	addr := parseNode(remote)
	if !trusts(trusted, addr) {
		return addr
	}
	for node := range nodes(h, name) {
		next := parseNode(node)
		if !next.IsValid() {
			break
		}
		addr = next
		if !trusts(trusted, addr) {
			break
		}
	}
	return addr
}

func trusts(trusted []netip.Prefix, addr netip.Addr) bool {
	return slices.ContainsFunc(trusted, func(p netip.Prefix) bool { return p.Contains(addr) })
}

// nodes returns what the proxies have appended to a header field, the latest first. A
// proxy may also append a line of its own. An element without a node gives "", which is
// no address: what stands before it was not vouched for.
func nodes(h http.Header, name string) iter.Seq[string] {
	name = http.CanonicalHeaderKey(name)
	return func(yield func(string) bool) {
		hops := 0
		for _, line := range slices.Backward(h[name]) {
			for more := true; more; hops++ {
				if hops == maxHops {
					return
				}
				var element string
				line, element, more = cutLast(line, ',')
				if name == "Forwarded" {
					element = forwardedFor(element)
				}
				if !yield(element) {
					return
				}
			}
		}
	}
}

// cutLast cuts s around the last sep that is not in a quoted string. It reads
// from the end: thus a quote that a client has left open can't hide what a proxy
// has appended. If sep is not among the last maxHopLen bytes, after is all of s or,
// if that is longer, "".
func cutLast(s string, sep byte) (before, after string, found bool) {
	start := max(0, len(s)-maxHopLen-1)
	window, quoted := s[start:], false
	for i := len(window) - 1; i >= 0; i-- {
		switch {
		case window[i] == '"' && (!quoted || i == 0 || window[i-1] != '\\'): // not \" within quotes
			quoted = !quoted
		case window[i] == sep && !quoted:
			return s[:start+i], window[i+1:], true
		}
	}
	if len(s) > maxHopLen {
		return "", "", false
	}
	return "", s, false
}

// forwardedFor returns the node that a forwarded-element (RFC 7239, 4) names in
// its for parameter, or "" if it is malformed or names none.
func forwardedFor(element string) (node string) {
	named := false
	for more := true; more; {
		var pair string
		element, pair, more = cutLast(element, ';')
		pair = strings.Trim(pair, " \t")
		if pair == "" {
			continue
		}
		name, value, _ := strings.Cut(pair, "=")
		if n := len(value); n > 1 && value[0] == '"' && value[n-1] == '"' {
			value = value[1 : n-1]
		} else if strings.Contains(value, `"`) {
			return ""
		}
		isFor := strings.EqualFold(name, "for")
		if !httpfield.IsToken(name) || isFor && named {
			return ""
		}
		if isFor {
			node, named = value, true
		}
	}
	return node
}

// parseNode returns the address in Request.RemoteAddr, or in what a proxy has
// written: with or without a port, which may be obfuscated (RFC 7239, 6.3), an IPv6
// address with or without brackets. Anything else, "unknown" or "_hidden", is
// the zero Addr.
func parseNode(s string) netip.Addr {
	s = strings.Trim(s, " \t")
	if inner, ok := strings.CutPrefix(s, "["); ok {
		host, port, ok := strings.Cut(inner, "]")
		if !ok || !strings.Contains(host, ":") || port != "" && port[0] != ':' {
			return netip.Addr{}
		}
		s = host
	} else if host, port, _ := strings.Cut(s, ":"); !strings.Contains(port, ":") {
		s = host
	}
	addr, err := netip.ParseAddr(s)
	if err != nil {
		return netip.Addr{}
	}
	return addr.WithZone("").Unmap()
}

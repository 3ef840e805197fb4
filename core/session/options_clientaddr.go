package session

import (
	"iter"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// What is read of a forwarding header field at most, so that a client who sends a
// megabyte of it causes no work.
const (
	maxHops   = 32
	maxHopLen = 1024
)

// ClientAddr returns the address of r's client, found by TrustedProxies and
// ForwardedHeader. It serves a list of devices or a throttle as well. The address has no
// zone, and an IPv4 address is never written as an IPv6 one. If the connection has no
// address, ClientAddr returns the zero Addr.
func (b Binding) ClientAddr(r *http.Request) netip.Addr {
	addr := parseNode(r.RemoteAddr)
	if !b.trusts(addr) {
		return addr
	}
	for node := range b.nodes(r.Header) {
		next := parseNode(node)
		if !next.IsValid() {
			break
		}
		addr = next
		if !b.trusts(addr) {
			break
		}
	}
	return addr
}

func (b Binding) trusts(addr netip.Addr) bool {
	return slices.ContainsFunc(b.TrustedProxies, func(p netip.Prefix) bool { return p.Contains(addr) })
}

// nodes returns what the proxies have appended to ForwardedHeader, the latest
// first. A proxy may also append a line of its own. An element without a node gives
// "", which is no address: what stands before it was not vouched for.
func (b Binding) nodes(h http.Header) iter.Seq[string] {
	name := http.CanonicalHeaderKey(b.ForwardedHeader)
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
		if !isToken(name) || isFor && named {
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

// isToken reports whether s is a token (RFC 9110, 5.6.2), such as the name of a
// header field.
func isToken(s string) bool {
	for i := range len(s) {
		switch c := s[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		case strings.IndexByte("!#$%&'*+-.^_`|~", c) >= 0:
		default:
			return false
		}
	}
	return s != ""
}

package session

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"net/netip"

	"github.com/cloakroom-go/cloakroom/core/internal/httpfield"
)

// Binding ties a session to the browser, and to the network, in which it began.
// The zero value ties it to neither. A request that brings the ticket from
// elsewhere ends the session, and goes on as an anonymous one.
//
// Binding is a second line of defence for a ticket that was stolen (OWASP Session
// Management Cheat Sheet, Binding the Session ID to Other User Properties). A user
// agent is easily imitated, and a thief may sit in the same network. Visitors who have
// done nothing wrong lose sessions: a browser's update changes its user agent, a
// telephone changes networks, and a computer with IPv4 and IPv6 goes from one to the
// other.
//
// The session keeps a hash. Whoever reads the record can find an IPv4 address by trying
// all of them, unless [Options].Sealer encrypts it.
//
// A session keeps the binding that it began with, or that it had at the last
// Authenticate. If it was not bound, its next write binds it. When the options change,
// what both have is compared: a session that began without the user agent is not held
// to it, and one that was bound to another number of bits stays bound to those.
type Binding struct {
	// UserAgent binds to the User-Agent header field: its first 1024 bytes,
	// exactly, or its absence.
	UserAgent bool

	// IPv4Bits and IPv6Bits bind to this many leading bits of the client's address. 24
	// and 64 allow for changes within a usual network, 32 and 128 for none. If both are
	// 0, addresses are not looked at. If one is 0, all addresses of that kind count as
	// the same, and as different from those of the other kind.
	//
	// A request whose address is not known matches no session. Behind a Unix domain
	// socket, which has no addresses, no session outlives its first request: set
	// Request.RemoteAddr there to the address that the proxy reports, in a handler
	// around the Manager's.
	IPv4Bits, IPv6Bits int

	// TrustedProxies are the addresses of the proxies in front of this process. What
	// they say about the client in ForwardedHeader is believed. What anybody else says
	// is not. Clients must not be among them, because they could claim any address.
	TrustedProxies []netip.Prefix

	// ForwardedHeader is the header field that the proxies write: each appends the
	// address that it was called from, or replaces the field by it. There is no
	// default, because a proxy that writes another field passes the client's own one
	// through. "Forwarded" is read as RFC 7239 says. Any other, "X-Forwarded-For" or
	// "X-Real-IP", is a list of addresses.
	//
	// The field is read from its end, past trusted proxies, up to the first other
	// address: the client's. If it ends before that, goes on with what is no address
	// ("unknown"), or names over 32 proxies, the last proxy that was reached counts as
	// the client. So the result is never what only a client has said. If the field is
	// missing, all clients have their proxy's address, and aren't told apart.
	ForwardedHeader string
}

// maxUserAgent bounds the work that a client can cause.
const maxUserAgent = 1024

// A fingerprint consists of a byte that says which of the marks are there, the
// user agent's mark, the number of the address's bits, and the mark of these.
// What is not there is zero.
const (
	boundUserAgent = 1 << iota
	boundAddress

	markLen      = 16
	atUserAgent  = 1
	atBits       = atUserAgent + markLen
	atAddress    = atBits + 1
	boundLen     = atAddress + markLen
	boundUnknown = ^byte(boundUserAgent | boundAddress)
)

// check refuses what can't work, and what would let clients choose their
// address.
func (b Binding) check() error {
	switch {
	case b.IPv4Bits < 0 || b.IPv4Bits > 32:
		return fmt.Errorf("session: Options.Binding.IPv4Bits is %d; use 0 to 32", b.IPv4Bits)
	case b.IPv6Bits < 0 || b.IPv6Bits > 128:
		return fmt.Errorf("session: Options.Binding.IPv6Bits is %d; use 0 to 128", b.IPv6Bits)
	case len(b.TrustedProxies) == 0 && b.ForwardedHeader != "":
		return errors.New("session: Options.Binding.ForwardedHeader is set, but nobody is trusted to write it; set TrustedProxies")
	case len(b.TrustedProxies) == 0:
		return nil
	case !b.bindsAddress():
		return errors.New("session: Options.Binding.TrustedProxies are set, but no address is looked at; set IPv4Bits and IPv6Bits")
	case !httpfield.IsToken(b.ForwardedHeader):
		return fmt.Errorf("session: Options.Binding.ForwardedHeader %q names no header field; which one do the trusted proxies write?",
			b.ForwardedHeader)
	}
	for _, p := range b.TrustedProxies {
		switch {
		case !p.IsValid():
			return errors.New("session: Options.Binding.TrustedProxies has an invalid prefix")
		case p.Addr().Is4In6():
			return fmt.Errorf("session: Options.Binding.TrustedProxies: write %v as an IPv4 prefix", p)
		case p.Bits() == 0:
			return fmt.Errorf("session: Options.Binding.TrustedProxies: %v trusts every client to choose its address", p)
		}
	}
	return nil
}

func (b Binding) enabled() bool { return b.UserAgent || b.bindsAddress() }

func (b Binding) bindsAddress() bool { return b.IPv4Bits > 0 || b.IPv6Bits > 0 }

// policy describes the binding in a few words.
func (b Binding) policy() string {
	address := fmt.Sprintf("the first %d bits of an IPv4 address, %d of an IPv6 one", b.IPv4Bits, b.IPv6Bits)
	switch {
	case b.UserAgent && b.bindsAddress():
		return "the user agent and " + address
	case b.UserAgent:
		return "the user agent"
	case b.bindsAddress():
		return address
	default:
		return "nothing"
	}
}

// bits returns how many bits of addr count.
func (b Binding) bits(addr netip.Addr) int {
	if addr.Is4() {
		return b.IPv4Bits
	}
	return b.IPv6Bits
}

// of returns the fingerprint of r's client, to be kept in a session, or nil if
// sessions are not bound. The salt is the session's own: it keeps two
// sessions of one client from being recognised as such, and tables made in
// advance from being of use.
func (b Binding) of(r *http.Request, salt []byte) []byte {
	if !b.enabled() {
		return nil
	}
	bound := make([]byte, boundLen)
	if b.UserAgent {
		bound[0] |= boundUserAgent
		copy(bound[atUserAgent:], userAgentMark(r, salt))
	}
	if b.bindsAddress() {
		addr := b.ClientAddr(r)
		bits := b.bits(addr)
		bound[0] |= boundAddress
		bound[atBits] = byte(bits) //nolint:gosec // check has seen that it is at most 128
		copy(bound[atAddress:], addressMark(addr, bits, salt))
	}
	return bound
}

// matches reports whether r's client is the one that bound, made by of with the
// same salt, is the fingerprint of. A session without one matches: it began
// before sessions were bound.
func (b Binding) matches(r *http.Request, salt, bound []byte) bool {
	if !b.enabled() || len(bound) == 0 {
		return true
	}
	if len(bound) != boundLen || bound[0]&boundUnknown != 0 {
		return false
	}
	if b.UserAgent && bound[0]&boundUserAgent != 0 &&
		!bytes.Equal(bound[atUserAgent:atBits], userAgentMark(r, salt)) {
		return false
	}
	if b.bindsAddress() && bound[0]&boundAddress != 0 {
		addr := b.ClientAddr(r)
		return addr.IsValid() && bytes.Equal(bound[atAddress:], addressMark(addr, int(bound[atBits]), salt))
	}
	return true
}

func userAgentMark(r *http.Request, salt []byte) []byte {
	ua := r.UserAgent()
	return mark("user agent", []byte(ua[:min(len(ua), maxUserAgent)]), salt)
}

// addressMark returns the mark of addr's first bits, or nil if it doesn't have
// so many, as an IPv4 address in the place of an IPv6 one.
func addressMark(addr netip.Addr, bits int, salt []byte) []byte {
	prefix, err := addr.Prefix(bits)
	if err != nil {
		return nil
	}
	return mark("address", prefix.AppendTo(nil), salt)
}

func mark(kind string, data, salt []byte) []byte {
	mac := hmac.New(sha256.New, salt)
	mac.Write([]byte("cloakroom binding " + kind + "\x00"))
	mac.Write(data)
	return mac.Sum(nil)[:markLen]
}

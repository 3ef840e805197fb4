package session

import (
	"net/http"
	"net/netip"

	"github.com/cloakroom-go/cloakroom/core/internal/forwarded"
)

// ClientAddr returns the address of r's client, found by TrustedProxies and
// ForwardedHeader. It serves a list of devices or a throttle as well. The address has no
// zone, and an IPv4 address is never written as an IPv6 one. If the connection has no
// address, ClientAddr returns the zero Addr.
func (b Binding) ClientAddr(r *http.Request) netip.Addr {
	return forwarded.Client(r.RemoteAddr, r.Header, b.ForwardedHeader, b.TrustedProxies)
}

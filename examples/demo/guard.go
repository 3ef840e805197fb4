package main

import (
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"strings"
	"time"
)

// errWrong says that login and password don't match, and not which of them is
// wrong.
var errWrong = errors.New("wrong login or password")

// tooManyError says that there were too many wrong passwords.
type tooManyError struct{ wait time.Duration }

func (e tooManyError) Error() string { return fmt.Sprintf("too many attempts, wait %v", e.wait) }

// A guard checks passwords: for an account ten wrong ones at once and then one in
// half a minute, from an address twenty and then one in three seconds. A right
// one costs nothing.
type guard struct {
	accounts  *accounts
	byAccount *throttle
	byAddress *throttle
	proxied   bool // what the proxy in front says of the client is believed
}

func newGuard(a *accounts, proxied bool) *guard {
	return &guard{a, newThrottle(10, 30*time.Second), newThrottle(20, 3*time.Second), proxied}
}

// check returns the account of that login and password. It returns errWrong, a
// tooManyError, or the context's error.
func (g *guard) check(r *http.Request, login, password string) (account, error) {
	// Taken before, and given back after: guesses at the same moment don't get past.
	if wait := g.byAccount.take(login); wait > 0 {
		return account{}, tooManyError{wait}
	}
	address := g.network(r)
	if wait := g.byAddress.take(address); wait > 0 {
		g.byAccount.give(login)
		return account{}, tooManyError{wait}
	}
	a, ok, err := g.accounts.verify(r.Context(), login, password)
	if ok || err != nil {
		g.byAccount.give(login)
		g.byAddress.give(address)
	}
	switch {
	case err != nil:
		return account{}, err
	case !ok:
		return account{}, errWrong
	}
	return a, nil
}

// network returns what the throttle knows the client by: its address, or of an
// IPv6 address the 64 bits that a subscriber gets at least.
func (g *guard) network(r *http.Request) string {
	host := r.RemoteAddr
	if g.proxied { // which appends the address that it was called from
		all := strings.Join(r.Header.Values("X-Forwarded-For"), ",")
		if last := strings.TrimSpace(all[strings.LastIndex(all, ",")+1:]); last != "" {
			host = last
		}
	}
	if from, err := netip.ParseAddrPort(host); err == nil {
		host = from.Addr().String()
	}
	addr, err := netip.ParseAddr(host)
	switch {
	case err != nil:
		return ""
	case addr.Unmap().Is4():
		return addr.Unmap().String()
	}
	prefix, _ := addr.Prefix(64) // an IPv6 address has as many
	return prefix.String()
}

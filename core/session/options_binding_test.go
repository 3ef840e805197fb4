package session

import (
	"bytes"
	"net/http"
	"net/netip"
	"strings"
	"testing"
)

var salt = []byte("a session")

// seen returns a request from addr by a user agent.
func seen(tb testing.TB, addr, userAgent string) *http.Request {
	tb.Helper()
	r := from(tb, addr, "")
	r.Header = http.Header{"User-Agent": {userAgent}}
	return r
}

func TestABindingIsRefusedIfItCannotWork(t *testing.T) {
	t.Parallel()
	proxies := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
	with := func(p netip.Prefix) Binding {
		return Binding{IPv4Bits: 24, TrustedProxies: []netip.Prefix{proxies[0], p}, ForwardedHeader: "X-Forwarded-For"}
	}
	for name, c := range map[string]struct {
		b    Binding
		want string // a part of the error; "": accepted
	}{
		"none":                      {Binding{}, ""},
		"user agent":                {Binding{UserAgent: true}, ""},
		"the most bits":             {Binding{IPv4Bits: 32, IPv6Bits: 128}, ""},
		"proxies":                   {Binding{IPv4Bits: 24, IPv6Bits: 64, TrustedProxies: proxies, ForwardedHeader: "Forwarded"}, ""},
		"one proxy":                 {with(netip.MustParsePrefix("2001:db8::1/128")), ""},
		"negative bits":             {Binding{IPv4Bits: -1}, "IPv4Bits is -1"},
		"too many bits":             {Binding{IPv4Bits: 33}, "IPv4Bits is 33"},
		"negative bits, IPv6":       {Binding{IPv6Bits: -1}, "IPv6Bits is -1"},
		"too many bits, IPv6":       {Binding{IPv6Bits: 129}, "IPv6Bits is 129"},
		"proxies without addresses": {Binding{UserAgent: true, TrustedProxies: proxies, ForwardedHeader: "Forwarded"}, "set IPv4Bits"},
		"proxies without a field":   {Binding{IPv4Bits: 24, TrustedProxies: proxies}, `ForwardedHeader ""`},
		"a field that can't be":     {Binding{IPv4Bits: 24, TrustedProxies: proxies, ForwardedHeader: "X Y"}, `ForwardedHeader "X Y"`},
		"a field without proxies":   {Binding{IPv4Bits: 24, ForwardedHeader: "Forwarded"}, "set TrustedProxies"},
		"no prefix":                 {with(netip.Prefix{}), "invalid prefix"},
		"a mapped prefix":           {with(netip.MustParsePrefix("::ffff:10.0.0.0/104")), "IPv4 prefix"},
		"everybody":                 {with(netip.MustParsePrefix("0.0.0.0/0")), "trusts every client"},
		"everybody, IPv6":           {with(netip.MustParsePrefix("::/0")), "trusts every client"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := c.b.check()
			switch {
			case c.want == "" && err != nil:
				t.Errorf("refused: %v", err)
			case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
				t.Errorf("%v, want an error with %q", err, c.want)
			}
		})
	}
}

func TestASessionIsBoundToWhatTheOptionsName(t *testing.T) {
	t.Parallel()
	const v4, v6, here = "203.0.113.7:1", "[2001:db8:1:2::7]:1", "Browser/1"
	long := strings.Repeat("x", maxUserAgent)
	network := Binding{IPv4Bits: 24, IPv6Bits: 64}
	browser := Binding{UserAgent: true}
	both := Binding{UserAgent: true, IPv4Bits: 24, IPv6Bits: 64}
	for name, c := range map[string]struct {
		b            Binding
		began, comes *http.Request
		want         bool
	}{
		"nothing":                    {Binding{}, seen(t, v4, here), seen(t, v6, "other"), true},
		"the same":                   {both, seen(t, v4, here), seen(t, v4, here), true},
		"another user agent":         {browser, seen(t, v4, here), seen(t, v4, "Browser/1.1"), false},
		"case of the user agent":     {browser, seen(t, v4, here), seen(t, v4, "browser/1"), false},
		"no user agent any more":     {browser, seen(t, v4, here), from(t, v4, ""), false},
		"never a user agent":         {browser, from(t, v4, ""), from(t, v4, ""), true},
		"user agents, the last byte": {browser, seen(t, v4, long[1:]+"y"), seen(t, v4, long), false},
		"user agents beyond 1 KiB":   {browser, seen(t, v4, long+"y"), seen(t, v4, long), true},
		"address not looked at":      {browser, seen(t, v4, here), seen(t, v6, here), true},
		"user agent not looked at":   {network, seen(t, v4, here), seen(t, v4, "other"), true},
		"another port":               {network, seen(t, v4, here), seen(t, "203.0.113.7:2", here), true},
		"the same network":           {network, seen(t, v4, here), seen(t, "203.0.113.255:1", here), true},
		"the next network":           {network, seen(t, v4, here), seen(t, "203.0.112.7:1", here), false},
		"the same network, IPv6":     {network, seen(t, v6, here), seen(t, "[2001:db8:1:2:ffff::]:1", here), true},
		"the next network, IPv6":     {network, seen(t, v6, here), seen(t, "[2001:db8:1:3::7]:1", here), false},
		"all bits":                   {Binding{IPv4Bits: 32}, seen(t, v4, here), seen(t, "203.0.113.6:1", here), false},
		"all bits, IPv6":             {Binding{IPv6Bits: 128}, seen(t, v6, here), seen(t, "[2001:db8:1:2::6]:1", here), false},
		"one bit":                    {Binding{IPv4Bits: 1}, seen(t, v4, here), seen(t, "128.0.0.1:1", here), true},
		"the other half":             {Binding{IPv4Bits: 1}, seen(t, v4, here), seen(t, "127.0.0.1:1", here), false},
		"a mapped address":           {network, seen(t, v4, here), seen(t, "[::ffff:203.0.113.9]:1", here), true},
		"from IPv4 to IPv6":          {network, seen(t, v4, here), seen(t, v6, here), false},
		"from IPv6 to IPv4":          {network, seen(t, v6, here), seen(t, v4, here), false},
		"no bits of this kind":       {Binding{IPv6Bits: 64}, seen(t, v4, here), seen(t, "198.51.100.1:1", here), true},
		"to the kind without bits":   {Binding{IPv6Bits: 64}, seen(t, v6, here), seen(t, v4, here), false},
		"from the kind without bits": {Binding{IPv6Bits: 64}, seen(t, v4, here), seen(t, v6, here), false},
		"no address":                 {network, seen(t, "@", here), seen(t, "@", here), false},
		"no address at first":        {network, seen(t, "@", here), seen(t, v4, here), false},
		"no address any more":        {network, seen(t, v4, here), seen(t, "@", here), false},
		"one of the two":             {both, seen(t, v4, here), seen(t, v4, "other"), false},
		"the other of the two":       {both, seen(t, v4, here), seen(t, v6, here), false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := c.b.matches(c.comes, salt, c.b.of(c.began, salt)); got != c.want {
				t.Errorf("matches: %v, want %v", got, c.want)
			}
		})
	}
}

func TestASessionKeepsTheBindingThatItBeganWith(t *testing.T) {
	t.Parallel()
	const addr, neighbour, elsewhere = "203.0.113.7:1", "203.0.113.8:1", "198.51.100.7:1"
	browser, network := Binding{UserAgent: true}, Binding{IPv4Bits: 24}
	both := Binding{UserAgent: true, IPv4Bits: 24}
	for name, c := range map[string]struct {
		began, now Binding
		comes      *http.Request
		want       bool
	}{
		"binding was switched on":       {Binding{}, both, seen(t, elsewhere, "other"), true},
		"binding was switched off":      {both, Binding{}, seen(t, elsewhere, "other"), true},
		"user agent was added":          {network, both, seen(t, addr, "other"), true},
		"address was added":             {browser, both, seen(t, elsewhere, "ua"), true},
		"what it had is still compared": {browser, both, seen(t, addr, "other"), false},
		"user agent was removed":        {both, network, seen(t, addr, "other"), true},
		"address was removed":           {both, browser, seen(t, elsewhere, "ua"), true},
		"what is left is compared":      {both, network, seen(t, elsewhere, "ua"), false},
		"nothing in common":             {browser, network, seen(t, elsewhere, "other"), true},
		"more bits, same network":       {network, Binding{IPv4Bits: 32}, seen(t, neighbour, "ua"), true},
		"more bits, elsewhere":          {network, Binding{IPv4Bits: 32}, seen(t, elsewhere, "ua"), false},
		"fewer bits, same network":      {Binding{IPv4Bits: 32}, network, seen(t, neighbour, "ua"), false},
		"fewer bits, same address":      {Binding{IPv4Bits: 32}, network, seen(t, addr, "ua"), true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bound := c.began.of(seen(t, addr, "ua"), salt)
			if got := c.now.matches(c.comes, salt, bound); got != c.want {
				t.Errorf("matches: %v, want %v", got, c.want)
			}
		})
	}
}

func TestABindingHoldsBehindAProxy(t *testing.T) {
	t.Parallel()
	b := behind("X-Forwarded-For")
	began := from(t, proxy, "X-Forwarded-For", "203.0.113.7")
	bound := b.of(began, salt)
	if !b.matches(from(t, "10.0.0.2:1", "X-Forwarded-For", "203.0.113.7"), salt, bound) {
		t.Error("the same client through another proxy does not match")
	}
	for _, r := range []*http.Request{
		from(t, "198.51.100.1:1", "X-Forwarded-For", "203.0.113.7"),
		from(t, proxy, "X-Forwarded-For", "203.0.113.7, 198.51.100.1"),
		from(t, proxy, "X-Forwarded-For", "203.0.113.7, unknown"),
		from(t, proxy, "Forwarded", "for=203.0.113.7"),
	} {
		if b.matches(r, salt, bound) {
			t.Errorf("%s %v: matches", r.RemoteAddr, r.Header)
		}
	}
}

func TestAFingerprintIsOneSessionsAndTellsNothing(t *testing.T) {
	t.Parallel()
	b := Binding{UserAgent: true, IPv4Bits: 24}
	r := seen(t, "203.0.113.7:1", "Browser/1")
	bound, other := b.of(r, salt), b.of(r, []byte("another session"))
	if !bytes.Equal(bound, b.of(r, salt)) {
		t.Error("it differs from one time to the next")
	}
	if bytes.Equal(bound[atUserAgent:atBits], other[atUserAgent:atBits]) || bytes.Equal(bound[atAddress:], other[atAddress:]) {
		t.Error("two sessions have marks in common")
	}
	if b.matches(r, salt, other) {
		t.Error("another session's fingerprint matches")
	}
	addr := netip.MustParseAddr("203.0.113.7").AsSlice()
	for _, secret := range [][]byte{addr[:3], []byte("203.0"), []byte("Browser")} {
		if bytes.Contains(bound, secret) {
			t.Errorf("%x contains %x", bound, secret)
		}
	}
	posing := b.of(seen(t, "203.0.113.7:1", "203.0.113.0/24"), salt)
	if bytes.Equal(posing[atUserAgent:atBits], posing[atAddress:]) {
		t.Error("a user agent and an address have the same mark")
	}
	if got := (Binding{}).of(r, salt); got != nil {
		t.Errorf("unbound, but the fingerprint is %x", got)
	}
}

func TestAFingerprintThatIsNoneMatchesNothing(t *testing.T) {
	t.Parallel()
	b := Binding{UserAgent: true, IPv4Bits: 24}
	r := seen(t, "203.0.113.7:1", "Browser/1")
	bound := b.of(r, salt)
	if !b.matches(r, salt, bound) {
		t.Fatal("the fingerprint itself does not match")
	}
	for n := 1; n < len(bound); n++ {
		if b.matches(r, salt, bound[:n]) {
			t.Errorf("%d bytes of it match", n)
		}
	}
	if b.matches(r, salt, append(bytes.Clone(bound), 0)) {
		t.Error("it matches with a byte too many")
	}
	for i := range bound {
		for bit := range 8 {
			flipped := bytes.Clone(bound)
			flipped[i] ^= 1 << bit
			// Without the mark's flag, there is less to compare.
			if dropped := i == 0 && bit < 2; b.matches(r, salt, flipped) != dropped {
				t.Errorf("byte %d, bit %d flipped: matches %v", i, bit, !dropped)
			}
		}
	}
}

package session

import (
	"net/http"
	"net/netip"
	"strings"
	"testing"
)

// from returns a request on a connection from addr, with a header field's lines.
func from(tb testing.TB, addr, field string, lines ...string) *http.Request {
	tb.Helper()
	r, err := http.NewRequestWithContext(tb.Context(), http.MethodGet, "/", http.NoBody)
	if err != nil {
		tb.Fatal(err)
	}
	r.RemoteAddr = addr
	for _, line := range lines {
		r.Header.Add(field, line)
	}
	return r
}

// behind returns a binding behind proxies in 10.0.0.0/8 and 2001:db8:a::/48 that
// write this header field.
func behind(field string) Binding {
	return Binding{
		IPv4Bits: 32, IPv6Bits: 128,
		TrustedProxies: []netip.Prefix{
			netip.MustParsePrefix("10.0.0.0/8"),
			netip.MustParsePrefix("2001:db8:a::/48"),
		},
		ForwardedHeader: field,
	}
}

const (
	proxy  = "10.0.0.1:5000" // the connection comes from it
	client = "203.0.113.7"
)

func wantAddr(tb testing.TB, b Binding, r *http.Request, want string) {
	tb.Helper()
	got := b.ClientAddr(r)
	if want == "" && got.IsValid() || want != "" && got.String() != want {
		tb.Errorf("client %v, want %q", got, want)
	}
}

func TestTheConnectionSaysWhoTheClientIs(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ remote, want string }{
		{"203.0.113.7:443", client},
		{"203.0.113.7", client}, // set by a handler
		{"[2001:db8::7]:443", "2001:db8::7"},
		{"2001:db8::7", "2001:db8::7"},
		{"[fe80::7%eth0]:443", "fe80::7"},
		{"[::ffff:203.0.113.7]:443", client},
		{"@", ""}, // a Unix domain socket
		{"", ""},
		{"/run/app.sock", ""},
		{"pipe", ""},
	} {
		// Whoever is not trusted has no say.
		wantAddr(t, behind("X-Forwarded-For"), from(t, c.remote, "X-Forwarded-For", "198.51.100.1"), c.want)
		wantAddr(t, Binding{IPv4Bits: 32}, from(t, c.remote, "X-Forwarded-For", "198.51.100.1"), c.want)
	}
}

func TestOnlyTheChosenHeaderFieldIsRead(t *testing.T) {
	t.Parallel()
	r := from(t, proxy, "Forwarded", "for=198.51.100.1")
	r.Header.Set("X-Real-IP", "198.51.100.2")
	r.Header.Set("X-Forwarded-For", client)
	for field, want := range map[string]string{
		"X-Forwarded-For": client,
		"x-forwarded-for": client,
		"Forwarded":       "198.51.100.1",
		"forwarded":       "198.51.100.1",
		"X-Real-IP":       "198.51.100.2",
		"X-Other":         "10.0.0.1",
	} {
		t.Run(field, func(t *testing.T) {
			t.Parallel()
			wantAddr(t, behind(field), r, want)
		})
	}
}

func TestAListOfAddressesIsReadFromItsEndPastTrustedProxies(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		lines []string
		want  string
	}{
		"one":                               {[]string{client}, client},
		"what the client sent first":        {[]string{"198.51.100.1, 203.0.113.7"}, client},
		"past a trusted one":                {[]string{"198.51.100.1,203.0.113.7 ,\t10.0.0.2"}, client},
		"past trusted ones of both kinds":   {[]string{"203.0.113.7, 10.0.0.2, 2001:db8:a::2"}, client},
		"a line for each":                   {[]string{"198.51.100.1", client, "10.0.0.2"}, client},
		"a trusted address sent by others":  {[]string{"10.0.0.9, 203.0.113.7"}, client},
		"IPv6":                              {[]string{"2001:db8::7"}, "2001:db8::7"},
		"in brackets":                       {[]string{"[2001:db8::7]"}, "2001:db8::7"},
		"with a port":                       {[]string{"[2001:db8::7]:443"}, "2001:db8::7"},
		"IPv4 with a port":                  {[]string{"203.0.113.7:443"}, client},
		"mapped":                            {[]string{"::ffff:203.0.113.7"}, client},
		"past a mapped one":                 {[]string{"203.0.113.7, ::ffff:10.0.0.2"}, client},
		"past one with a zone":              {[]string{"203.0.113.7, 2001:db8:a::2%eth0"}, client},
		"trusted ones alone":                {[]string{"10.0.0.3, 10.0.0.2"}, "10.0.0.3"},
		"no line":                           {nil, "10.0.0.1"},
		"an empty line":                     {[]string{client, ""}, "10.0.0.1"},
		"an empty element":                  {[]string{"203.0.113.7, "}, "10.0.0.1"},
		"unknown":                           {[]string{"203.0.113.7, unknown"}, "10.0.0.1"},
		"unknown behind a proxy":            {[]string{"203.0.113.7, unknown, 10.0.0.2"}, "10.0.0.2"},
		"obfuscated":                        {[]string{"203.0.113.7, _hidden"}, "10.0.0.1"},
		"a name":                            {[]string{"203.0.113.7, example.org"}, "10.0.0.1"},
		"a number too many":                 {[]string{"203.0.113.7, 1.2.3.4.5"}, "10.0.0.1"},
		"leading zeros":                     {[]string{"203.0.113.7, 010.0.0.2"}, "10.0.0.1"},
		"IPv4 in brackets":                  {[]string{"203.0.113.7, [10.0.0.2]"}, "10.0.0.1"},
		"an open bracket":                   {[]string{"203.0.113.7, [2001:db8:a::2"}, "10.0.0.1"},
		"behind the bracket":                {[]string{"203.0.113.7, [2001:db8:a::2]x"}, "10.0.0.1"},
		"quotes":                            {[]string{`203.0.113.7, "10.0.0.2"`}, "10.0.0.1"},
		"a quote that the client left open": {[]string{`", 203.0.113.7`}, client},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			wantAddr(t, behind("X-Forwarded-For"), from(t, proxy, "X-Forwarded-For", c.lines...), c.want)
		})
	}
}

func TestForwardedIsReadAsRFC7239Says(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		lines []string
		want  string
	}{
		"one":                              {[]string{"for=203.0.113.7"}, client},
		"among others, in any case":        {[]string{"proto=https;FOR=203.0.113.7;by=10.0.0.1"}, client},
		"quoted, IPv6 with a port":         {[]string{`For="[2001:db8::7]:4711"`}, "2001:db8::7"},
		"an obfuscated port":               {[]string{`for="203.0.113.7:_port"`}, client},
		"past a trusted one":               {[]string{`for=203.0.113.7, for="[2001:db8:a::2]";proto=https`}, client},
		"a line for each":                  {[]string{"for=198.51.100.1", "for=203.0.113.7", "for=10.0.0.2"}, client},
		"what the client sent first":       {[]string{"for=198.51.100.1, for=203.0.113.7"}, client},
		"separators within quotes":         {[]string{`host="a,for=198.51.100.1;";for=203.0.113.7;by="x, y"`}, client},
		"escaped quotes":                   {[]string{`for=203.0.113.7;host="a\", for=198.51.100.1;\\"`}, client},
		"a quote that the client opened":   {[]string{`for="198.51.100.1, for=203.0.113.7;host="a,b"`}, client},
		"an escape that the client opened": {[]string{`for="198.51.100.1\, for=203.0.113.7;host="a,b"`}, client},
		"an empty pair":                    {[]string{"for=203.0.113.7;"}, client},
		"unknown":                          {[]string{"for=203.0.113.7, for=unknown"}, "10.0.0.1"},
		"obfuscated":                       {[]string{`for=203.0.113.7, for="_mystery"`}, "10.0.0.1"},
		"no node":                          {[]string{"for=203.0.113.7, proto=https"}, "10.0.0.1"},
		"two nodes":                        {[]string{"for=203.0.113.7;for=10.0.0.2"}, "10.0.0.1"},
		"an empty node and another":        {[]string{"for=203.0.113.7;for="}, "10.0.0.1"},
		"an empty element":                 {[]string{"for=203.0.113.7,"}, "10.0.0.1"},
		"an empty line":                    {[]string{"for=203.0.113.7", ""}, "10.0.0.1"},
		"a bare address":                   {[]string{"for=203.0.113.7, 10.0.0.2"}, "10.0.0.1"},
		"half a quote":                     {[]string{`for=203.0.113.7, for="10.0.0.2`}, "10.0.0.1"},
		"half a quote elsewhere":           {[]string{`for=198.51.100.1;x", for=203.0.113.7;host="a`}, "10.0.0.1"},
		"a quote behind the node":          {[]string{`for=203.0.113.7, for=10.0.0.2"x"`}, "10.0.0.1"},
		"a quote within a value":           {[]string{`for=203.0.113.7;by=b"c"`}, "10.0.0.1"},
		"a name that is none":              {[]string{`for=203.0.113.7;a b=c`}, "10.0.0.1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			wantAddr(t, behind("Forwarded"), from(t, proxy, "Forwarded", c.lines...), c.want)
		})
	}
}

// maxHopLen is how much of an element is read, see package forwarded.
const maxHopLen = 1024

func TestALongHeaderFieldIsNotReadToItsBeginning(t *testing.T) {
	t.Parallel()
	hops := func(n int) string { return client + strings.Repeat(", 10.0.0.2", n) }
	for name, c := range map[string]struct{ field, line, want string }{
		"31 proxies and the client":    {"X-Forwarded-For", hops(31), client},
		"32 proxies":                   {"X-Forwarded-For", hops(32), "10.0.0.2"},
		"the longest element":          {"X-Forwarded-For", "x," + strings.Repeat(" ", maxHopLen-len(client)) + client, client},
		"a longer one":                 {"X-Forwarded-For", "x," + strings.Repeat(" ", maxHopLen-len(client)+1) + client, "10.0.0.1"},
		"a longer one by itself":       {"X-Forwarded-For", client + strings.Repeat(" ", maxHopLen), "10.0.0.1"},
		"a megabyte":                   {"X-Forwarded-For", strings.Repeat("a", 1<<20), "10.0.0.1"},
		"a megabyte that is forwarded": {"Forwarded", `for="` + strings.Repeat("a", 1<<20) + `"`, "10.0.0.1"},
		"a megabyte before the client": {"Forwarded", strings.Repeat(`"`, 1<<20) + ", for=" + client, client},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			wantAddr(t, behind(c.field), from(t, proxy, c.field, c.line), c.want)
		})
	}
}

//nolint:paralleltest // AllocsPerRun counts the allocations of all goroutines
func TestAHopCostsNoAllocation(t *testing.T) {
	for field, hop := range map[string]string{"X-Forwarded-For": "10.0.0.2", "Forwarded": `by="_x";for="10.0.0.2"`} {
		b := behind(field)
		allocs := func(hops int) float64 {
			r := from(t, proxy, field, hop+strings.Repeat(", "+hop, hops-1))
			return testing.AllocsPerRun(100, func() { b.ClientAddr(r) })
		}
		if one, many := allocs(1), allocs(1<<16); many > one {
			t.Errorf("%s: one hop costs %v allocations, many cost %v", field, one, many)
		}
	}
}

// Whatever clients send, they can't keep what a proxy appends from being read.
func FuzzForwarded(f *testing.F) {
	for _, seed := range []string{
		"", client, "unknown", "10.0.0.9", `"`, `\`, `for="`, `for="\`, ",", ";", `"",`, "[", "fe80::1%x", "::ffff:10.0.0.2",
		"for=198.51.100.1", `for="[2001:db8::1]:_p";by=_x;host="a\",b";proto=https`, strings.Repeat("10.0.0.2,", 40),
		strings.Repeat("for=10.0.0.2;x=\"", 40), "\x00\xff",
	} {
		f.Add(seed)
	}
	appended := map[string][]string{
		"X-Forwarded-For": {"203.0.113.7", "203.0.113.7:80", "203.0.113.7, 10.0.0.2", "::ffff:203.0.113.7"},
		"Forwarded":       {"for=203.0.113.7", `host="a,\";\\";for="203.0.113.7:80"`, `for=203.0.113.7;by="x;,", for="[2001:db8:a::1]"`},
	}
	f.Fuzz(func(t *testing.T, sent string) {
		for field, elements := range appended {
			b := behind(field)
			if got := b.ClientAddr(from(t, proxy, field, sent)); !got.IsValid() || got.Zone() != "" || got.Is4In6() {
				t.Errorf("%s: %q: client %v", field, sent, got)
			}
			for _, element := range elements {
				wantAddr(t, b, from(t, proxy, field, sent+", "+element), client)
				wantAddr(t, b, from(t, proxy, field, sent+","+element), client)
				wantAddr(t, b, from(t, proxy, field, sent, element), client)
			}
			wantAddr(t, b, from(t, "198.51.100.9:1", field, sent), "198.51.100.9")
		}
	})
}

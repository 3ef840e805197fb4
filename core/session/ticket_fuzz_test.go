package session

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// The targets here take what a client sends, whole header fields; others take what
// is inside: FuzzVerify, FuzzOpen, FuzzDecodeState, FuzzParseRecord.

func fuzzRequest(t *testing.T, field string, values ...string) *http.Request {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", http.NoBody)
	r.Header[field] = values
	return r
}

// presentedBy returns the tickets of a request.
func presentedBy(m *Manager, r *http.Request) []presented {
	found, _ := m.presented(r.Context(), &exchange{Context: r.Context(), m: m, r: r})
	return found
}

// wantOnly checks that nothing is accepted but want, in a bounded number.
func wantOnly(t *testing.T, m *Manager, r *http.Request, want token) {
	t.Helper()
	found := presentedBy(m, r)
	if len(found) > maxTickets {
		t.Errorf("%d tickets", len(found))
	}
	for _, p := range found {
		if p.token != want {
			t.Errorf("a ticket that we did not sign: %q", p.ticket)
		}
	}
}

func FuzzTicket(f *testing.F) {
	m := ticketManager(f, Options{})
	own := newToken()
	pair := m.opts.Cookie.Name + "=" + m.ticket(&own)
	for _, line := range []string{
		"", "=", ";", pair, pair + ";", " \t" + pair + "\t ; a=b", "a=b; " + pair, strings.Repeat("__Host-session=; ", 10) + pair,
		pair + "; " + pair, strings.Replace(pair, "=", " =", 1), strings.Replace(pair, "=", "= ", 1),
		strings.ToLower(pair), `"` + pair + `"`,
		"__Host-session=\x00\xff", "__Host-session", strings.Repeat(";", 4000) + pair,
	} {
		f.Add(line, pair)
	}
	f.Fuzz(func(t *testing.T, first, second string) {
		wantOnly(t, m, fuzzRequest(t, "Cookie", first, second), own)
		if strings.Count(first, ";") < maxCookies-1 && !strings.Contains(first, "=") { // no cookie comes before ours
			if found := presentedBy(m, fuzzRequest(t, "Cookie", first, pair)); len(found) != 1 {
				t.Errorf("behind %q our ticket is found %d times", first, len(found))
			}
		}
	})
}

func FuzzBearer(f *testing.F) {
	bearer, other := ticketManager(f, Options{Header: "Authorization"}), ticketManager(f, Options{Header: "X-Session"})
	own := newToken()
	ticket := bearer.ticket(&own)
	for _, value := range []string{
		"", "Bearer", "Bearer ", "Bearer " + ticket, "bearer  " + ticket, " BEARER " + ticket + "\t",
		"Bearer\t" + ticket, "Bearer " + ticket + ",",
		"Bearer " + ticket + " " + ticket, "Basic x, Bearer " + ticket, ticket, other.ticket(&own), "Bearer " + strings.Repeat("A", 2000),
		"Bearer \x00\xff", "Bearer =",
	} {
		f.Add(value)
	}
	f.Fuzz(func(t *testing.T, value string) {
		wantOnly(t, bearer, fuzzRequest(t, "Authorization", value, "Basic x"), own)
		wantOnly(t, other, fuzzRequest(t, "X-Session", value), own)
	})
}

package session

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"
)

// The targets here take what a client sends, whole header fields; others take what
// is inside: FuzzVerify, FuzzOpen, FuzzDecodeState, FuzzParseRecord.

func fuzzRequest(t *testing.T, field string, values ...string) *http.Request {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", http.NoBody)
	r.Header[field] = values
	return r
}

// wantOnly checks that nothing is accepted but want, in a bounded number.
func wantOnly(t *testing.T, m *Manager, r *http.Request, want token) {
	t.Helper()
	found := m.presented(t.Context(), r)
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
			if found := m.presented(t.Context(), fuzzRequest(t, "Cookie", first, pair)); len(found) != 1 {
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

// fuzzCookieOnly returns the two kinds of Managers whose sessions travel in their
// cookies.
func fuzzCookieOnly(f *testing.F) []*Manager {
	f.Helper()
	key := GenerateKey()
	managers := make([]*Manager, 2)
	for i := range managers {
		var err error
		if managers[i], err = NewCookieOnly(Options{Keys: [][]byte{key}, Readable: i == 1}); err != nil {
			f.Fatal(err)
		}
	}
	return managers
}

func FuzzCookieOnly(f *testing.F) {
	managers := fuzzCookieOnly(f)
	own := make([]string, len(managers))
	for i, m := range managers {
		st := fullState()
		st.created, st.deadline, st.ended = wallNow(), time.Time{}, false
		var err error
		if own[i], err = m.pack(&st, wallNow().Add(time.Hour)); err != nil {
			f.Fatal(err)
		}
		for _, value := range []string{own[i], own[i] + "A", own[i] + "=", own[i][1:], own[i] + "." + own[i]} {
			f.Add(value)
		}
		f.Add(own[i][:20] + "\n" + own[i][20:])
	}
	f.Add("")
	f.Add(".")
	f.Add("AAAAAAAAAAA.AAAA")
	f.Add(strings.Repeat("A", maxCookieSize))
	f.Fuzz(func(t *testing.T, value string) {
		for i, m := range managers {
			_, err := m.open(presented{ticket: value})
			if err == nil && value != own[i] {
				t.Errorf("what we did not make opens: %q", value)
			}
			if err != nil && !errors.Is(err, ErrNotFound) {
				t.Errorf("%v, want ErrNotFound", err)
			}
		}
	})
}

// A cookie whose signature is good can have been made by another version.
func FuzzSignedData(f *testing.F) {
	m := fuzzCookieOnly(f)[1]
	full := fullState()
	f.Add(slices.Concat(make([]byte, 8), full.encode()))
	f.Add(make([]byte, 7))
	f.Add(make([]byte, 8))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, data []byte) {
		ticket := b64.EncodeToString(data) + string(ticketSep) + b64.EncodeToString(m.opts.Signer.Sign(m.purpose, data))
		st, expires, err := m.unpack(ticket)
		if err != nil {
			return
		}
		again, err := m.pack(&st, expires)
		if err != nil && !errors.Is(err, ErrTooLarge) {
			t.Errorf("%x: it opens and can't be packed: %v", data, err)
		}
		if err == nil {
			if _, _, err := m.unpack(again); err != nil {
				t.Errorf("%x: packed again it does not open: %v", data, err)
			}
		}
	})
}

package session_test

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/cloakroom-go/cloakroom/core/session"
)

func TestAMalformedHeaderIsAnAnonymousSession(t *testing.T) {
	t.Parallel()
	good := newEnv(t).client(transports[2])
	good.do(count)
	for name, c := range map[string]struct {
		values []string
		logged bool
	}{
		"nothing":                {nil, false},
		"empty":                  {[]string{""}, false},
		"white space":            {[]string{" \t "}, false},
		"the scheme alone":       {[]string{"Bearer"}, false},
		"the scheme and a space": {[]string{"Bearer "}, false},
		"no scheme":              {[]string{good.ticket}, false},
		"another scheme":         {[]string{"Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="}, false},
		"a longer scheme":        {[]string{"Bearerer " + good.ticket}, false},
		"a tab for a space":      {[]string{"Bearer\t" + good.ticket}, false},
		"a second scheme":        {[]string{"Basic x, Bearer " + good.ticket}, false},
		"garbage":                {[]string{"Bearer %%%\x01\xff"}, true},
		"cut":                    {[]string{"Bearer " + good.ticket[:80]}, true},
		"longer":                 {[]string{"Bearer " + good.ticket + "A"}, true},
		"two tickets":            {[]string{"Bearer " + good.ticket + " " + good.ticket}, true},
		"a list of tickets":      {[]string{"Bearer " + good.ticket + "," + good.ticket}, true},
		"quoted":                 {[]string{`Bearer "` + good.ticket + `"`}, true},
		"a parameter":            {[]string{`Bearer token=` + good.ticket}, true},
		"the scheme twice":       {[]string{strings.Repeat("Bearer ", 2) + good.ticket}, true},
		"8 KB":                   {[]string{"Bearer " + strings.Repeat("A", 8<<10)}, true},
		"1,000 fields":           {slices.Repeat([]string{"Bearer x"}, 1000), true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newEnv(t)
			e.secret(good.ticket)
			h := e.client(transports[2]).m.HandlerFunc(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
				if !s.IsNew() {
					t.Error("it gives a session")
				}
			})
			r := request(t, "")
			r.Header["Authorization"] = c.values
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			wantStatus(t, w.Result(), http.StatusOK)
			if calls := e.store.taken(); len(calls) != 0 {
				t.Errorf("store calls %v, want none", calls)
			}
			lines := strings.Count(e.logs.String(), "\n")
			if c.logged != (lines == 1) || lines > 1 {
				t.Errorf("%d lines in the log", lines)
			}
		})
	}
}

func TestOfSeveralFieldsTheFirstThatLivesCounts(t *testing.T) {
	t.Parallel()
	eachTransport(t, func(c *client) {
		c.do(count)
		for name, values := range map[string][]string{
			"behind another scheme": {"Basic x", c.prefix + c.ticket},
			"behind a bad one":      {c.prefix + "x", c.prefix + c.ticket},
			"twice":                 {c.prefix + c.ticket, c.prefix + c.ticket},
			"padded":                {" \t" + c.prefix + c.ticket + "\t "},
		} {
			r := request(c.e.tb, "")
			r.Header[c.sent] = values
			c.m.HandlerFunc(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
				if counter.Get(s) != 1 {
					c.e.tb.Errorf("%s: not found", name)
				}
			}).ServeHTTP(httptest.NewRecorder(), r)
		}
	})
}

func TestAtMostFourTicketsOfARequestAreLookedAt(t *testing.T) {
	t.Parallel()
	eachTransport(t, func(c *client) {
		c.do(count)
		for _, bad := range []int{3, 4} {
			r := request(c.e.tb, "")
			r.Header[c.sent] = append(slices.Repeat([]string{c.prefix + "x"}, bad), c.prefix+c.ticket)
			c.m.HandlerFunc(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
				if s.IsNew() != (bad == 4) {
					c.e.tb.Errorf("behind %d that don't verify: new is %v", bad, s.IsNew())
				}
			}).ServeHTTP(httptest.NewRecorder(), r)
		}
	})
}

// A cookie behind more others than any browser sends does not count.
func TestAtMost3000CookiesOfARequestAreLookedAt(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	own := "__Host-session=" + e.seed(count).cookie.Value
	for _, others := range []int{2999, 3000} {
		for name, cookies := range map[string][]string{
			"one line":  {strings.Repeat("a=b; ", others) + own},
			"two lines": {strings.TrimSuffix(strings.Repeat("a=b; ", others), "; "), own},
		} {
			r := request(t, "")
			r.Header["Cookie"] = cookies
			e.m.HandlerFunc(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
				if s.IsNew() != (others == 3000) {
					t.Errorf("behind %d others in %s: new is %v", others, name, s.IsNew())
				}
			}).ServeHTTP(httptest.NewRecorder(), r)
		}
	}
}

package session_test

import (
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cloakroom-go/cloakroom/core/session"
)

// TestFiveTabsOfSomebodyInAHurrySignNobodyOut has them read, write and move the session
// at the same time, in real time. A third of the answers is lost.
func TestFiveTabsOfSomebodyInAHurrySignNobodyOut(t *testing.T) {
	t.Parallel()
	reads := []handler{look, look, count, count}
	works := append([]handler{renew, authenticate, stepTo("2fa", time.Hour)}, reads...)
	for seed := range uint64(3) {
		e := newEnv(t, func(o *session.Options) { o.RenewGrace, o.RenewEvery = 20*time.Millisecond, 30*time.Millisecond })
		b := member(e)
		var mu sync.Mutex // of the cookie jar
		var tabs sync.WaitGroup
		for tab := range uint64(5) {
			tabs.Go(func() {
				random := rand.New(rand.NewPCG(seed, tab))
				for range 40 {
					mu.Lock()
					at := b.at(b.m)
					mu.Unlock()
					i := random.IntN(len(works))
					res := at.ask(works[i])
					if i >= len(works)-len(reads) { // of a move, too many may be on the way
						wantStatus(t, res, http.StatusOK)
					}
					if random.IntN(3) > 0 {
						mu.Lock()
						b.take(res)
						mu.Unlock()
					}
				}
			})
		}
		tabs.Wait()
		b.wantSignedIn()
	}
}

// TestOfSeveralCookiesTheOneThatIsGoodCounts has a browser that sends up to four of the
// name: from before the login, retired, of a session that is over, of nobody.
func TestOfSeveralCookiesTheOneThatIsGoodCounts(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	b := newBrowser(e)
	b.shop()
	before := b.ticket
	b.do(authenticate)
	b.wantSignedIn()
	retired := b.ticket
	b.do(renew)
	b.wantSignedIn()
	other := newBrowser(e)
	other.shop()
	over := other.ticket
	other.do(destroy)
	ask := func(f handler, tickets ...string) *http.Response {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", http.NoBody)
		for _, ticket := range tickets {
			r.AddCookie(&http.Cookie{Name: "__Host-session", Value: ticket})
		}
		return b.send(r, f)
	}
	for _, tickets := range [][]string{
		{before, b.ticket},
		{b.ticket, before},
		{over, b.ticket},
		{"forged", b.ticket},
		{retired, b.ticket},
		{over, before, "forged", b.ticket},
	} {
		who := ""
		res := ask(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
			who = s.Subject()
			count(w, r, s)
		}, tickets...)
		if wantNoTicket(t, res); who != "ann" {
			t.Errorf("%q: signed in as %q", tickets, who)
		}
	}
	if ask(destroy, before, b.ticket); b.sees().subject != "" {
		t.Error("the session outlives a logout")
	}
}

// TestATicketEndsWithTheIdleTimeoutOfItsOwnLogin has logins with and without "remember
// me", in one session. The record lives as long as the longest.
func TestATicketEndsWithTheIdleTimeoutOfItsOwnLogin(t *testing.T) {
	t.Parallel()
	remember := func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
		s.Authenticate("ann")
		s.Remember(30 * day)
	}
	const unused = session.DefaultIdleTimeout + time.Minute
	for name, c := range map[string]struct {
		first, second handler
		taken, seen   bool   // the second login's answer
		old, new      string // who the tickets are good for, unused for an hour
	}{
		"remembered, then not":                    {remember, authenticate, true, true, "", ""},
		"remembered, then not, not shown":         {remember, authenticate, true, false, "ann", ""},
		"remembered, then not, and it is lost":    {remember, authenticate, false, false, "ann", ""},
		"not remembered, then so":                 {authenticate, remember, true, true, "", "ann"},
		"not remembered, then so, and it is late": {authenticate, remember, false, false, "", "ann"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				e := newEnv(t)
				old := newBrowser(e)
				old.shop()
				old.do(c.first)
				old.wantSignedIn()
				pass(30 * time.Minute)
				old.wantSignedIn()
				fresh := old.at(e.m)
				fresh.do(c.second)
				if c.seen {
					fresh.wantSignedIn()
				}
				if !c.taken {
					old.wantSignedIn()
				}
				pass(unused)
				if got := fresh.sees().subject; got != c.new {
					t.Errorf("the new ticket is good for %q, want %q", got, c.new)
				}
				if got := old.sees().subject; got != c.old {
					t.Errorf("the old ticket is good for %q, want %q", got, c.old)
				}
			})
		})
	}
}

package dbsc_test

import (
	"crypto"
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cloakroom-go/cloakroom/core/dbsc"
	"github.com/cloakroom-go/cloakroom/core/session"
)

// prove sends a refresh with a proof.
func (b *browser) prove(challenge string) *http.Response {
	b.t.Helper()
	return b.send(http.MethodPost, dbsc.DefaultPath, sessionID, b.id, response, b.proof(challenge, false))
}

// ask sends a refresh without a proof, and returns the challenge.
func (b *browser) ask() string {
	b.t.Helper()
	res := b.send(http.MethodPost, dbsc.DefaultPath, sessionID, b.id)
	want(b.t, http.StatusForbidden, b.take(res), "a refresh without a proof")
	if b.next == "" {
		b.t.Fatal("no challenge")
	}
	return b.next
}

func TestARefreshNeedsAProofForAChallengeOfOurs(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		st := newSite(t)
		b := st.device()
		b.signIn()
		first := b.jar[boundCookie].Value
		<-time.After(time.Second)
		want(t, http.StatusForbidden, b.prove("AAAA"), "a challenge of the browser's own")
		res := b.prove(b.ask())
		want(t, http.StatusOK, b.take(res), "the right one")
		if instructionsOf(t, res) != b.id || b.jar[boundCookie].Value == first || res.Header.Get(challenge) == "" {
			t.Errorf("header: %v", res.Header)
		}
		want(t, http.StatusOK, b.prove(b.next), "the challenge that came with the cookie")
		want(t, http.StatusForbidden, b.send(http.MethodPost, dbsc.DefaultPath, sessionID, `"`+b.id+`"`), "an identifier in quotes")
		if n := len(st.seen(dbsc.EventRefreshed)); n != 3 { // the first one bound the login
			t.Errorf("%d events", n)
		}
	})
}

func TestAProofIsGoodOnce(t *testing.T) {
	t.Parallel()
	st := newSite(t)
	b := st.device()
	b.signIn()
	first, second := b.ask(), b.ask()
	proof := b.proof(first, false)
	send := func() *http.Response {
		return b.send(http.MethodPost, dbsc.DefaultPath, sessionID, b.id, response, proof)
	}
	want(t, http.StatusOK, send(), "the first time")
	res := send()
	want(t, http.StatusForbidden, res, "the second time")
	if len(res.Cookies()) != 0 || res.Header.Get(challenge) == "" {
		t.Errorf("header: %v", res.Header)
	}
	want(t, http.StatusForbidden, b.prove(second), "another challenge from before it")
	want(t, http.StatusOK, b.prove(b.ask()), "a new one")
	want(t, http.StatusOK, b.visit("/vault"), "the visitor")
	if got := st.seen(dbsc.EventProofRefused); len(got) != 2 || got[0].Err == nil {
		t.Errorf("events: %v", got)
	}
}

// TestOfOneProofSentTwiceAtOnceOneIsGood has both requests load the session before either
// saves it.
func TestOfOneProofSentTwiceAtOnceOneIsGood(t *testing.T) {
	t.Parallel()
	for _, same := range []bool{true, false} {
		st := newSite(t)
		b := st.device()
		b.signIn()
		first := b.ask()
		proofs := []string{b.proof(first, false), b.proof(b.ask(), false)}
		if same {
			proofs[1] = proofs[0]
		}
		var loaded, done sync.WaitGroup
		loaded.Add(len(proofs))
		st.handler = afterLoad(st, func() { loaded.Done(); loaded.Wait() })
		statuses := make([]int, len(proofs))
		for i, proof := range proofs {
			done.Go(func() {
				statuses[i] = b.send(http.MethodPost, dbsc.DefaultPath, sessionID, b.id, response, proof).StatusCode
			})
		}
		done.Wait()
		if slices.Sort(statuses); !slices.Equal(statuses, []int{http.StatusOK, http.StatusForbidden}) {
			t.Errorf("the same proof %v: %v", same, statuses)
		}
	}
}

func TestARefreshThatProvesNothingIsRefused(t *testing.T) {
	t.Parallel()
	st := newSite(t)
	b := st.device()
	b.signIn()
	other := st.device()
	other.signIn()
	stranger := ecKey(t)
	good := b.ask()
	claim := map[string]any{"jti": good}
	// proof returns one with a member of its header set.
	proof := func(name string, value any, signer crypto.Signer) string {
		return sign(t, map[string]any{"typ": "dbsc+jwt", "alg": "ES256", name: value}, claim, signer)
	}
	own, foreign := jwkOf(t, b.signer.Public()), jwkOf(t, stranger.Public())
	none := part(t, map[string]any{"typ": "dbsc+jwt", "alg": "none"}) + "." + part(t, claim) + "."
	others := b.proof(other.ask(), false)
	for name, c := range map[string]struct {
		header []string
		status int
	}{
		"another key":                 {[]string{sessionID, b.id, response, proof("typ", "dbsc+jwt", stranger)}, 403},
		"a key of its own":            {[]string{sessionID, b.id, response, proof("jwk", foreign, stranger)}, 400},
		"the right key, once more":    {[]string{sessionID, b.id, response, proof("jwk", own, b.signer)}, 400},
		"alg none":                    {[]string{sessionID, b.id, response, none}, 400},
		"HS256":                       {[]string{sessionID, b.id, response, proof("alg", "HS256", stranger)}, 400},
		"RS256, the key is of P-256":  {[]string{sessionID, b.id, response, proof("alg", "RS256", rsaKey())}, 403},
		"no proof":                    {[]string{sessionID, b.id, response, "."}, 400},
		"two proofs":                  {[]string{sessionID, b.id, response, "a", response, "b"}, 400},
		"another session's challenge": {[]string{sessionID, b.id, response, others}, 403},
		"another session":             {[]string{sessionID, other.id, response, b.proof(good, false)}, 503},
		"another session, no proof":   {[]string{sessionID, other.id}, 503},
		"an identifier of nobody's":   {[]string{sessionID, "nobody"}, 503},
		"an empty identifier":         {[]string{sessionID, ""}, 400},
		"an identifier, malformed":    {[]string{sessionID, `"` + b.id}, 400},
		"two identifiers":             {[]string{sessionID, b.id, sessionID, other.id}, 400},
		"an identifier of a megabyte": {[]string{sessionID, strings.Repeat("A", 1<<20)}, 400},
	} {
		res := b.send(http.MethodPost, dbsc.DefaultPath, c.header...)
		want(t, c.status, res, name)
		if len(res.Cookies()) != 0 {
			t.Errorf("%s: a cookie: %v", name, res.Cookies())
		}
		if (res.Header.Get(challenge) != "") != (c.status == http.StatusForbidden) {
			t.Errorf("%s: challenge %q", name, res.Header.Get(challenge))
		}
	}
	want(t, http.StatusOK, b.prove(good), "the browser itself, with the same challenge")
	wantStatus(t, dbsc.Bound, other.visit("/"), "the other")
}

func TestALostAnswerOfARefreshLosesNothing(t *testing.T) {
	t.Parallel()
	st := newSite(t)
	b := st.device()
	b.signIn()
	b.ask()
	want(t, http.StatusOK, b.prove(b.next), "its answer is lost")
	delete(b.jar, boundCookie)
	want(t, http.StatusOK, b.visit("/vault"), "the next request")
}

func TestAnOutageDuringARefreshLosesNothing(t *testing.T) {
	t.Parallel()
	st := newSite(t)
	b := st.device()
	b.signIn()
	delete(b.jar, boundCookie)
	st.store.down.Store(true)
	res := b.refresh()
	want(t, http.StatusServiceUnavailable, res, "while the store is down")
	if res.Header.Get("Retry-After") == "" || len(res.Cookies()) != 0 {
		t.Errorf("header: %v", res.Header)
	}
	want(t, http.StatusServiceUnavailable, b.visit("/vault"), "a page")
	st.store.down.Store(false)
	want(t, http.StatusOK, b.visit("/vault"), "afterwards")
	wantStatus(t, dbsc.Bound, b.visit("/"), "afterwards")
}

// TestAnOutageBetweenLoadAndSaveIs503: the session was there, and the proof can't be noted.
func TestAnOutageBetweenLoadAndSaveIs503(t *testing.T) {
	t.Parallel()
	st := newSite(t)
	b := st.device()
	b.signIn()
	proof := b.proof(b.ask(), false)
	st.handler = afterLoad(st, func() { st.store.down.Store(true) })
	want(t, http.StatusServiceUnavailable, b.send(http.MethodPost, dbsc.DefaultPath, sessionID, b.id, response, proof), "refreshing")
	st.store.down.Store(false)
	st.start()
	delete(b.jar, boundCookie)
	want(t, http.StatusOK, b.visit("/vault"), "afterwards")
}

// afterLoad loads the session, and runs f before anything else.
func afterLoad(st *site, f func()) http.Handler {
	inner := st.handler
	return st.sessions.HandlerFunc(func(w http.ResponseWriter, r *http.Request, _ *session.Session) {
		f()
		inner.ServeHTTP(w, r)
	})
}

func TestAChallengeIsGoodForAsLongAsItsCookieAndForSomeMinutes(t *testing.T) {
	t.Parallel()
	for lifetime, limit := range map[time.Duration]time.Duration{0: 15 * time.Minute, time.Hour: 65 * time.Minute} {
		for _, late := range []bool{false, true} {
			synctest.Test(t, func(t *testing.T) {
				st := newSite(t, func(o *session.Options, b *dbsc.Options) {
					o.IdleTimeout, b.Lifetime = 12*time.Hour, lifetime
				})
				b := st.device()
				b.signIn()
				challenge, status := b.ask(), http.StatusOK
				if <-time.After(limit - time.Millisecond); late {
					<-time.After(time.Millisecond)
					status = http.StatusForbidden
				}
				want(t, status, b.prove(challenge), limit.String())
			})
		}
	}
}

// TestWhatHasEndedIsNotRefreshed: the browser forgets it, with any status from 400 to 499 that
// is not 403 or 407. After a new login it keeps it for some minutes.
func TestWhatHasEndedIsNotRefreshed(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		end   func(*site, *browser)
		login bool
	}{
		"signed out": {func(_ *site, b *browser) { b.visit("/logout") }, false},
		"signed out elsewhere": {func(st *site, _ *browser) {
			if _, err := st.sessions.EndSubject(st.t.Context(), "ann"); err != nil {
				st.t.Error(err)
			}
		}, false},
		"signed in as somebody else": {func(_ *site, b *browser) { b.signer = nil; b.visit("/login/bob") }, true},
		"signed in again":            {func(_ *site, b *browser) { b.signer = nil; b.visit("/login/ann") }, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				st := newSite(t)
				b := st.device()
				b.signIn()
				key, proof := b.signer, b.proof(b.ask(), false)
				c.end(st, b)
				b.signer = key
				ask := func(status int) {
					res := b.send(http.MethodPost, dbsc.DefaultPath, sessionID, b.id, response, proof)
					want(t, status, res, "with a proof")
					want(t, status, b.send(http.MethodPost, dbsc.DefaultPath, sessionID, b.id), "without")
				}
				if c.login {
					ask(http.StatusServiceUnavailable)
					<-time.After(15 * time.Minute)
				}
				ask(http.StatusNotFound)
				want(t, http.StatusOK, b.send(http.MethodGet, "/vault"), "the visitor, who is unbound")
			})
		})
	}
}

// TestASessionThatEndsDuringItsRefreshIsNotRefreshed ends it after it was loaded.
func TestASessionThatEndsDuringItsRefreshIsNotRefreshed(t *testing.T) {
	t.Parallel()
	st := newSite(t)
	b := st.device()
	b.signIn()
	proof := b.proof(b.ask(), false)
	st.handler = afterLoad(st, func() {
		if _, err := st.sessions.EndSubject(t.Context(), "ann"); err != nil {
			t.Error(err)
		}
	})
	res := b.send(http.MethodPost, dbsc.DefaultPath, sessionID, b.id, response, proof)
	want(t, http.StatusServiceUnavailable, res, "refreshing")
	if contains(res.Header.Values("Set-Cookie"), boundCookie) {
		t.Error("a cookie for a session that has ended")
	}
	st.start()
	if want(t, http.StatusNotFound, b.refresh(), "refreshing again"); b.id != "" {
		t.Error("the browser keeps the key")
	}
}

func TestErrorsSayWhyAndNothingElse(t *testing.T) {
	t.Parallel()
	st := newSite(t)
	b := st.device()
	b.signIn()
	used := b.proof(b.ask(), false)
	send := func() { b.take(b.send(http.MethodPost, dbsc.DefaultPath, sessionID, b.id, response, used)) }
	send()
	send()
	thief := b.steal()
	delete(thief.jar, boundCookie)
	want(t, http.StatusForbidden, thief.visit("/vault"), "a copy")
	logged := st.logs.String()
	for _, line := range []string{"dbsc: proof refused", "dbsc: bound session without its cookie refused"} {
		if !strings.Contains(logged, line) {
			t.Errorf("the log lacks %q", line)
		}
	}
	rejected := st.seen(dbsc.EventProofRefused)
	if len(rejected) != 1 || rejected[0].Err == nil || errors.Unwrap(rejected[0].Err) != nil {
		t.Fatalf("events: %v", rejected)
	}
	logged += rejected[0].Err.Error()
	for name, secret := range map[string]string{
		"ticket": b.jar[ticketCookie].Value, "cookie": b.jar[boundCookie].Value, "proof": used, "challenge": b.next,
		"tag": strings.TrimPrefix(b.id, rejected[0].ID),
	} {
		if strings.Contains(logged, secret) {
			t.Errorf("the log holds the %s", name)
		}
	}
}

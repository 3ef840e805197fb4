package dbsc_test

import (
	"maps"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cloakroom-go/cloakroom/core/dbsc"
	"github.com/cloakroom-go/cloakroom/core/session"
)

// TestARefreshThatComesLateLosesNoKey: it brings a ticket that was retired since, and a
// browser that is told that its session is not there forgets the key, for good.
func TestARefreshThatComesLateLosesNoKey(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		st := newSite(t)
		b := st.device()
		b.signIn()
		before := maps.Clone(b.jar)
		b.visit("/renew")
		b.visit("/")
		<-time.After(session.DefaultRenewGrace + time.Second)
		now := b.jar
		b.jar = before
		want(t, http.StatusServiceUnavailable, b.refresh(), "with the old ticket")
		b.jar = now
		delete(b.jar, boundCookie)
		want(t, http.StatusOK, b.visit("/vault"), "the next request")
		wantStatus(t, dbsc.Bound, b.visit("/"), "the next request")
	})
}

// TestARecordThatCanNotBeReadLosesNoKey: another process lacks the key of the Sealer, until
// it gets the new configuration.
func TestARecordThatCanNotBeReadLosesNoKey(t *testing.T) {
	t.Parallel()
	sealer := func(keys ...[]byte) session.Sealer {
		s, err := session.NewSealer(keys...)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	good := sealer(session.GenerateKey())
	st := newSite(t, func(o *session.Options, _ *dbsc.Options) { o.Sealer = good })
	b := st.device()
	b.signIn()
	st.opts.Sealer = sealer(session.GenerateKey())
	st.start()
	want(t, http.StatusServiceUnavailable, b.refresh(), "where the record can't be read")
	st.opts.Sealer = good
	st.start()
	delete(b.jar, boundCookie)
	want(t, http.StatusOK, b.visit("/vault"), "afterwards")
}

// TestARefreshWhoseTicketIsReplacedMeanwhileLosesNoKey: the record lists the ticket no more
// when the proof is to be noted, but the session goes on.
func TestARefreshWhoseTicketIsReplacedMeanwhileLosesNoKey(t *testing.T) {
	t.Parallel()
	st := newSite(t)
	b := st.device()
	b.signIn()
	proof := b.proof(b.ask(), false)
	pages := st.handler
	st.handler = afterLoad(st, func() {
		hooked := st.handler
		st.handler = pages
		now := *b // the same browser, in other tabs
		now.jar = maps.Clone(b.jar)
		for range 10 { // more than a record lists
			now.take(now.send(http.MethodGet, "/renew"))
			now.take(now.send(http.MethodGet, "/"))
		}
		st.handler, b.jar = hooked, now.jar
	})
	res := b.send(http.MethodPost, dbsc.DefaultPath, sessionID, b.id, response, proof)
	want(t, http.StatusServiceUnavailable, res, "refreshing")
	st.handler = pages
	delete(b.jar, boundCookie)
	want(t, http.StatusOK, b.visit("/vault"), "the next request")
}

// TestALogoutWhoseAnswerWasLostIsForgotten: its ticket is quiet for ten minutes.
func TestALogoutWhoseAnswerWasLostIsForgotten(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		st := newSite(t)
		b := st.device()
		b.signIn()
		b.send(http.MethodGet, "/logout") // its answer is lost
		want(t, http.StatusServiceUnavailable, b.refresh(), "right afterwards")
		<-time.After(10 * time.Minute)
		if want(t, http.StatusNotFound, b.refresh(), "ten minutes later"); b.id != "" {
			t.Error("the browser keeps the key")
		}
		want(t, http.StatusOK, b.visit("/vault"), "the visitor, whom nobody knows")
	})
}

// TestALateAnswerThatLeadsBackToAnEarlierLoginFindsItsKey: the browser asks for the earlier
// login's cookie with the ticket of the next one, and then an answer from before that takes
// its place.
func TestALateAnswerThatLeadsBackToAnEarlierLoginFindsItsKey(t *testing.T) {
	t.Parallel()
	for name, next := range map[string]func(*browser) *http.Response{
		"signed in again": func(b *browser) *http.Response { return b.send(http.MethodGet, "/silent/ann") },
		"signed in elsewhere meanwhile": func(b *browser) *http.Response {
			return b.st.browser(nil).send(http.MethodGet, "/silent/ann") // without the ticket: from another site, for instance
		},
		"moved in meanwhile": func(b *browser) *http.Response { return b.st.browser(nil).send(http.MethodGet, "/move-in") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				st := newSite(t)
				b := st.device()
				b.signIn()
				late := b.send(http.MethodGet, "/renew")
				b.take(next(b))
				delete(b.jar, boundCookie)
				<-time.After(9 * time.Minute)
				b.refresh()
				b.take(late)
				wantStatus(t, dbsc.Bound, b.visit("/vault"), "with the late answer")
				b.take(b.send(http.MethodGet, "/silent/ann"))
				<-time.After(15 * time.Minute)
				b.take(b.send(http.MethodGet, "/again"))
				if want(t, http.StatusNotFound, b.refresh(), "when no answer can be that late"); b.id != "" {
					t.Error("the browser keeps the key")
				}
			})
		})
	}
}

package migrate_test

import (
	"errors"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cloakroom-go/cloakroom/core/session"
	"github.com/cloakroom-go/cloakroom/migrate"
)

func TestALostAnswerSignsNobodyOut(t *testing.T) {
	t.Parallel()
	options, _, cookie := fromExpress()
	for _, b := range []*browser{
		newServer(t, fromFlask(), session.Options{}).browser("session", known(t)),
		newServer(t, options, session.Options{}).browser("connect.sid", cookie),
	} {
		for range 3 {
			b.send(http.MethodGet, "/add") // and nobody gets the answer
		}
		const all = "ann [coat hat" + " hat hat]"
		b.wantPage("/", all)
		b.wantCookies(ours)
		b.wantPage("/", all)
	}
}

func TestOfTwoFirstRequestsEitherAnswerWorks(t *testing.T) {
	t.Parallel()
	for _, order := range [][2]int{{0, 1}, {1, 0}} {
		options, _, cookie := fromExpress()
		b := newServer(t, options, session.Options{}).browser("connect.sid", cookie)
		answers := make([]*httptest.ResponseRecorder, 2)
		var wg sync.WaitGroup
		for i := range answers {
			wg.Go(func() { answers[i] = b.send(http.MethodGet, "/") })
		}
		wg.Wait()
		for _, i := range order {
			if got := answers[i].Body.String(); got != "ann [coat]" {
				t.Errorf("one answer shows %q", got)
			}
			b.take(answers[i])
		}
		b.wantCookies(ours)
		b.wantPage("/", "ann [coat]")
	}
}

func TestAnOutageKeepsTheOldCookie(t *testing.T) {
	t.Parallel()
	options, records, cookie := fromExpress()
	srv := newServer(t, options, session.Options{})
	b := srv.browser("connect.sid", cookie)
	outage := errors.New("connection refused")
	for name, down := range map[string]*error{"the old records": &records.down, "the new store": &srv.store.down} {
		*down = outage
		w := b.send(http.MethodGet, "/")
		if w.Code != http.StatusServiceUnavailable || w.Header()["Set-Cookie"] != nil {
			t.Errorf("%s: %d, cookies %q", name, w.Code, w.Header()["Set-Cookie"])
		}
		if strings.Contains(w.Body.String(), outage.Error()) {
			t.Errorf("%s: the visitor is told %q", name, w.Body)
		}
		*down = nil
	}
	b.wantPage("/", "ann [coat]")
	srv.wantEvents(map[migrate.EventKind]int{migrate.EventFailed: 2, migrate.EventReceived: 1})
	// Once let in, the visitor needs the old server no more.
	records.down = outage
	b.wantPage("/", "ann [coat]")
}

func TestOldRecordsThatDoNotAnswerAreGivenUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		options, records, cookie := fromExpress()
		records.hangs = true
		b := newServer(t, options, session.Options{}).browser("connect.sid", cookie)
		began := time.Now()
		if w := b.send(http.MethodGet, "/"); w.Code != http.StatusServiceUnavailable {
			t.Errorf("%d %s", w.Code, w.Body)
		}
		if waited := time.Since(began); waited != session.DefaultStoreTimeout {
			t.Errorf("the visitor has waited for %v", waited)
		}
	})
}

func TestAPanicKeepsTheOldCookie(t *testing.T) {
	t.Parallel()
	options, _, cookie := fromExpress()
	for _, b := range []*browser{
		newServer(t, fromFlask(), session.Options{}).browser("session", known(t)),
		newServer(t, options, session.Options{}).browser("connect.sid", cookie),
	} {
		w := b.send(http.MethodGet, "/panic")
		if w.Code != http.StatusInternalServerError || w.Header()["Set-Cookie"] != nil {
			t.Errorf("%d, cookies %q", w.Code, w.Header()["Set-Cookie"])
		}
		b.take(w)
		b.wantPage("/", "ann [coat]")
	}
}

// TestALostAnswerToAClearedSessionSignsNobodyOut clears the values, and with them what
// tells which record is to be deleted.
func TestALostAnswerToAClearedSessionSignsNobodyOut(t *testing.T) {
	t.Parallel()
	options, records, cookie := fromExpress()
	srv := newServer(t, options, session.Options{})
	b := srv.browser("connect.sid", cookie)
	b.send(http.MethodGet, "/clear") // and nobody gets the answer
	b.wantPage("/", "ann []")
	b.wantPage("/", "ann []")
	b.get("/logout")
	if len(records.values) > 0 {
		t.Error("the old record is there after signing out")
	}
}

// TestWhateverIsLostNobodyIsSignedOut plays a browser on a bad line: answers are lost
// or come late, requests overlap, servers are down, handlers panic, and time passes.
func TestWhateverIsLostNobodyIsSignedOut(t *testing.T) {
	t.Parallel()
	for seed := range uint64(200) {
		synctest.Test(t, func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 0))
			options, records, cookie := fromExpress()
			name := "connect.sid"
			if seed%2 == 0 {
				options, name, cookie = fromFlask(), "session", known(t)
			}
			srv := newServer(t, options, session.Options{RenewEvery: 5 * time.Minute})
			line := badLine{random: random, records: records, browser: srv.browser(name, cookie)}
			for range 60 {
				path := []string{"/", "/", "/panic"}[random.IntN(3)]
				w := line.send(path)
				if path == "/" && w.Code != http.StatusServiceUnavailable && w.Body.String() != "ann [coat]" {
					t.Fatalf("seed %d: %d %s\n%s", seed, w.Code, w.Body, &srv.log)
				}
				line.answer(w)
			}
		})
		if t.Failed() {
			return
		}
	}
}

package migrate_test

import (
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cloakroom-go/cloakroom/core/session"
	"github.com/cloakroom-go/cloakroom/migrate"
)

// TestWhateverIsLostALogoutHolds plays a browser on a bad line, which signs out with a
// good one. Answers that come late and a copy of the old cookie let nobody in then.
func TestWhateverIsLostALogoutHolds(t *testing.T) {
	t.Parallel()
	for seed := range uint64(200) {
		synctest.Test(t, func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 1))
			options, records, cookie := fromExpress()
			srv := newServer(t, options, session.Options{RenewEvery: 5 * time.Minute, IdleTimeout: 24 * time.Hour})
			b := srv.browser("connect.sid", cookie)
			line := badLine{random: random, records: records, browser: b}
			for range random.IntN(20) {
				line.answer(line.send([]string{"/", "/", "/panic", "/clear", "/add"}[random.IntN(5)]))
			}
			records.down, srv.store.down = nil, nil
			w := b.send(http.MethodGet, []string{"/logout", "/bye"}[random.IntN(2)])
			if w.Code != http.StatusOK {
				t.Fatalf("seed %d: %d %s", seed, w.Code, w.Body)
			}
			b.take(w)
			if len(records.values) > 0 {
				t.Errorf("seed %d: the old record is there still", seed)
			}
			for _, l := range line.late {
				b.take(l)
			}
			b.cookies["connect.sid"] = cookie
			if got := b.get("/"); strings.HasPrefix(got, "ann") {
				t.Fatalf("seed %d: %q after signing out\n%s", seed, got, &srv.log)
			}
		})
		if t.Failed() {
			return
		}
	}
}

// TestALogoutEndsTheOldSessionsOfAllSources has the visitor have one of each of two applications,
// and sign out with the first request that brings both.
func TestALogoutEndsTheOldSessionsOfAllSources(t *testing.T) {
	t.Parallel()
	for _, here := range []string{"", "/add", "/switch"} {
		for _, lost := range []bool{false, true} {
			o, records, cookie := fromExpress()
			o.Sources = []migrate.Source{flask, o.Sources[0]}
			b := newServer(t, o, session.Options{}).browser("other", "x")
			if here != "" {
				b.get(here)
			}
			b.cookies["session"], b.cookies["connect.sid"] = known(t), cookie
			if w := b.send(http.MethodGet, "/bye"); !lost {
				b.take(w)
			}
			b.wantPage("/", " []")
			if len(records.values) > 0 {
				t.Errorf("%q here, the answer is lost %t: the record is there still", here, lost)
			}
		}
	}
}

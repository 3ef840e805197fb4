package migrate_test

import (
	"errors"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cloakroom-go/cloakroom/core/session"
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
			var late []*httptest.ResponseRecorder
			for range random.IntN(20) {
				records.down, srv.store.down = nil, nil
				switch random.IntN(8) {
				case 0:
					records.down = errors.New("down")
				case 1:
					srv.store.down = errors.New("down")
				case 2, 3:
					<-time.After(time.Duration(random.IntN(100)) * time.Second)
				}
				path := []string{"/", "/", "/panic", "/clear", "/add"}[random.IntN(5)]
				w := b.send(http.MethodGet, path)
				switch random.IntN(3) {
				case 0:
				case 1:
					late = append(late, w)
				default:
					b.take(w)
				}
				if len(late) > 0 && random.IntN(3) == 0 {
					b.take(late[0])
					late = late[1:]
				}
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
			for _, l := range late {
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

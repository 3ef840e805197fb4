package session_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"testing"

	"github.com/cloakroom-go/cloakroom/core/session"
)

const visits = 200

// buy counts the request and puts its item in the cart.
func buy(_ http.ResponseWriter, r *http.Request, s *session.Session) {
	counter.Update(s, increment)
	cart.Update(s, func(items []string) []string { return append(items, r.URL.Query().Get("item")) })
}

func wantAllBought(t *testing.T, v *visitor) {
	t.Helper()
	if n, _ := read(v, counter); n != visits {
		t.Errorf("counted %d of %d requests", n, visits)
	}
	items, _ := read(v, cart)
	distinct := make(map[string]bool)
	for _, item := range items {
		distinct[item] = true
	}
	if len(items) != visits || len(distinct) != visits {
		t.Errorf("%d items in the cart, %d different ones, want %d", len(items), len(distinct), visits)
	}
}

func TestConcurrentRequestsLoseNoUpdate(t *testing.T) {
	t.Parallel()
	for _, managers := range []int{1, 2} {
		t.Run(fmt.Sprintf("%d managers on one store", managers), func(t *testing.T) {
			t.Parallel()
			e := newEnv(t)
			v := e.seed(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) { counter.Set(s, 0) })
			handlers := make([]http.Handler, managers)
			for i := range handlers {
				handlers[i] = e.manager(e.store).HandlerFunc(buy)
			}
			var wg sync.WaitGroup
			for i := range visits {
				wg.Go(func() {
					r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/?item="+strconv.Itoa(i), http.NoBody)
					r.AddCookie(v.cookie)
					w := httptest.NewRecorder()
					handlers[i%managers].ServeHTTP(w, r)
					wantStatus(t, w.Result(), http.StatusOK)
				})
			}
			wg.Wait()
			wantAllBought(t, v)
		})
	}
}

func TestConcurrentRequestsLoseNoUpdateThroughARealServer(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	v := e.seed(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) { counter.Set(s, 0) })
	server := httptest.NewServer(e.m.HandlerFunc(buy))
	t.Cleanup(server.Close)
	var wg sync.WaitGroup
	for i := range visits {
		wg.Go(func() {
			r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL+"/?item="+strconv.Itoa(i), http.NoBody)
			if err != nil {
				t.Error(err)
				return
			}
			r.AddCookie(v.cookie)
			res, err := server.Client().Do(r)
			if err != nil {
				t.Error(err)
				return
			}
			defer func() { _ = res.Body.Close() }() // nothing is read from it
			wantStatus(t, res, http.StatusOK)
		})
	}
	wg.Wait()
	wantAllBought(t, v)
}

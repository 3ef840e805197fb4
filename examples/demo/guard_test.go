package main

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"testing"
	"testing/synctest"
	"time"
)

func TestASignInThatIsThrottledSaysHowLong(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.shop.guard.byAccount = newThrottle(1, time.Hour)
	v := s.visitor(t)
	v.wantStatus(v.post("/login", "login=ada&password=wrong"), http.StatusForbidden)
	a := v.post("/login", ada.credentials()) // the right one, too: or it could be found out
	v.wantStatus(a, http.StatusTooManyRequests)
	if n, err := strconv.Atoi(a.header.Get("Retry-After")); err != nil || n < 1 || n > 3600 {
		t.Errorf("Retry-After %q", a.header.Get("Retry-After"))
	}
	v.wantText(a, "Too many attempts")
	v.signIn(bruno) // another account is not concerned
	s.shop.guard.byAccount.take(bruno.Login)
	for _, path := range []string{"/confirm", "/password"} {
		v.wantStatus(v.post(path, "password=wrong&current=wrong"), http.StatusTooManyRequests)
	}
}

func TestWrongPasswordsAreThrottled(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := newGuard(newAccounts(), false)
		attempt := func(from, login, password string) error {
			r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/login", http.NoBody)
			r.RemoteAddr = from
			_, err := g.check(r, login, password)
			return err
		}
		for i := range 20 { // one subscriber
			from, login := fmt.Sprintf("[2001:db8::%x]:%d", i, 1000+i), "guess"+strconv.Itoa(i)
			if err := attempt(from, login, "x"); !errors.Is(err, errWrong) {
				t.Fatalf("guess %d: error %v", i, err)
			}
		}
		for i := range 10 { // a botnet
			if err := attempt("192.0.2."+strconv.Itoa(i)+":1", bruno.Login, "x"); !errors.Is(err, errWrong) {
				t.Fatalf("guess %d: error %v", i, err)
			}
		}
		for _, tt := range []struct {
			from string
			who  seed
			want error
		}{
			{"[2001:db8::ff]:1", ada, tooManyError{3 * time.Second}},
			{"[2001:db8:1::1]:1", ada, nil},
			{"192.0.2.200:1", bruno, tooManyError{30 * time.Second}},
		} {
			if err := attempt(tt.from, tt.who.Login, tt.who.Password); !errors.Is(err, tt.want) {
				t.Errorf("%s from %s: error %v, want %v", tt.who.Login, tt.from, err, tt.want)
			}
		}
	})
}

func TestTheRightPasswordCostsNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := newGuard(newAccounts(), false)
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/login", http.NoBody)
		for range 11 {
			if _, err := g.check(r, ada.Login, ada.Password); err != nil {
				t.Fatal(err)
			}
		}
	})
}

func TestTheAddressIsTheClients(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		proxied           bool
		remote, xff, want string
	}{
		{false, "192.0.2.1:1234", "198.51.100.1", "192.0.2.1"},
		{true, "127.0.0.1:1234", "198.51.100.1", "198.51.100.1"},
		{true, "127.0.0.1:1234", "10.0.0.1, 198.51.100.1", "198.51.100.1"}, // the client claims the first
		{true, "127.0.0.1:1234", "", "127.0.0.1"},
		{false, "[2001:db8:1:2:3::4]:1", "", "2001:db8:1:2::/64"},
		{false, "[::ffff:192.0.2.1]:1", "", "192.0.2.1"},
		{false, "@", "", ""},
	} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", http.NoBody)
		r.RemoteAddr = tt.remote
		if tt.xff != "" {
			r.Header.Set("X-Forwarded-For", tt.xff)
		}
		if got := newGuard(newAccounts(), tt.proxied).network(r); got != tt.want {
			t.Errorf("%+v: got %q", tt, got)
		}
	}
}

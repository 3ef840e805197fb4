package main

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cloakroom-go/cloakroom/core/memstore"
	"github.com/cloakroom-go/cloakroom/core/session"
)

func TestASignInThatIsThrottledSaysHowLong(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.shop.guard.tries = newThrottle(1, time.Hour)
	v := s.visitor(t)
	v.wantStatus(v.post("/login", "login=ada&password=wrong"), http.StatusForbidden)
	a := v.post("/login", ada.credentials()) // the right one, too: or it could be found out
	v.wantStatus(a, http.StatusTooManyRequests)
	if n, err := strconv.Atoi(a.header.Get("Retry-After")); err != nil || n < 1 || n > 3600 {
		t.Errorf("Retry-After %q", a.header.Get("Retry-After"))
	}
	v.wantText(a, "Too many attempts")
	v.signIn(bruno) // another account is not concerned
}

// Whoever guesses at the sign-in page keeps nobody from what they are signed in for, from a
// new password for instance. Who has found a session open guesses as slowly.
func TestGuessesAtTheDoorDoNotHoldUpWhoIsInside(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.shop.guard.tries = newThrottle(1, time.Hour)
	v, other, guest := s.visitor(t), s.visitor(t), s.visitor(t)
	v.signIn(bruno)
	other.signIn(bruno)
	guest.wantStatus(guest.post("/login", "login=bruno&password=wrong"), http.StatusForbidden)
	guest.wantStatus(guest.post("/login", "login=bruno&password=wrong"), http.StatusTooManyRequests)
	v.wantRedirect(v.post("/confirm", "password="+bruno.Password), "/")
	for _, path := range []string{"/confirm", "/password"} {
		other.wantStatus(other.post(path, "password=wrong&current=wrong"), map[string]int{
			"/confirm": http.StatusForbidden, "/password": http.StatusTooManyRequests,
		}[path])
	}
	v.wantRedirect(v.post("/password", "current="+bruno.Password+"&password=a+brand+new+password"), "/profile")
}

func TestWrongPasswordsAreThrottledAndRightOnesCostNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := newGuard(newAccounts())
		for range 11 {
			if _, err := g.check(t.Context(), "", bruno.Login, bruno.Password); err != nil {
				t.Fatal(err)
			}
		}
		for i := range 10 {
			if _, err := g.check(t.Context(), "", bruno.Login, "x"); !errors.Is(err, errWrong) {
				t.Fatalf("guess %d: error %v", i, err)
			}
		}
		if _, err := g.check(t.Context(), "", bruno.Login, bruno.Password); !errors.Is(err, tooManyError{30 * time.Second}) {
			t.Errorf("error %v, want a wait", err)
		}
		if _, err := g.check(t.Context(), "", ada.Login, ada.Password); err != nil {
			t.Errorf("another account: error %v", err)
		}
	})
}

// An administrator who acts as a customer anew has no more tries at the customer's password.
func TestActingAnewGivesNoMoreTries(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.shop.guard.tries = newThrottle(1, time.Hour)
	v := s.visitor(t)
	v.signIn(bruno)
	for _, want := range []int{http.StatusForbidden, http.StatusTooManyRequests} {
		v.wantRedirect(v.post("/admin/"+ada.ID+"/act", ""), "/dashboard")
		v.wantStatus(v.post("/confirm", "password=guessed"), want)
		v.wantRedirect(v.post("/act/stop", ""), "/admin")
	}
}

// Whoever sends more sign-ins than can be looked at makes the others wait, but for an answer.
func TestASignInThatNobodyHasTimeForIsAnswered(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		sh := makeShop(t, settings{store: memstore.New(memstore.Options{})})
		for range cap(sh.accounts.hashing) {
			sh.accounts.hashing <- struct{}{}
		}
		w := httptest.NewRecorder()
		began := time.Now()
		sh.sessions.HandlerFunc(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
			sh.visit(w, r, s).signIn()
		}).ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/login", strings.NewReader("")))
		took := time.Since(began)
		if w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") == "" || took > 15*time.Second {
			t.Errorf("status %d after %v, header %v", w.Code, took, w.Header())
		}
	})
}

func TestAThrottleGivesABurstAndThenOneInAWhile(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		th := newThrottle(3, time.Minute)
		for i := range 3 {
			if wait := th.take("a"); wait != 0 {
				t.Fatalf("attempt %d has to wait %v", i, wait)
			}
		}
		if wait := th.take("a"); wait != time.Minute {
			t.Errorf("wait %v, want 1m", wait)
		}
		time.Sleep(time.Minute - time.Nanosecond) //nolint:forbidigo // fake time
		if wait := th.take("a"); wait != time.Nanosecond {
			t.Errorf("wait %v, want 1ns", wait)
		}
		time.Sleep(time.Nanosecond) //nolint:forbidigo // fake time
		if wait := th.take("a"); wait != 0 {
			t.Errorf("wait %v, want none", wait)
		}
		th.give("a")
		if wait := th.take("a"); wait != 0 {
			t.Errorf("what was given back is not there: wait %v", wait)
		}
		time.Sleep(time.Hour) //nolint:forbidigo // fake time
		for range 3 {
			th.take("a")
		}
		if wait := th.take("a"); wait == 0 {
			t.Error("an hour of patience allows more than a burst")
		}
	})
}

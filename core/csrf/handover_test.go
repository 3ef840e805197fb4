package csrf_test

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cloakroom-go/cloakroom/core/csrf"
	"github.com/cloakroom-go/cloakroom/core/memstore"
	"github.com/cloakroom-go/cloakroom/core/session"
)

// A shop is a site without a server, for time that is made up. Its visitor holds one
// ticket; answers reach them through take only.
type shop struct {
	t      *testing.T
	site   http.Handler
	token  string // on the page that was shown last
	ticket *http.Cookie
}

func newShop(t *testing.T, configure ...func(*session.Options)) *shop {
	t.Helper()
	o := session.Options{Keys: [][]byte{session.GenerateKey()}, Logger: slog.New(slog.DiscardHandler)}
	for _, f := range configure {
		f(&o)
	}
	sessions, err := session.New(memstore.New(memstore.Options{}), o)
	if err != nil {
		t.Fatal(err)
	}
	protection, err := csrf.New(sessions, csrf.Options{Logger: o.Logger})
	if err != nil {
		t.Fatal(err)
	}
	s := &shop{t: t}
	mux := http.NewServeMux()
	for path, f := range map[string]func(*session.Session){
		"/":        func(*session.Session) {},
		"/login":   func(s *session.Session) { s.Authenticate("ann") },
		"/step-up": func(s *session.Session) { s.StepUp("2fa", time.Hour) },
		"/again":   (*session.Session).Reauthenticate,
		"/renew":   (*session.Session).Renew,
		"/logout":  (*session.Session).Destroy,
	} {
		mux.Handle(path, sessions.HandlerFunc(func(w http.ResponseWriter, r *http.Request, x *session.Session) {
			f(x)
			if r.Method != http.MethodGet {
				return
			}
			if s.token, err = protection.Token(r); err != nil {
				sessions.Fail(w, r, err)
			}
		}))
	}
	s.site = sessions.Handler(protection.Handler(mux))
	return s
}

// ask sends a request with the ticket, and in a POST the token, that are at hand.
func (s *shop) ask(method, path string, header ...string) *http.Response {
	s.t.Helper()
	r := httptest.NewRequestWithContext(s.t.Context(), method, path, strings.NewReader(encode(s.token)))
	r.Header.Set("Content-Type", formType)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	if s.ticket != nil {
		r.AddCookie(&http.Cookie{Name: s.ticket.Name, Value: s.ticket.Value})
	}
	w := httptest.NewRecorder()
	s.site.ServeHTTP(w, r)
	return w.Result()
}

// take keeps the ticket of an answer.
func (s *shop) take(res *http.Response) *http.Response {
	for _, c := range res.Cookies() {
		s.ticket = c
	}
	return res
}

func (s *shop) want(status int, res *http.Response, what string) {
	s.t.Helper()
	if res.StatusCode != status {
		s.t.Errorf("%s: status %d, want %d", what, res.StatusCode, status)
	}
}

// signIn shows the form and sends it, once.
func (s *shop) signIn() {
	s.t.Helper()
	s.take(s.ask(http.MethodGet, "/"))
	s.want(http.StatusOK, s.take(s.ask(http.MethodPost, "/login")), "signing in")
	s.take(s.ask(http.MethodGet, "/"))
}

func TestAFormSentTwiceVerifiesTwice(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"/login", "/step-up", "/again", "/renew", "/logout"} {
		t.Run(path, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := newShop(t)
				if s.take(s.ask(http.MethodGet, "/")); path != "/login" {
					s.signIn()
				}
				first := s.ask(http.MethodPost, path)
				s.want(http.StatusOK, first, "first")
				for range 3 {
					<-time.After(time.Minute)
					s.want(http.StatusOK, s.ask(http.MethodPost, path), "again")
				}
			})
		})
	}
}

// TestAFormOpenedBeforeAMoveVerifiesAfterIt has one in another tab.
func TestAFormOpenedBeforeAMoveVerifiesAfterIt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newShop(t, func(o *session.Options) { o.RenewEvery = 10 * time.Minute })
		s.signIn()
		form := s.token
		for _, path := range []string{"/step-up", "/again", "/renew"} {
			before := s.ticket.Value
			s.take(s.ask(http.MethodPost, path))
			if s.ticket.Value == before {
				t.Fatalf("%s moved nothing", path)
			}
			s.want(http.StatusOK, s.ask(http.MethodPost, "/"), path)
		}
		<-time.After(11 * time.Minute)
		before := s.ticket.Value
		s.take(s.ask(http.MethodGet, "/"))
		if s.ticket.Value == before {
			t.Fatal("nothing is renewed by age")
		}
		s.token = form
		s.want(http.StatusOK, s.ask(http.MethodPost, "/"), "by age")
	})
}

// TestAFormOfAPageFromBeforeALostLoginVerifies has a visitor whose login's answer was
// lost: the form that they see next is good for signing in.
func TestAFormOfAPageFromBeforeALostLoginVerifies(t *testing.T) {
	t.Parallel()
	for _, pause := range []time.Duration{0, time.Minute, 9 * time.Minute, 11 * time.Minute} {
		synctest.Test(t, func(t *testing.T) {
			s := newShop(t)
			s.take(s.ask(http.MethodGet, "/"))
			s.ask(http.MethodPost, "/login")
			<-time.After(pause)
			s.take(s.ask(http.MethodGet, "/"))
			s.want(http.StatusOK, s.take(s.ask(http.MethodPost, "/login")), "after "+pause.String())
			s.want(http.StatusForbidden, s.ask(http.MethodPost, "/"), "the token from before the login")
			s.take(s.ask(http.MethodGet, "/"))
			s.want(http.StatusOK, s.ask(http.MethodPost, "/"), "the token of the next page")
		})
	}
}

// TestAFormForSomebodyWhoComesFromAnotherSiteVerifies follows a link there: browsers
// send a Lax cookie along.
func TestAFormForSomebodyWhoComesFromAnotherSiteVerifies(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.take(s.ask(http.MethodGet, "/", "Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document"))
	s.want(http.StatusOK, s.ask(http.MethodPost, "/login", "Sec-Fetch-Site", "same-origin"), "signing in")
}

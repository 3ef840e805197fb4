package csrf_test

import (
	"errors"
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

func TestTokensOfSeveralTabsAreGoodAnyNumberOfTimes(t *testing.T) {
	t.Parallel()
	b := newSite(t).browser()
	first, second := b.token(), b.token()
	if first == second {
		t.Error("two responses carry the same text")
	}
	for range 2 {
		b.want(http.StatusOK, second, "second tab")
		b.want(http.StatusOK, first, "first tab")
	}
}

func TestATokenOutlivesRenew(t *testing.T) {
	t.Parallel()
	b := newSite(t).browser()
	before := b.token()
	status, after := b.post("/renew", before)
	if status != http.StatusOK {
		t.Fatalf("renewing: status %d", status)
	}
	b.want(http.StatusOK, before, "token from before Renew")
	b.want(http.StatusOK, after, "token from the renewing response")
}

func TestATokenFromBeforeAuthenticateIsRefused(t *testing.T) {
	t.Parallel()
	b := newSite(t).browser()
	before := b.token()
	status, after := b.post("/login", before)
	if status != http.StatusOK {
		t.Fatalf("signing in with the form's token: status %d", status)
	}
	b.want(http.StatusForbidden, before, "token from before Authenticate")
	if res, _ := b.do(http.MethodDelete, "/act", "", "", headerName, before); res.StatusCode != http.StatusForbidden {
		t.Errorf("the same in the header: status %d", res.StatusCode)
	}
	b.want(http.StatusOK, after, "token of the page that Authenticate's request made")
	b.want(http.StatusOK, b.token(), "token of the next page")

	if status, again := b.post("/login", after); status != http.StatusOK {
		t.Errorf("authenticating again: status %d", status)
	} else {
		b.want(http.StatusForbidden, after, "token from before the same subject authenticated again")
		b.want(http.StatusOK, again, "token from then on")
	}
}

func TestATokenEndsWithItsSession(t *testing.T) {
	t.Parallel()
	b := newSite(t).browser()
	before := b.token()
	status, after := b.post("/logout", before)
	if status != http.StatusOK {
		t.Fatalf("signing out: status %d", status)
	}
	b.want(http.StatusForbidden, before, "token from before Destroy")
	b.want(http.StatusOK, after, "token of the page that says goodbye")
}

func TestATokenOfAnotherSessionIsRefused(t *testing.T) {
	t.Parallel()
	st := newSite(t)
	victim, attacker := st.browser(), st.browser()
	own, planted := victim.token(), attacker.token()
	victim.want(http.StatusForbidden, planted, "the attacker's token")
	victim.want(http.StatusForbidden, planted[:43]+own[43:], "half of the attacker's token")
	victim.want(http.StatusOK, own, "the visitor's own")
}

func TestATokenExpiresWithItsSession(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		sessions, err := session.New(memstore.New(memstore.Options{}), session.Options{Keys: [][]byte{session.GenerateKey()}})
		if err != nil {
			t.Fatal(err)
		}
		var refused error
		protection, err := csrf.New(sessions, csrf.Options{
			Logger:       slog.New(slog.DiscardHandler),
			ErrorHandler: func(_ http.ResponseWriter, _ *http.Request, err error) { refused = err },
		})
		if err != nil {
			t.Fatal(err)
		}
		var token string
		site := sessions.Handler(protection.Handler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			if token, err = protection.Token(r); err != nil {
				t.Error(err)
			}
		})))
		w := httptest.NewRecorder()
		site.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", http.NoBody))

		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", strings.NewReader(encode(token)))
		r.Header.Set("Content-Type", formType)
		r.AddCookie(w.Result().Cookies()[0])
		<-time.After(session.DefaultIdleTimeout)
		site.ServeHTTP(httptest.NewRecorder(), r)
		if !errors.Is(refused, csrf.ErrMismatch) {
			t.Errorf("form left open for the idle timeout: %v, want ErrMismatch", refused)
		}
	})
}

func TestOnlyAFormCostsARecord(t *testing.T) {
	t.Parallel()
	st := newSite(t)
	b := st.browser()
	b.do(http.MethodGet, "/plain", "", "")
	b.want(http.StatusForbidden, strings.Repeat("A", 86), "an invented token and no session")
	b.want(http.StatusForbidden, "", "nothing and no session")
	if n := st.store.writes.Load(); n != 0 {
		t.Errorf("%d writes for a visitor who was shown no form", n)
	}
	token := b.token()
	if n := st.store.writes.Load(); n != 1 {
		t.Errorf("%d writes for a form, want 1", n)
	}
	b.token()
	b.want(http.StatusOK, token, "the form's token")
	if n := st.store.writes.Load(); n != 1 {
		t.Errorf("%d writes after another form and a request that was let through, want still 1", n)
	}
}

func TestAPageWithATokenVariesByCookie(t *testing.T) {
	t.Parallel()
	b := newSite(t).browser()
	for _, visit := range []string{"first", "second"} {
		res, _ := b.do(http.MethodGet, "/form", "", "")
		if got := res.Header.Get("Vary"); got != "Cookie" {
			t.Errorf("%s visit: Vary: %q, want Cookie", visit, got)
		}
	}
}

func TestATokenThatComesTooLateIsReported(t *testing.T) {
	t.Parallel()
	st := newSite(t)
	h := st.sessions.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := w.Write([]byte("<form>")); err != nil { // the header leaves
			t.Error(err)
		}
		if _, err := st.protection.Token(r); !errors.Is(err, session.ErrHeaderSent) {
			t.Errorf("got %v, want ErrHeaderSent", err)
		}
	}))
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", http.NoBody))
	if n := st.store.writes.Load(); n != 0 {
		t.Errorf("%d writes, want none", n)
	}
}

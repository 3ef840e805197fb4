package main

import (
	"fmt"
	"log/slog"
	"net/http"
	"time"

	session "github.com/cloakroom-go/cloakroom/core"
)

// A shop answers the requests of its visitors.
type shop struct {
	sessions *session.Manager
	accounts *accounts
	log      *slog.Logger
}

func newShop(store session.Store, keys [][]byte, secure bool, log *slog.Logger) (*shop, error) {
	sessions, err := session.New(store, session.Options{
		Keys: keys,
		Cookie: session.Cookie{
			// Whoever comes back tomorrow finds the cart as it was.
			Persistent: true,
			// Over plain http a browser may drop a cookie that is marked Secure,
			// also on localhost. On the open network the cookie must never go
			// without it: whoever reads it on the way is the visitor.
			Insecure: !secure,
		},
		IdleTimeout:     24 * time.Hour,
		AbsoluteTimeout: 7 * 24 * time.Hour,
		// Many tabs of one visitor that all add to the cart at the same moment
		// take turns, and on a slow disk a turn takes a while.
		StoreTimeout: 15 * time.Second,
		Logger:       log,
		ErrorHandler: unavailable,
	})
	if err != nil {
		return nil, fmt.Errorf("sessions: %w", err)
	}
	return &shop{sessions, demoAccounts(), log}, nil
}

// handler returns the whole site. What changes something is a POST, so that
// no link, image or prefetch can do it; /visits alone counts on GET, which is
// what it is for.
func (sh *shop) handler() http.Handler {
	mux := http.NewServeMux()
	visitor := sh.sessions.HandlerFunc // loads the session, or says that it can't be loaded

	mux.Handle("GET /{$}", visitor(sh.home))
	mux.Handle("GET /visits", visitor(sh.visits))
	mux.Handle("POST /visits", visitor(sh.addVisit))

	mux.Handle("GET /login", visitor(sh.signInForm))
	mux.Handle("POST /login", visitor(sh.signIn))
	mux.Handle("POST /logout", visitor(sh.signOut))
	mux.Handle("GET /profile", visitor(sh.customersOnly(sh.profile)))

	mux.Handle("GET /cart", visitor(sh.showCart))
	mux.Handle("POST /cart/{product}", visitor(sh.addToCart))
	mux.Handle("POST /cart/{product}/remove", visitor(sh.removeFromCart))
	mux.Handle("POST /cart/clear", visitor(sh.clearCart))

	mux.HandleFunc("GET /static/{file}", static)
	return protect(mux)
}

// visits counts the visit and answers the number, for people with curl.
func (sh *shop) visits(w http.ResponseWriter, r *http.Request, s *session.Session) {
	countVisit(s)
	// The number is what has been saved, not what this request thinks it will be:
	// no two visits at the same moment are told the same one.
	if err := s.Commit(r.Context()); err != nil {
		sh.sessions.Fail(w, r, err)
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	_, _ = fmt.Fprintln(w, visitsKey.Get(s)) // the visitor may be gone
}

func (sh *shop) addVisit(w http.ResponseWriter, r *http.Request, s *session.Session) {
	countVisit(s)
	redirect(w, r, "/")
}

var visitsKey = session.NewKey[int]("visits")

func countVisit(s *session.Session) {
	visitsKey.Update(s, func(n int) int { return n + 1 })
}

func (sh *shop) home(w http.ResponseWriter, _ *http.Request, s *session.Session) {
	sh.show(w, s, http.StatusOK, "home", "Welcome", struct {
		Visits   int
		Products []product
	}{visitsKey.Get(s), products})
}

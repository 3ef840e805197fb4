package main

import (
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/cloakroom-go/cloakroom/core/csrf"
	"github.com/cloakroom-go/cloakroom/core/dbsc"
	"github.com/cloakroom-go/cloakroom/core/session"
	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// A shop answers the requests of its visitors.
type shop struct {
	sessions   *session.Manager
	protection *csrf.Protection
	binder     *dbsc.Binder // nil: sessions are not bound to devices
	templates  templates
	accounts   *accounts
	guard      *guard
	orders     *orders
	journal    *journal
	fresh      time.Duration // how long a password that was entered is good for more than shopping
	log        *slog.Logger
}

// settings are what a shop is opened with.
type settings struct {
	store    session.Store // nil: sessions travel in their cookies
	keys     [][]byte
	secure   bool // visitors come over https, through a proxy
	https    bool // visitors come over https, directly
	fresh    time.Duration
	patience time.Duration // with the store
	log      *slog.Logger
}

func newShop(c settings) (*shop, error) {
	a := newAccounts()
	sh := &shop{
		accounts: a, guard: newGuard(a), orders: &orders{}, journal: &journal{}, fresh: c.fresh, log: c.log,
	}
	var err error
	if sh.sessions, err = sh.manager(c); err != nil {
		return nil, fmt.Errorf("sessions: %w", err)
	}
	sh.protection, err = csrf.New(sh.sessions, csrf.Options{Logger: c.log, ErrorHandler: sh.forged})
	if err != nil {
		return nil, fmt.Errorf("sessions: %w", err)
	}
	if err := sh.bind(c); err != nil {
		return nil, fmt.Errorf("sessions: %w", err)
	}
	sh.templates, err = parseTemplates(sh.protection)
	return sh, err
}

// manager makes the sessions' Manager. Its Policy is on the administrator's page.
func (sh *shop) manager(c settings) (*session.Manager, error) {
	o := session.Options{
		Keys: c.keys,
		// Over plain http a browser may drop a cookie that is marked Secure, also on
		// localhost. On the open network the cookie must never go without it: whoever
		// reads it on the way is the visitor.
		Cookie:          session.Cookie{Insecure: !c.secure && !c.https},
		IdleTimeout:     signedInFor,
		AbsoluteTimeout: signedInFor, // with "remember me" longer, see remember
		// Many tabs of one visitor that all add to the cart at the same moment
		// take turns, and on a slow disk a turn takes a while.
		StoreTimeout: c.patience,
		// What browsers send by themselves to keep a session bound keeps none alive.
		Passive: []func(*http.Request) bool{session.SkipPath(dbsc.DefaultPath)},
		// All that a visitor can fill is bounded, and far below it, but for messages:
		// whoever sends forms and looks at no page is told that it is enough.
		MaxSize:      32 << 10,
		Logger:       c.log,
		OnEvent:      sh.journal.note,
		ErrorHandler: sh.unavailable,
	}
	if c.store == nil {
		return session.NewCookieOnly(o)
	}
	o.RenewEvery = time.Hour
	if _, ok := sessionstore.As[sessionstore.SubjectIndex](c.store); ok {
		o.MaxSessions = 20
	}
	return session.New(c.store, o)
}

// handler returns the whole site.
func (sh *shop) handler() http.Handler {
	site := sh.sessions.Handler(sh.bound(sh.orNotFound(sh.routes())))
	return securityHeaders(http.MaxBytesHandler(sh.sameOrigin(site), maxForm))
}

// routes are the pages. What changes something is a POST with a token, so that
// no link, image or other site can do it.
func (sh *shop) routes() *http.ServeMux {
	mux := http.NewServeMux()
	handle := func(pattern string, f func(*visit)) { mux.Handle(pattern, sh.page(f)) }

	mux.HandleFunc("GET /static/{file}", static)
	handle("GET /{$}", remembered((*visit).home))
	handle("GET /visits", (*visit).visits)
	handle("GET /products/{item}", remembered((*visit).product))

	handle("GET /cart", (*visit).showCart)
	handle("POST /cart/{item}", (*visit).addToCart)
	handle("POST /cart/{item}/remove", (*visit).removeFromCart)
	handle("POST /cart/clear", (*visit).clearCart)
	handle("GET /checkout", signedIn((*visit).showCheckout))
	handle("POST /checkout", signedIn((*visit).checkout))

	handle("GET /history", (*visit).history)
	handle("POST /history/clear", (*visit).clearHistory)
	handle("GET /preferences", (*visit).showPreferences)
	handle("POST /preferences", (*visit).setPreferences)
	handle("POST /language/{lang}", (*visit).setLanguage)

	handle("GET /login", (*visit).showSignIn)
	handle("POST /login", (*visit).signIn)
	handle("POST /logout", (*visit).signOut)
	handle("GET /confirm", signedIn((*visit).showConfirm))
	handle("POST /confirm", signedIn((*visit).confirm))
	mux.Handle("GET /password", sh.onDevice(sh.page(signedIn((*visit).showPassword))))
	mux.Handle("POST /password", sh.onDevice(sh.page(signedIn((*visit).changePassword))))

	handle("GET /profile", remembered(signedIn((*visit).profile)))
	handle("GET /dashboard", remembered(only(customer, (*visit).dashboard)))
	handle("GET /admin", remembered(only(administrator, (*visit).admin)))
	mux.Handle("POST /admin/{account}/end", sh.onDevice(sh.confirmed(only(administrator, (*visit).endMember))))
	mux.Handle("POST /admin/{account}/act", sh.onDevice(sh.confirmed(only(administrator, (*visit).act))))
	handle("POST /act/stop", (*visit).stopActing)

	mux.Handle("GET /devices", sh.onDevice(sh.confirmed(signedIn((*visit).showDevices))))
	mux.Handle("POST /devices/{id}/end", sh.onDevice(sh.confirmed(signedIn((*visit).endDevice))))
	mux.Handle("POST /devices/end-others", sh.onDevice(sh.confirmed(signedIn((*visit).endOtherDevices))))
	return mux
}

// orNotFound asks what is sent to a page for its token, and shows a page of the
// shop's own where there is none, or none with that method.
func (sh *shop) orNotFound(mux *http.ServeMux) http.Handler {
	pages := sh.protection.Handler(mux)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer, pattern := mux.Handler(r)
		if pattern != "" {
			pages.ServeHTTP(w, r)
			return
		}
		said := headerOnly{header: w.Header()}
		answer.ServeHTTP(&said, r)
		if said.status < http.StatusBadRequest { // a redirect to the path in its clean form
			w.WriteHeader(said.status)
			return
		}
		sh.page(func(v *visit) { v.fail(said.status, "error.page") }).ServeHTTP(w, r) //nolint:contextcheck // a visit has its request's
	})
}

// headerOnly is a ResponseWriter that learns the status and leaves the body out.
type headerOnly struct {
	header http.Header
	status int
}

func (h *headerOnly) Header() http.Header         { return h.header }
func (h *headerOnly) WriteHeader(status int)      { h.status = status }
func (h *headerOnly) Write(b []byte) (int, error) { return len(b), nil }

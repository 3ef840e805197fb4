// Package dbsc binds sessions to the device that their visitor signed in with: Device
// Bound Session Credentials. Malware that copies a browser's cookies has a session that
// works elsewhere for some minutes only.
//
// It is experimental. The W3C document is a draft, its header fields may change, and this
// package with them. What is said of Chromium here was seen in version 156.
//
// # How it works
//
// After a login, the server offers to bind it. The browser makes a key pair, in hardware
// where it can, and registers the public key. Before its next request, it signs a challenge
// with the private key, and gets a second, short-lived cookie. Before that runs out, or
// before the next request if it has, it signs once more and gets a new one. The private key
// can't be copied, so nobody else gets one.
//
// All of that is between browser and server. The pages and their scripts have no part in
// it. A browser that can't do it ignores the offer, and its visitor's session works as
// before, unbound.
//
// # Using it
//
// A [Binder] belongs to a session.Manager and stands within its Handler, around the whole
// site:
//
//	binder, err := dbsc.New(sessions, dbsc.Options{})
//	…
//	http.ListenAndServe(":8080", sessions.Handler(binder.Handler(mux)))
//
// Make an offer where somebody signs in:
//
//	s.Authenticate(account)
//	binder.Offer(w, s)
//
// And say which routes refuse a copy of the cookie:
//
//	mux.Handle("/account/", binder.RefuseUnproven(account, nil))
//
// It needs https under a host name: Chromium binds nothing on http://localhost. The
// session's cookie has to be Secure, for all paths of one host, and not Partitioned. [New]
// refuses another one.
//
// The Handler answers POST requests to [Options].Path, which carry no token against
// cross-site request forgery: put it outside of what asks for one.
//
// # What is refused
//
// [Binder.RefuseUnproven] lets a request through if its login is not bound, or if it
// brings a bound cookie that has not run out. Otherwise the login is bound and the request
// doesn't show that it comes from the device: it is refused with status 403. The session
// goes on. The response hands out no ticket, and the request keeps nothing alive, so that
// whoever is refused can't sign the visitor out. [Binder.Status] says the same of a request
// without refusing it, and [IsBound] of a session in a list.
//
// The cookie that is copied along with the session's is good until it runs out, for one
// and a half of [Options].Lifetime at most.
//
// # A binding's life
//
// A binding belongs to one login of a session. It takes effect with the first proof, and not
// with the registration: if the answer to that is lost or torn, the browser knows of no key,
// and nobody is locked out. Until then a copy of the session's cookie gets in, as before the
// registration, and a later offer may register another key; see [Binder.Offer]. From then on
// nobody can register one for that login.
//
// Renew, StepUp, Reauthenticate, Clear and new keys of the application keep it. It ends with
// the session, and for a visitor who signs in again by Authenticate. That login needs an offer
// of its own, and is not held back by a key that the browser may have lost.
// Until the visitor presents the new ticket, and for session.Options.RenewGrace after that,
// the old one works on and needs the old key.
//
// If the store fails, the answer is 503, and the browser tries again later. So an
// ErrorHandler of session.Options has to answer with the status of session.StatusCode: a
// status from 400 to 499 makes the browser forget its key. So does a rate limit's 429, or a
// redirect: nothing else may answer requests to [Options].Path, unless with 503. A
// registration that fails is not repeated. The login is then unbound.
//
// A challenge is good for one proof, and for some minutes. It is not stored. The record
// names the last proof instead, so a refresh writes to the store once.
//
// # What it does not do
//
// A session in which somebody acts, see session.Session.Impersonate, is not bound, and lets
// a copy of their cookie in to its end. So require the device for what calls Impersonate.
//
// Malware that stays on the device can use the session there. Malware that was there at
// the login can have its own key registered. A browser that keeps keys in software
// protects them less well; the server can't tell.
package dbsc

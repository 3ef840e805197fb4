// Package csrf protects sessions against cross-site request forgery: a page of another
// site makes a visitor's browser send a request, and the browser adds the session's
// cookie. Requests that change something have to carry a token that only pages of this
// site can know (OWASP Cross-Site Request Forgery Prevention Cheat Sheet, synchronizer
// token pattern).
//
// # Using it
//
// A [Protection] belongs to a session.Manager and stands within its Handler:
//
//	protection, err := csrf.New(sessions, csrf.Options{})
//	…
//	http.ListenAndServe(":8080", sessions.Handler(protection.Handler(mux)))
//
// Every form that is posted gets a hidden field with a token, from [Protection.Field].
// A script sends a token, from [Protection.Token], in the header field X-CSRF-Token. The
// page may carry it in a meta element:
//
//	<meta name="csrf-token" content="{{.Token}}">
//
// A request without a token of its session is answered with status 403, or by
// [Options].ErrorHandler.
//
// Only requests with unsafe methods are checked. It is the application's part to change
// nothing on GET. That includes WebSockets, which begin with one: check their Origin.
//
// # A token's life
//
// Tokens are derived from a secret of the session, so nothing is stored for each. All
// texts that were handed out are good at the same time: several tabs and the back button
// work, also across Renew, StepUp and Reauthenticate. All become void when the session ends, and when
// Authenticate is called: what somebody has seen or planted before the visitor signed in
// is worth nothing afterwards. A page that is made after Authenticate, in the same request
// too, has the new ones. A form that is sent twice, as a visitor does who clicks twice,
// verifies twice: the second request still has the ticket that the form was made for. If
// the first one's answer has brought another ticket by then, the second is refused. An
// ErrorHandler can ask whether the visitor is signed in already, and lead on.
//
// Each text is masked with fresh random bytes. Pages may be compressed without giving the
// secret away (BREACH).
//
// # Login forms
//
// A login form needs protection as much as any other: without it, another site can sign a
// visitor in to the attacker's account, and wait for what they enter there (login CSRF).
// A token needs a session to belong to, so it costs a record: the visitor who is shown the
// form gets a cookie, and the session is stored. Pages without a form should not ask for a
// token; visitors who only read cost nothing then. Where that is too much, protect the
// login by [net/http.CrossOriginProtection] alone. Forms that two tabs open at the same
// moment for a visitor who is new belong to two sessions, of which the browser keeps one.
//
// # Beside http.CrossOriginProtection
//
// [net/http.CrossOriginProtection] refuses requests of which the browser says, in
// Sec-Fetch-Site or Origin, that they come from elsewhere. It needs no session and no
// token, and also protects where there is no session yet. But it lets through requests that
// carry neither field, and those whose Origin is the same host under http. A token closes
// both gaps, because it does not depend on what browsers send. Where a token has leaked,
// CrossOriginProtection still helps. So have both:
//
//	sessions.Handler(http.NewCrossOriginProtection().Handler(protection.Handler(mux)))
//
// Neither helps against scripts that are injected into the site's own pages. The cookie's
// SameSite attribute is a third layer. Its prefix __Host- keeps sibling domains from
// planting a session whose tokens they know.
//
// # Uploads
//
// To find the token in a form, the form has to be read: up to [Options].MaxForm bytes,
// after the session has been found. Handlers that stream large bodies, with
// MultipartReader for instance, get the token in the header. The body is then not touched,
// and a handler that wants its form parses it, as PostFormValue does.
//
// # Where no token is needed
//
// Browsers add cookies by themselves, but no bearer token and no header field of one's
// choice. An API whose sessions travel that way, and a webhook that has a signature of its
// own, need no token. Mount them beside the protected part:
//
//	mux.Handle("/hooks/", hooks)
//	mux.Handle("/", sessions.Handler(protection.Handler(site)))
package csrf

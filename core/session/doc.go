// Package session keeps HTTP sessions. The visitor holds a signed ticket, a
// cookie; what it stands for stays on the server, in a [Store].
//
// # Using it
//
// A [Manager] brings sessions to requests. [New] makes one from a store and
// [Options], of which only the keys have no default:
//
//	sessions, err := session.New(store, session.Options{Keys: keys})
//	…
//	http.ListenAndServe(":8080", sessions.Handler(mux))
//
// A handler within [Manager.Handler] gets its request's session from
// [Manager.Get], and reads and writes values through a [Key], which knows their
// name and type:
//
//	var Cart = session.NewKey[[]string]("cart")
//
//	s, err := sessions.Get(r)
//	if err != nil {
//		sessions.Fail(w, r, err)
//		return
//	}
//	Cart.Update(s, func(items []string) []string { return append(items, id) })
//
// There is nothing to save: what was changed is committed before the response
// header leaves. [Manager.HandlerFunc] takes over Get and Fail as well.
// [Session.Flash] leaves a message for the visitor's next page.
//
// When a visitor has proved who they are, call [Session.Authenticate]; when they
// sign out, [Session.Destroy].
//
// # A request's way
//
// In: the cookie is looked at on the first Get, not before. No ticket, a forged
// one or one whose session has ended gives a new session under a fresh token,
// never under the one presented. A forged ticket does not reach the store. A
// visitor for whom nothing is changed costs no record and gets no cookie.
//
// While: a [Session] belongs to one request. Values are encoded when they are
// set and decoded when they are got, so that nothing is shared by mistake. The
// session records its changes in order.
//
// Out: the changes are committed before the first byte of the final header, on a
// context that survives the client's disconnect. If the handler panics before,
// nothing is saved. Changes that come later need [Session.Commit]; without it
// they are reported in the log.
//
// # What is promised
//
// No lost update: every write names the version it replaces. If another request
// was faster, the session is loaded again and the changes are made on top of the
// other's; functions given to [Key.Update] run again.
//
// No resurrection: a write replaces, it never creates. What was destroyed,
// renewed, expired or deleted meanwhile stays gone: a slow request's changes are
// dropped and it sets no cookie.
//
// An outage is no logout: if the store can't answer, Get returns an error and
// not an empty session; if it can't save, the visitor gets 503 and Retry-After
// instead of the handler's response, and no cookie.
//
// # Timeouts and renewal
//
// A session ends [Options].IdleTimeout after it was last looked at, and
// AbsoluteTimeout after it began or last authenticated, on the server: what the
// cookie says does not count. Reading extends a session in the store only once in a TouchInterval.
// Requests that don't look at the session don't extend it.
// [Session.SetIdleTimeout], [Session.SetDeadline] and [Session.SetPersistent]
// decide for one session, "remember me", for instance.
//
// With [Options].RenewEvery a session gets a new token from time to time. Requests
// that are under way with the old one are not logged out: for a short grace it
// leads to the new one. With Authenticate, StepUp, Renew and Destroy there is no
// grace: the old token is dead at once.
//
// # Whose session
//
// Authenticate names a subject. [Manager.List] shows the subject's sessions, with
// values such as the device's name read by [Key.From]; [Manager.End],
// [Session.EndOthers] and [Manager.EndSubject] end one, the others or all of them;
// [Manager.EndExternal] ends those of an identity provider's session, which
// [Session.SetExternalID] has noted, and [Manager.EndAll] everybody's.
// [Options].MaxSessions limits how many there are. [Session.CheckAuthHash] ends sessions from before the password changed.
//
// Before something sensitive, ask [Session.Fresh], or [Session.SteppedUp] for a
// level that [Session.StepUp] has granted for a while; [Manager.RequireFresh] and
// [Manager.RequireStepUp] are the same as handlers.
//
// # Protection
//
// The package csrf beside this one makes tokens from [Session.Secret].
// [Options].Binding ends a session that comes from another browser or network.
// [Options].Sealer encrypts the values that the store gets. [Options].OnEvent is told
// what happens to sessions; the otelsession module makes metrics of it, and traces of what
// the store does. [Manager.Policy] prints how sessions live and end.
//
// # Without a cookie, without a store
//
// [Options].Header carries the ticket in a header field, for APIs.
// [NewCookieOnly] needs no store: the session travels in the cookie, encrypted;
// its documentation says what can't be had that way. [Options].Skip takes out
// requests that need no session, for static files, for instance.
//
// # Stores
//
// memstore, in this module, keeps sessions in memory. Modules of their own keep
// them in files, Redis, Memcached, PostgreSQL and MongoDB; an application imports
// the one that it uses. [Store] is the contract for writing another, and the
// conformance module proves that it holds. What only some backends can do is an
// optional interface with a function that uses it: [sessionstore.Touch], [sessionstore.Prune],
// [sessionstore.ListSubject], [sessionstore.DeleteSubject], [sessionstore.DeleteAll].
//
// Values are JSON, unless [Options].Codec is another [Codec].
//
// # Costs
//
// A request that leaves the session alone makes no call to the store; one that
// reads makes one, and one more once in a TouchInterval; one that writes makes two.
// Authenticate, StepUp and Renew make four in all, Destroy three, a renewal of the
// token because of its age three.
package session

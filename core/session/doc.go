// Package session keeps HTTP sessions. The visitor holds a signed ticket, a cookie.
// What it stands for stays on the server, in a [Store].
//
// # Using it
//
// A [Manager] brings sessions to requests. [New] makes one from a store and
// [Options], of which only the keys have no default. [GenerateKey] makes a key, once,
// and [ParseKeys] reads keys from the environment:
//
//	keys, err := session.ParseKeys(os.Getenv("CLOAKROOM_KEYS"))
//	store := memstore.New(memstore.Options{})
//	sessions, err := session.New(store, session.Options{Keys: keys})
//
// [Manager.HandlerFunc] calls a function with the request's session. A [Key] knows
// the name and the type of a value, which it reads and writes:
//
//	var Cart = session.NewKey[[]string]("cart")
//
//	mux.Handle("POST /cart/{item}", sessions.HandlerFunc(
//		func(w http.ResponseWriter, r *http.Request, s *session.Session) {
//			Cart.Update(s, func(items []string) []string { return append(items, r.PathValue("item")) })
//		}))
//
// There is nothing to save: changes are committed, which means written to the store,
// before the response header leaves. With [Key.Once], one of parallel requests makes a
// value, and all get it: new tokens for a refresh token, for instance.
//
// A handler that has another signature gets the session from [Manager.Get].
// [Manager.Handler] goes around it, or around all of them:
//
//	http.ListenAndServe(":8080", sessions.Handler(mux))
//
//	s, err := sessions.Get(r)
//	if err != nil {
//		sessions.Fail(w, r, err)
//		return
//	}
//
// When a visitor has proved who they are, call [Session.Authenticate]. When they
// sign out, call [Session.Destroy]. [Session.Remember] is "remember me", and
// [Session.Flash] leaves a message for the visitor's next page.
//
// # Words
//
// A token is 32 random bytes: the first half names a session, the second half is the
// ticket's own secret. A ticket is a token with its signature: the visitor holds it,
// in a cookie or a header field. A record is what the store keeps of a session; it
// lists the session's tickets, as hashes. The public id, [Session.ID], names a session
// in logs and lists, and gives no access to it. A subject is whose session it is, an
// account's id for instance. A session is anonymous until Authenticate names its subject.
//
// # The way of a request
//
// In: the cookie is looked at on the first Get, not before. A request without a
// ticket, with a forged one, or with one whose session is gone gets a new session,
// under a fresh token and never under the one presented. A forged ticket does not
// reach the store. A visitor for whom nothing is changed costs no record and gets no
// cookie.
//
// While: a [Session] belongs to one request. Values are encoded when they are set and
// decoded when they are got, so nothing is shared by mistake. The session records its
// changes in order.
//
// Out: the changes are committed before the first byte of the final header, on a
// context that survives the client's disconnect. If the handler panics before that,
// nothing is saved. Changes that come later need [Session.Commit]; without it they
// are reported in the log.
//
// # What is promised
//
// No lost update: every write names the version that it replaces. If another request
// was faster, the session is loaded again, and the changes are made on top of the
// other's. Functions given to [Key.Update] run again.
//
// No resurrection: a write replaces, it never creates. What was destroyed, expired or
// deleted stays gone: a slow request's changes are dropped, and it sets no cookie.
//
// An outage is no logout: if the store can't answer, Get returns an error and not an
// empty session. If it can't save, the visitor gets 503 and Retry-After instead of
// the handler's response, and no cookie.
//
// A lost answer is no logout: a new ticket takes the place of the old one when the
// visitor first presents it, not when the server hands it out.
//
// # Tickets
//
// [Session.Authenticate], [Session.Reauthenticate], [Session.StepUp], [Session.Renew] and,
// by age, [Options].RenewEvery offer a new ticket: they hand it out with the response, which
// may be lost. The session stays under its id, with all its values.
//
// At the first login of a session, all tickets from before it are worthless at once:
// one of them may have been planted (session fixation). Otherwise the old ticket is
// good until the visitor presents the new one. The old one is then retired. For
// [Options].RenewGrace it still works, for requests that are on their way, but no new
// ticket is handed out to it. After that it is worthless, too. A worthless
// ticket is called quiet: its request sees an empty session, which stores nothing unless
// the visitor signs in.
//
// Values belong to the session, and all of its tickets read them. What a visitor has
// proved belongs to the ticket: [Session.Fresh], [Session.SteppedUp], the timeouts,
// [Session.Remember] included, and the secret of CSRF tokens. So keep a privilege in a
// level of StepUp, not in a value.
//
// # Timeouts
//
// A session expires when it has not been used for [Options].IdleTimeout, and
// AbsoluteTimeout after it began or its visitor last authenticated. The server keeps
// both; what the cookie says does not count. Reading extends a session in the store
// only once in a TouchInterval. Requests that don't look at the session, or to which
// [Options].Passive applies, don't extend it. [Session.Remember],
// [Session.SetIdleTimeout], [Session.SetDeadline] and [Session.SetPersistent] decide
// for one session, until its next login.
//
// # Whose session
//
// Authenticate names a subject. [Manager.List] shows the subject's sessions, with
// values such as the device's name read by [Key.From]. [Manager.End],
// [Session.EndOthers] and [Manager.EndSubject] end one, the others or all of them.
// [Manager.EndIf] ends those that match, an identity provider's session for
// instance, and [Manager.EndEverybody] everybody's. [Options].MaxSessions limits how many
// there are. [Session.CheckAuthHash] ends sessions from before the password changed. An
// [Admin] lists and ends sessions without the keys, in a job or a tool.
//
// [Session.Impersonate] has an administrator act as somebody for a while, with an actor in
// lists, events and logs. [Session.StopImpersonating] leads back.
//
// Before something sensitive, ask [Session.Fresh], or [Session.SteppedUp] for a
// level that [Session.StepUp] has granted for a while. [Manager.RequireFresh] and
// [Manager.RequireStepUp] do the same for a handler. [Session.Reauthenticate] makes fresh
// who has entered the password again.
//
// # Streams
//
// A WebSocket or a stream keeps the session that its request was given.
// [Session.Reload] shows what others have changed, and whether the session has ended.
// [Session.Commit] saves changes, and extends the session. [Session.WatchContext] returns a
// context that is done soon after the session has ended.
//
// # Protection
//
// The package csrf beside this one makes tokens from [Session.Secret]. The package dbsc
// binds sessions to the device of their visitor, where browsers can; it is experimental.
// [Options].Binding ends a session that comes from another browser or network.
// [Options].Sealer encrypts the values that the store gets. [Manager.StripTicket]
// keeps the ticket from a server behind a reverse proxy. [Options].OnEvent is told
// what happens to sessions; the otelsession module makes metrics of it, and traces of
// what the store does. [Manager.Policy] prints how sessions live and end, and
// [Manager.Check] says whether the store can be used.
//
// # Without a cookie, without a store
//
// [Options].Header carries the ticket in a header field, for APIs. [NewCookieOnly]
// needs no store: the session travels in the cookie, encrypted; its documentation
// says what can't be had that way. [Options].Skip takes out requests that need no
// session, static files for instance.
//
// # Stores
//
// memstore, in this module, keeps sessions in memory. Modules of their own keep
// them in files, Redis, memcached, PostgreSQL, SQLite, MySQL, MariaDB and
// MongoDB. An application imports the one that it uses. Package sessionstore documents
// [Store] for those who write another, and the conformance module checks that it keeps
// the contract. What only some backends can do is an optional interface. Where a backend
// can't, methods return [ErrUnsupported], and never a partial result.
//
// Values are JSON, unless [Options].Codec is another [Codec].
//
// # Costs
//
// A request that leaves the session alone makes no call to the store. One that reads
// makes one, and one more once in a TouchInterval. One that writes makes two, and so
// does a login, Reauthenticate, StepUp, Renew, a renewal by age, a logout, and the first request with
// a new ticket. A new visitor's first change or login makes one.
//
// With [Options].MaxSessions, a login that adds a session lists the subject's sessions
// twice more, and the first request with its ticket once. A login that is over the limit
// makes two more calls for a session that ends. A request of somebody who acts as another
// loads two sessions.
package session

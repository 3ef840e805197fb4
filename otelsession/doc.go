// Package otelsession shows in OpenTelemetry what sessions do: spans and
// durations of the calls to a store, and a count of what happens to sessions.
//
//	store, err := otelsession.Wrap(store, otelsession.Options{})
//	…
//	hook, err := otelsession.Hook(otelsession.Options{})
//	…
//	sessions, err := session.New(store, session.Options{Keys: keys, OnEvent: hook})
//
// Each works without the others. All use the API of OpenTelemetry only: an
// application that has set up no SDK records nothing, and a call to the store takes
// about two microseconds longer.
//
// # Store calls
//
// Each call of a store's method is a span of the kind client, named after the
// operation, "load sessions", for instance, and one measurement:
//
//	cloakroom.store.operation.duration  histogram, s
//
// with the buckets that the semantic conventions give db.client.operation.duration.
// Both have these attributes:
//
//	cloakroom.store.operation  load, create, update, delete, touch, prune,
//	                           list_subject, delete_subject, delete_all, scan
//	cloakroom.store.outcome    ok, or what the error says: not_found, exists,
//	                           conflict, repeated, too_large, corrupt, unsupported,
//	                           invalid; error for all others
//	error.type                 of calls that have failed, see below
//
// and the span of a call that is about several records has their number:
//
//	cloakroom.store.records    listed, removed or met
//
// A scan lasts as long as the iteration over it, with what the caller does meanwhile.
// Watch is passed on and not recorded, since it lasts until its caller ends it.
//
// # Session events
//
// Each [session.Event] adds one to
//
//	cloakroom.session.events   counter, {event}
//
// with the attributes
//
//	cloakroom.session.event       created, offered, seen,
//	                              retired_ticket_presented, authenticated, ended,
//	                              conflict, impersonated, store_error
//	cloakroom.session.end.reason  of ended, such as destroyed or
//	                              binding_mismatch: a session.EndReason
//	error.type                    of store_error
//
// and is added to the current span, if that records, as an event named
// cloakroom.session.created and so on. There, cloakroom.session.id tells
// which session it was, as it does in logs, if that is known.
//
// # Live sessions
//
// While a [Gauge] runs, it reports
//
//	cloakroom.session.live       gauge, {session}
//
// as it was when the store was last scanned, with the attribute
//
//	cloakroom.session.signed_in  whether somebody is signed in
//
// What is left of a session that has ended within the last ten minutes counts as one of
// nobody. The numbers are those of all processes: run the Gauge in one of them.
//
// # Errors
//
// That a session is not found, exists already, or was changed by another request
// is an answer: the status of the span stays unset, and there is no error.type.
// All other errors set the status Error. A conflict is repeated if it may be with the
// same write, sent before (sessionstore.ErrRepeated). The error.type is the outcome where
// that is not error. Else it is timeout, canceled (the caller's context is done, for a
// client may go away), panic, the Go type of the driver's error such as *pgconn.PgError,
// or _OTHER.
//
// # What is not recorded
//
// No ticket, no id of a record, no subject and no data of a session. Nor the text
// of an error, because some drivers put keys or file names into it; the Manager
// logs it, with the context of the same span.
//
// # Names
//
// The semantic conventions have none for session stores. Those for databases
// (db.*) describe the calls that a driver sends; the driver's own instrumentation
// records them, as children of the spans of this package, and one call of a store
// may be several or none. Those named session.* are about what a browser or a
// device reports of its user, and the conventions advise against borrowing a
// namespace. So what is particular to this library begins with cloakroom, and
// error.type, which means the same everywhere, is shared.
package otelsession

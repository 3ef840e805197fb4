// Package memcachestore keeps sessions in memcached. It suits applications that
// run memcached already and may lose sessions: a memcached that is full, flushed,
// restarted or out of reach forgets, and who was signed in signs in again. It can
// touch records; it needs no pruning, for the server removes expired records by
// itself. It can't list a subject's sessions truthfully, nor name all
// that there are, and so doesn't: ListSubject, DeleteSubject, DeleteAll and Scan of package
// sessionstore give [sessionstore.ErrUnsupported].
//
//	client := memcache.New("localhost:11211")
//	store, err := memcachestore.New(client, memcachestore.Options{})
//
// # Cost
//
// Load is one gets, Delete one delete, Create one add. Update and Touch are one cas
// if this store loaded the record within the last minute, as a request does that
// changes its session or keeps it from expiring; otherwise they are a gets and a
// cas. Touch sends the whole record, for the expiry is in it, and needs the gets
// too if there is more than 4 KiB of data. A write that meets another one takes
// further turns.
//
// # Clocks
//
// The expiry in the record decides, to the nanosecond, by the clock of the process
// that asks. The server is told a moment that is a little later. Up to 30 days
// ahead it is told how long a record has left, and its clock need not be right;
// beyond that, memcached takes nothing but a date.
//
// # Guarantees
//
// What memcached holds is not on disk and in one copy. Of what it still holds no
// update is lost, and nothing that has ended comes back, with one exception that
// lies in several servers: when the client's list of servers changes, or a server
// that was out of reach returns, records written before may be found again.
//
// A record carries its id, so that an answer to another request, or a foreign
// value under the key, gives [sessionstore.ErrCorrupt], never somebody else's session.
// The server must not run with cas disabled (-C): Load, Update and Touch find out
// and fail.
package memcachestore

// Package memstore keeps sessions in the memory of one process. It is the
// reference implementation of [sessionstore.Store] and has every capability.
//
// It suits tests, development, and applications that run as one process and may
// lose their sessions when it ends.
//
// Later writes remove expired records, a few at a time, and so does Prune. Both look only
// at what has expired: the cost does not grow with the number of sessions.
package memstore

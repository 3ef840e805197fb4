// Package filestore keeps sessions in files, one file for each session. It has
// every capability but Watch, and any number of processes on one machine may share a
// folder. It suits applications on one machine that have to keep their sessions
// across a restart, without a server to run.
//
//	store, err := filestore.New("/var/lib/shop/sessions", filestore.Options{})
//
// # Guarantees
//
// A write has reached the disk when it returns. A record is replaced as a whole:
// a process that is killed at any point, or a power failure, leaves the old
// record or the new one. Each file carries a checksum and its own id, so that
// damaged or swapped files give [sessionstore.ErrCorrupt], never somebody else's
// session. A folder that was removed, replaced or unmounted is an error, never
// an empty store.
//
// Writers exclude each other with advisory locks of the operating system (flock,
// LockFileEx). On a network file system they are as good as that file system's
// locks; prefer a local disk. Where the system has no such locks, New returns an
// error. On Windows a folder can't be flushed: there, what a power failure leaves
// of the last moments is up to the file system's journal.
//
// # Layout
//
// The folder belongs to the store alone. It holds
//
//	FORMAT                         names the format and its version
//	00 … ff/                       256 shards, chosen by the checksum of the id
//	    lock                       excludes other writers of this shard
//	    <id>.<capitals>            a record and its CRC-32C, with its expiry as the file's time
//	    <random>.tmp               a write under way, or the orphan of a crash
//	subjects/00 … ff/
//	    <hash>.<id>.<capitals>     empty: this subject has this record
//
// where capitals tells which letters of the id are capital ones, for file
// systems that don't. Expired records and orphans stay until
// [Store.Prune] removes them; run it with [session.Manager.RunPruner] or from a timer.
package filestore

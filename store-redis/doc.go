// Package redisstore keeps sessions in Redis, Valkey or another server that
// speaks their protocol and runs their scripts: a single one, one behind
// Sentinel, or a Cluster. It can touch records, list a subject's sessions,
// delete all and report what ends; it needs no pruning, for the server removes expired records by itself.
//
//	client := redis.NewUniversalClient(&redis.UniversalOptions{
//		Addrs:                 []string{"localhost:6379"},
//		ContextTimeoutEnabled: true, // calls keep to deadlines, and cost less: see New
//	})
//	store, err := redisstore.New(client, redisstore.Options{})
//
// # Cost
//
// Load is one GET. Create is one SET NX, Delete one GETRANGE and DEL that are sent together.
// Update and Touch are one call of a script, which touches one key, so that it runs on a
// Cluster. The driver sends the script again when the server has forgotten it.
//
// With a subject, the index of its records comes in. Create then costs three calls, and
// Delete two. An Update that gives the record to a subject costs four, and one that takes
// it from its subject one more. An Update or a Touch that prolongs the record beyond what
// the index knows costs four: rarely, as the index is kept for at least twice the
// lifetime that was left when it was last written.
//
// The index has what is live. What has expired leaves it when somebody lists or deletes the
// subject's records, at the price of one call for a hundred of them, or in its time.
//
// With Options.Notify, Delete is a script, too, and scripts that end a record publish its
// id on the channel <prefix>ended. That costs no call more.
//
// DeleteAll and Scan look at every key of the database, also at those of others, a
// thousand with each call. DeleteAll costs two commands for each record, Scan one, in
// batches.
//
// # Clocks
//
// The server is told how long a record has left, not until when: its clock need
// not be right. A record is dead when the server has counted down, or when the
// clock of the process that asks has passed the record's expiry, to the
// nanosecond, whichever comes first.
//
// # Guarantees
//
// A write is as durable as the server makes it. Replication is asynchronous: a
// failover may lose writes that were acknowledged, a Delete among them. A server
// that evicts keys when memory is full ends sessions, and may lose a part of the
// subject index; set maxmemory-policy to noeviction. Then writes fail when memory
// is full, and Delete still works.
//
// The driver sends a write again whose answer was lost, unless its MaxRetries is -1.
// That does no harm, but for one case: if another write gets in between, Update returns
// [sessionstore.ErrConflict] although it was made. The error is then also
// [sessionstore.ErrRepeated]. Whoever makes the change on the newer record may make it
// twice. Package session does not: its records remember their last few writes, and where
// they don't tell, its Commit fails. The driver encodes a command once for each sending,
// which is how the store knows; an AutoPipeliner of newer drivers encodes it more often, so
// that each conflict counts as repeated. A sending that a Cluster has redirected counts, too.
//
// A record carries its id, so that an answer to another request, or a foreign
// value under the key, gives [sessionstore.ErrCorrupt], never somebody else's session.
//
// # Keys
//
// Below the prefix, "session:" unless Options say otherwise, the store has
//
//	<id>              a string: 8 bytes that say until when the index knows the
//	                  record, and the record as sessionstore.AppendRecord makes it
//	subject:<hash>    a sorted set: the ids of the records of one subject, each
//	                  with the microsecond until which the entry is kept, and
//	                  with a plus sign those that are being written
//
// so that no key names a subject or holds a visitor's token.
package redisstore

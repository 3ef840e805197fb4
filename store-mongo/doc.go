// Package mongostore keeps sessions in a collection of MongoDB, version 4.2 or
// later. It has every capability but Watch. It suits applications that have a MongoDB
// anyway, and want their sessions to be as durable as their other data.
//
//	client, err := mongo.Connect(options.Client().ApplyURI("mongodb://db/shop"))
//	…
//	store, err := mongostore.New(client.Database("shop").Collection("sessions"), mongostore.Options{})
//	…
//	err = store.EnsureIndexes(ctx)
//
// # Guarantees
//
// Load, Update, Touch and Delete are one command that looks a document up by its
// _id, and so is Create under a new id. A write names the version that it
// replaces in its filter, so that of several concurrent writes none is lost. A
// second command asks why only where the first has changed nothing. Nothing is
// upserted but in the sense of Create.
//
// The store reads from the primary and writes with write concern "majority",
// whatever the collection is set to: a secondary that lags behind would bring
// back sessions that were ended, and so would the rollback of a write that only
// one member has. What is acknowledged survives a failover. For the seconds in
// which a primary that was cut off doesn't know of its successor, clients on its
// side of the cut may still read from it what was ended on the other side.
//
// The driver's retryable writes need no care: a write that is made twice has the
// same effect as once.
//
// # Servers that speak MongoDB's protocol
//
// All of this rests on one promise of the server: that a command finds a document by its
// filter and changes it in one step. FerretDB 1.x does that in two, so that of eight
// concurrent updates from the same version seven succeeded: changes are lost, and nothing
// says so. It is no MongoDB for this store. Run the conformance suite on a server that is
// not MongoDB's own.
//
// # Clocks
//
// The application's clock judges expiry; keep it in step with those of its
// peers. Expiry is kept in milliseconds, rounded up. The TTL index removes
// records ten minutes after they have expired by the clock of the server, so that
// one which is ahead ends no session.
//
// # Documents
//
//	{_id: <id>, data: BinData, subject: "…", expires: Date, version: Long}
//
// A document that has our _id and that no store writes gives [sessionstore.ErrCorrupt], and
// is left to Delete. One with another _id is passed over. The version's 64 bits are those of
// the Long. In a sharded cluster, shard the collection by a hashed _id.
package mongostore

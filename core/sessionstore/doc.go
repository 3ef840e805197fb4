// Package sessionstore is the contract between package session and its stores. It is
// for those who write a store; an application needs nothing of it.
//
// A [Store] keeps a [Record] under an id, and compares versions when it replaces one. Its
// four methods, Load, Create, Update and Delete, are all that a store must have.
//
// What only some backends can do is an interface of its own, a capability. A function
// uses it, and says what happens without it: [Toucher] and [Touch], [Pruner] and
// [Prune], [SubjectIndex] with [ListSubject] and [DeleteSubject], [AllDeleter] and
// [DeleteAll], [Scanner] and [Scan], [Watcher] and [Watch].
//
// A store around another one is a [Wrapper]; [As] finds the capabilities through it.
//
// For stores there are a [Guard], which refuses what the contract forbids and words
// errors; [AppendRecord] and [ParseRecord], an encoding for backends that keep plain
// bytes; [Await], for drivers that know no contexts; and [Certain], which tells an
// answer from an unknown outcome.
//
// The conformance module checks a store against every rule; the page "Write your own
// store" of the documentation leads through it.
package sessionstore

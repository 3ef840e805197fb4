// Package itsdangerous signs text, and reads what was signed, as the Python
// package of that name does, version 2: the format of Flask's and Starlette's
// sessions, and of links in mails about a forgotten password, for instance.
//
// Signer is Python's Signer and TimestampSigner; TimedSerializer is
// URLSafeTimedSerializer. A value is accepted exactly if the original accepts it,
// except for payloads that are larger than MaxPayload.
//
// Where Python takes a list of keys with the newest last, Keys has the newest
// first, as all keys in this repository.
package itsdangerous

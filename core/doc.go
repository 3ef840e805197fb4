// Package session keeps HTTP sessions: the visitor holds a signed ticket in a
// cookie, the data stays on the server in a [Store].
package session

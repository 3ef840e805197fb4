// Package migrate moves visitors in from other frameworks without signing them
// out.
package migrate

// Package cookie shows what browsers make of the session's cookie: Chromium and, as
// far as it keeps the rules, net/http/cookiejar.
//
// It has tests only.
package cookie

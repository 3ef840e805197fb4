// Package doubt lets a package of core tell a session that its request is refused because
// its ticket may be a copy.
package doubt

import "context"

// A Key has as its value, in a request's context, the function that tells the session of a
// Manager.
type Key struct{ Manager any }

// Request tells the session of ctx's request, if it was loaded: no ticket is handed out for
// the one that the request has brought, which does not count as seen, and the session
// lives no longer for it.
func Request(ctx context.Context, manager any) {
	if tell, ok := ctx.Value(Key{manager}).(func()); ok {
		tell()
	}
}

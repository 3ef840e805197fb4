package csrf

import "errors"

// The reasons for which a request is refused. [Options].ErrorHandler gets one of
// them, wrapped; no part of a token is in its text.
var (
	// ErrMissing says that no token was found: neither in the header nor in a
	// form that could be read. If the form is larger than [Options].MaxForm, the
	// error is an [*net/http.MaxBytesError] as well.
	ErrMissing = errors.New("csrf: no token")

	// ErrMismatch says that the request has no token of its session. The token is another
	// session's or from before Authenticate, it was changed or invented, or the visitor
	// has no session, because it has ended while the form was left open for instance. If
	// session.Options.Skip has taken the request out, it is [session.ErrSkipped] as well.
	ErrMismatch = errors.New("csrf: token is not the session's")
)

// errDropped says why a visitor has no session.
var errDropped = errors.New("the visitor has no session: browsers drop the Secure cookie over plain http; " +
	"use https, or set session.Cookie.Insecure for development")

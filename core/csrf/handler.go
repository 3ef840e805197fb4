package csrf

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"

	"github.com/cloakroom-go/cloakroom/core/session"
)

// Handler returns a handler that lets a request through to next if its method is safe,
// GET, HEAD, OPTIONS or TRACE (RFC 9110, 9.2.1), or if it carries a token of its session,
// in the header or in the form. It refuses any other request, by [Options].ErrorHandler.
// It stands within [session.Manager.Handler]:
//
//	sessions.Handler(protection.Handler(mux))
//
// A form is read as [net/http.Request.PostFormValue] does it, URL-encoded or
// multipart, but never the query, which ends up in logs and links. A form that
// does not parse is refused. Afterwards r.PostForm and r.MultipartForm are there
// for next; the files of a multipart form are removed when next returns.
//
// A visitor without a session is refused before the body is read, and nothing is
// stored for them. So is a request that [session.Options].Skip has taken out, which has
// none. If the session can't be loaded, the visitor gets the response of
// [session.Manager.Fail]: an outage is no forgery.
func (p *Protection) Handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if safe(r.Method) {
			next.ServeHTTP(w, r)
			return
		}
		s, err := p.sessions.Get(r)
		switch {
		case errors.Is(err, session.ErrSkipped):
			p.refuse(w, r, nil, fmt.Errorf("%w: %w", ErrMismatch, err))
			return
		case err != nil:
			p.sessions.Fail(w, r, err)
			return
		}
		if r.MultipartForm == nil {
			defer removeFiles(r)
		}
		if err := p.check(w, r, s); err != nil {
			p.refuse(w, r, s, err)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func safe(method string) bool {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace:
		return true
	default:
		return false
	}
}

// check returns why a request is to be refused, or nil.
func (p *Protection) check(w http.ResponseWriter, r *http.Request, s *session.Session) error {
	switch { // asking it for its secret would store it
	case s.IsNew() && p.sessions.BrowserDropsCookie(r):
		return fmt.Errorf("%w: %w", ErrMismatch, errDropped)
	case s.IsNew():
		return fmt.Errorf("%w: the visitor has no session", ErrMismatch)
	}
	text := r.Header.Get(p.opts.HeaderName)
	if text == "" {
		if err := readForm(w, r, p.opts.MaxForm); err != nil {
			return err
		}
		text = r.PostForm.Get(p.opts.FieldName)
	}
	switch {
	case text == "":
		return ErrMissing
	case !matches(text, s.Secret(purpose)):
		return ErrMismatch
	}
	return nil
}

// formMemory is how much of a multipart form's files is held in memory, as by
// net/http itself; the rest goes to the disk.
const formMemory = 32 << 20

// readForm sets r.PostForm, and r.MultipartForm if there is one. It leaves
// r.Form alone, so that next may parse the query and learn of its errors.
func readForm(w http.ResponseWriter, r *http.Request, limit int64) error {
	if r.Body == nil { // no server's request, but one made by hand
		return ErrMissing
	}
	form := r.WithContext(r.Context()) // a copy
	form.URL = &url.URL{}
	form.Body = http.MaxBytesReader(w, r.Body, limit)
	err := form.ParseForm()
	if err == nil {
		err = form.ParseMultipartForm(formMemory) //nolint:gosec // Body is bounded above
	}
	if tooLarge := new(http.MaxBytesError); errors.As(err, &tooLarge) {
		return fmt.Errorf("%w: form: %w", ErrMissing, tooLarge)
	}
	if err != nil && !errors.Is(err, http.ErrNotMultipart) {
		return fmt.Errorf("%w: the form does not parse", ErrMissing) // err may quote it
	}
	r.PostForm, r.MultipartForm = form.PostForm, form.MultipartForm
	return nil
}

// removeFiles is for the server, which removes the files of the request that it
// knows only. Ours is a copy of it, made by session.Manager.Handler.
func removeFiles(r *http.Request) {
	if r.MultipartForm != nil {
		_ = r.MultipartForm.RemoveAll() // the server ignores it, too: temporary files are tidied by the system
	}
}

// refuse answers a request in the place of next.
func (p *Protection) refuse(w http.ResponseWriter, r *http.Request, s *session.Session, err error) {
	logger := p.opts.Logger
	if logger == nil {
		logger = slog.Default()
	}
	logger.InfoContext(r.Context(), "csrf: request refused",
		"method", r.Method, "pattern", r.Pattern, "session", publicID(s), "error", err)
	p.opts.ErrorHandler(w, r, err)
}

// forbid is the ErrorHandler unless there is another.
func forbid(w http.ResponseWriter, _ *http.Request, err error) {
	w.Header().Set("Cache-Control", "no-store")
	if tooLarge := new(http.MaxBytesError); errors.As(err, &tooLarge) {
		http.Error(w, "This form is too large.", http.StatusRequestEntityTooLarge)
		return
	}
	if errors.Is(err, errDropped) {
		http.Error(w, "Your browser has not kept the cookie of this site, because the page came over plain http. Please use https.",
			http.StatusForbidden)
		return
	}
	http.Error(w, "This form has expired, or it is not from this site. Reload the page and try again.", http.StatusForbidden)
}

// publicID returns the id of a session that is stored: another can't be found.
func publicID(s *session.Session) string {
	if s == nil || s.IsNew() {
		return ""
	}
	return s.ID()
}

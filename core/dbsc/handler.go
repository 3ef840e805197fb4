package dbsc

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/cloakroom-go/cloakroom/core/internal/doubt"
	"github.com/cloakroom-go/cloakroom/core/internal/httpfield"
	"github.com/cloakroom-go/cloakroom/core/session"
)

// The header fields of the draft.
const (
	fieldRegistration = "Secure-Session-Registration"
	fieldResponse     = "Secure-Session-Response"
	fieldChallenge    = "Secure-Session-Challenge"
	fieldID           = "Sec-Secure-Session-Id"
)

// Handler returns a handler that answers what browsers send to [Options].Path by
// themselves, and hands all other requests to next. It stands within
// [session.Manager.Handler], around the whole site, and outside of what asks for a token
// in each POST:
//
//	sessions.Handler(binder.Handler(protection.Handler(mux)))
//
// No request of next costs anything.
func (b *Binder) Handler(next http.Handler) http.Handler {
	own := b.sessions.Handler(http.HandlerFunc(b.answer))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == b.opts.Path {
			b.serve(w, r, own)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// serve keeps off what no browser sends before the session is looked at.
func (b *Binder) serve(w http.ResponseWriter, r *http.Request, own http.Handler) {
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("Cross-Origin-Resource-Policy", "same-origin") // nobody learns from the time it takes who is signed in
	h.Set("X-Content-Type-Options", "nosniff")
	switch {
	case r.Method != http.MethodPost:
		h.Set("Allow", http.MethodPost)
		http.Error(w, "Only browsers come here, with POST.", http.StatusMethodNotAllowed)
	case r.ContentLength > 0:
		h.Set("Connection", "close") // nobody reads it
		http.Error(w, "A proof comes in the header.", http.StatusRequestEntityTooLarge)
	default:
		own.ServeHTTP(w, r)
	}
}

// answer registers a key, or refreshes the cookie of one.
func (b *Binder) answer(w http.ResponseWriter, r *http.Request) {
	s, err := b.sessions.Get(r)
	switch {
	case errors.Is(err, session.ErrSkipped): // the browser keeps its key
		err = b.reject(r, nil, http.StatusServiceUnavailable, err)
	case err != nil:
	case len(r.Header.Values(fieldID)) == 0:
		err = b.register(w, r, loginOf(s))
	default:
		err = b.refresh(w, r, s, loginOf(s))
	}
	refused := new(refusal)
	switch {
	case err == nil:
	case errors.As(err, &refused):
		doubt.Request(r.Context(), b.sessions)
		http.Error(w, http.StatusText(refused.status), refused.status)
	default:
		b.sessions.Fail(w, r, err)
	}
}

// A refusal is an error with the status that its response has.
type refusal struct {
	status int
	err    error
}

func (e *refusal) Error() string { return e.err.Error() }
func (e *refusal) Unwrap() error { return e.err }

// reject refuses a proof.
func (b *Binder) reject(r *http.Request, l *login, status int, err error) error {
	b.log().InfoContext(r.Context(), "dbsc: proof refused", "session", l.id(), "reason", err)
	b.emit(r.Context(), l, EventProofRefused, err)
	return &refusal{status, err}
}

var (
	errField     = errors.New("header field is neither a String nor bare")
	errNoSession = errors.New("nobody is signed in")
	errOffer     = errors.New("challenge is none of this login's, or too old")
	errTaken     = errors.New("login is bound already")
	errStale     = errors.New("challenge was used, or is too old")
	errNotBound  = errors.New("identifier is none of this login's")
	errActing    = errors.New("somebody acts: the key is that of their own session")
	errQuiet     = errors.New("ticket is not good for its session, which may go on")
	errSignature = errors.New("signature does not verify")
)

// field returns the value of a header field that holds a String, as the draft has it. What
// these fields hold needs no quotes, and Chromium 156 sends a proof without.
func field(r *http.Request, name string) (string, error) {
	lines := r.Header.Values(name)
	if len(lines) != 1 || len(lines[0]) > maxField {
		return "", fmt.Errorf("%s: %w", name, errField)
	}
	if strings.Trim(lines[0], bareChars) == "" && lines[0] != "" {
		return lines[0], nil
	}
	value, ok := httpfield.ParseString(lines[0])
	if !ok {
		return "", fmt.Errorf("%s: %w", name, errField)
	}
	return value, nil
}

// bareChars are those of base64url, and the dot between its parts.
const bareChars = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_."

// maxField bounds the work on a request: with an RSA key of 4096 bits, a proof takes
// about 3,000 bytes.
const maxField = 8 << 10

// instructions are what the browser is told of a bound session. No other site may have it
// refresh (allowed_refresh_initiators): it would do so without the session's cookie.
type instructions struct {
	ID          string       `json:"session_identifier"`
	RefreshURL  string       `json:"refresh_url"`
	Scope       scope        `json:"scope"`
	Credentials []credential `json:"credentials"`
}

type scope struct {
	IncludeSite bool `json:"include_site"`
}

type credential struct {
	Type       string `json:"type"`
	Name       string `json:"name"`
	Attributes string `json:"attributes"`
}

// instruct tells the browser what it has to know of a bound session.
func (b *Binder) instruct(w http.ResponseWriter, l *login, key *binding) error {
	text, err := json.Marshal(instructions{
		ID: l.identifier(key), RefreshURL: b.opts.Path,
		Credentials: []credential{{"cookie", b.cookie.Name, b.attributes()}},
	})
	if err != nil {
		return fmt.Errorf("dbsc: instructions: %w", err)
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(text) // a visitor who has gone needs no answer
	return nil
}

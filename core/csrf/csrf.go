package csrf

import (
	"errors"
	"fmt"
	"html/template"
	"log/slog"
	"net/http"

	"github.com/cloakroom-go/cloakroom/core/internal/httpfield"
	"github.com/cloakroom-go/cloakroom/core/session"
)

// Defaults of [Options].
const (
	DefaultFieldName  = "csrf_token"
	DefaultHeaderName = "X-CSRF-Token"
	DefaultMaxForm    = 10 << 20
)

// Options configure a [Protection]. The zero value is a good choice.
type Options struct {
	// FieldName is the name of the form field that carries the token. "" means
	// DefaultFieldName.
	FieldName string

	// HeaderName is the name of the header field that carries the token, for requests
	// that a script makes. If a request has it, the form is not looked at. "" means
	// DefaultHeaderName.
	HeaderName string

	// MaxForm is how many bytes of a request's body are read in search of the token, at
	// most. A form that is larger needs the token in the header. 0 means DefaultMaxForm.
	MaxForm int64

	// Logger receives one line for each request that is refused, with the reason and the
	// session's public id, but no token. If nil, it is slog.Default at the time of
	// logging.
	Logger *slog.Logger

	// ErrorHandler answers a request that is refused. err is an ErrMissing or an
	// ErrMismatch. The request's session is at hand: a page that shows the form again,
	// with what was typed in and a fresh token, is kinder than an error. If nil, the
	// response is a short plain text with status 403, or 413 if the form is larger than
	// MaxForm.
	ErrorHandler func(w http.ResponseWriter, r *http.Request, err error)
}

// withDefaults returns o with defaults in the place of zeros, or an error that
// says which option can't work.
func (o Options) withDefaults() (Options, error) {
	if o.FieldName == "" {
		o.FieldName = DefaultFieldName
	}
	if o.HeaderName == "" {
		o.HeaderName = DefaultHeaderName
	}
	if !httpfield.IsToken(o.HeaderName) {
		return o, fmt.Errorf("csrf: Options.HeaderName %q is no name of a header field", o.HeaderName)
	}
	if o.MaxForm < 0 {
		return o, fmt.Errorf("csrf: Options.MaxForm is %d; leave it 0 for the default", o.MaxForm)
	}
	if o.MaxForm == 0 {
		o.MaxForm = DefaultMaxForm
	}
	if o.ErrorHandler == nil {
		o.ErrorHandler = forbid
	}
	return o, nil
}

// A Protection gives out tokens and asks for them. It is safe for concurrent
// use.
type Protection struct {
	sessions *session.Manager
	opts     Options
	input    string // the hidden field up to the token
}

// New returns a Protection whose tokens belong to the sessions of a Manager. It
// returns an error that says what to do if an option can't work.
func New(sessions *session.Manager, o Options) (*Protection, error) {
	if sessions == nil {
		return nil, errors.New("csrf: New: sessions is nil; session.New makes a Manager")
	}
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	input := `<input type="hidden" name="` + template.HTMLEscapeString(o.FieldName) + `" value="`
	return &Protection{sessions: sessions, opts: o, input: input}, nil
}

// Token returns a token for the session of r, another text at each call. All of them are
// good, any number of times, until the session ends or Authenticate is called.
//
// A new session is stored at once. That needs a cookie: call Token before the first byte
// of the response is written. Otherwise the error is session.ErrHeaderSent. Other errors
// are those of [session.Manager.Get] and [session.Session.Commit]: hand them to
// [session.Manager.Fail].
func (p *Protection) Token(r *http.Request) (string, error) {
	s, err := p.sessions.Get(r)
	if err != nil {
		return "", fmt.Errorf("csrf: %w", err)
	}
	token := mask(s.Secret(purpose))
	if s.IsNew() { // a form whose token can't work had better not be shown
		if err := s.Commit(r.Context()); err != nil {
			return "", fmt.Errorf("csrf: %w", err)
		}
	}
	return token, nil
}

// Field returns a hidden form field with a token, under the rules of
// [Protection.Token]. Give it to a template as a value, or give the method to the template
// as a function, to be called with the request:
//
//	template.New("page").Funcs(template.FuncMap{"csrfField": protection.Field})
func (p *Protection) Field(r *http.Request) (template.HTML, error) {
	token, err := p.Token(r)
	if err != nil {
		return "", err
	}
	return template.HTML(p.input + token + `">`), nil //nolint:gosec // the name is escaped, the token is base64url
}

// purpose sets the secret apart from others that the session has.
const purpose = "csrf"

package dbsc

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/cloakroom-go/cloakroom/core/session"
)

// Defaults of [Options].
const (
	DefaultPath     = "/device-bound"
	DefaultLifetime = 10 * time.Minute
)

// maxLifetime keeps a copied cookie from being good for long.
const maxLifetime = time.Hour

// Options configure a [Binder]. The zero value is a good choice.
type Options struct {
	// Path is where the browser registers its key, and proves that it has it. The
	// Binder's Handler answers it, and nobody else gets its requests. "" means
	// DefaultPath.
	Path string

	// Lifetime is how long a browser keeps the bound cookie before it has to prove
	// again that it has the key. Clocks of servers may differ by half of it, so a
	// copied cookie is good for one and a half Lifetimes at most. It is at least a
	// second and at most an hour; Chromium limits how often it signs, so it had better
	// be minutes. 0 means DefaultLifetime.
	Lifetime time.Duration

	// Logger receives one line for each request and each proof that is refused, with
	// the reason and the session's public id. No cookie, key, challenge or proof is
	// logged. If nil, it is slog.Default at the time of logging.
	Logger *slog.Logger

	// OnEvent is told what happens to bound sessions. It is called by the goroutine of
	// the request, possibly by several at once, and the response waits for as long as
	// it runs. If nil, events are discarded.
	OnEvent func(context.Context, Event)
}

// withDefaults returns o with defaults in the place of zeros, or an error that
// says which option can't work.
func (o Options) withDefaults() (Options, error) {
	if o.Path == "" {
		o.Path = DefaultPath
	}
	if o.Lifetime == 0 {
		o.Lifetime = DefaultLifetime
	}
	if o.Path[0] != '/' || o.Path == "/" || strings.Trim(o.Path, pathChars) != "" {
		return o, fmt.Errorf("dbsc: Options.Path %q must begin with / and hold nothing but letters, digits and -._~/", o.Path)
	}
	if o.Lifetime < time.Second || o.Lifetime > maxLifetime {
		return o, fmt.Errorf("dbsc: Options.Lifetime is %v; it must be from a second to %v, or 0 for the default", o.Lifetime, maxLifetime)
	}
	return o, nil
}

// pathChars are those of a path that are the same in every spelling (RFC 3986, 2.3).
const pathChars = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~/"

// A Binder binds sessions to the devices of their visitors. It is safe for
// concurrent use.
type Binder struct {
	sessions *session.Manager
	opts     Options
	cookie   http.Cookie // the bound cookie, without a value
}

// New returns a Binder for the sessions of a Manager. It returns an error that says
// what to do if an option can't work, or if the Manager's cookie is not one that can be
// bound: it has to be Secure, for all paths of one host, and not Partitioned.
func New(sessions *session.Manager, o Options) (*Binder, error) {
	if sessions == nil {
		return nil, errors.New("dbsc: New: sessions is nil; session.New makes a Manager")
	}
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	c, err := sessions.Cookie()
	if err != nil {
		return nil, fmt.Errorf("dbsc: New: sessions: %w; browsers bind a session that a store keeps and a cookie names", err)
	}
	switch {
	case c.Insecure:
		return nil, errors.New("dbsc: New: the session's cookie is Insecure; browsers bind sessions over https only")
	case c.Domain != "" || c.Path != "/":
		return nil, errors.New("dbsc: New: the session's cookie has a Domain, or a Path but /; the bound cookie goes to all of one host")
	case c.Partitioned:
		return nil, errors.New("dbsc: New: the session's cookie is Partitioned; browsers bind no such cookie")
	}
	return &Binder{sessions: sessions, opts: o, cookie: boundCookie(c)}, nil
}

// Policy describes in one line how sessions are bound. It completes
// [session.Manager.Policy], and holds no secret.
func (b *Binder) Policy() string {
	return fmt.Sprintf("%-18scookie %s, proved anew every %v, by browsers that can\n", "bound to device:", b.cookie.Name, b.opts.Lifetime)
}

func (b *Binder) log() *slog.Logger {
	if b.opts.Logger != nil {
		return b.opts.Logger
	}
	return slog.Default()
}

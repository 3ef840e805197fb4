package session

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"reflect"
	"slices"
	"time"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// Defaults of [Options]. The timeouts are those of NIST SP 800-63B-4, 2.2.3
// (authentication assurance level 2).
const (
	DefaultIdleTimeout     = time.Hour
	DefaultAbsoluteTimeout = 24 * time.Hour
	DefaultRenewGrace      = 30 * time.Second
	DefaultStoreTimeout    = 5 * time.Second
	DefaultOnceTimeout     = 10 * time.Second
	DefaultWatchEvery      = 5 * time.Second
	DefaultMaxSize         = 256 << 10
)

// NoTimeout switches off one of [Options].IdleTimeout and AbsoluteTimeout. The other
// one must stay. It is an explicit choice, which an application documents (ASVS 7.1.1).
const NoTimeout = time.Duration(1<<63 - 1)

// Options configure a [Manager]. Keys is the only field that must be set.
type Options struct { //nolint:recvcheck // Format is for values, too
	// Keys sign the visitors' tickets: the first one signs, all verify. Each has at
	// least MinKeyLen bytes. GenerateKey makes one, and ParseKeys reads them from
	// text. They are secrets, the same in every process.
	//
	// To replace a key, first add the new one at the end, in every process: a process that
	// lacks it takes its tickets for forged, and their visitors are signed out. Then put it
	// in front. Remove the old key after AbsoluteTimeout, or after the longest
	// Session.Remember.
	Keys [][]byte

	// Signer signs in the place of Keys, by a key management service for instance.
	// Set one of the two.
	Signer Signer

	// Sealer, if it is set, encrypts what a session holds before the store gets it.
	// NewSealer makes one. Whoever reads the backend, or a copy of it, learns whose
	// session it is and when it ends, but none of its values. Whoever writes to the
	// backend can change neither the values nor the subject.
	//
	// Records that were stored without it, or under a key that was removed, don't
	// open, and are not read in any other way. Nothing is stored for their visitors until
	// they sign in or out.
	Sealer Sealer

	// Cookie describes the cookie that carries the ticket.
	Cookie Cookie

	// Header, if it is set, names the header field that carries the ticket instead of
	// the cookie, for clients that are no browsers. Authorization means the Bearer
	// scheme (RFC 6750, 2.1). The response hands out a new ticket in the field of the
	// same name, or in Session-Ticket if it is Authorization. An empty field tells the
	// client to forget its ticket. See Session.Ticket as well. Browsers don't send
	// such a field by themselves, so it needs no protection against cross-site request
	// forgery.
	Header string

	// Skip lists rules. A request to which one of them applies has no session: Get
	// returns ErrSkipped, and neither the store nor the cookie is touched. See
	// SkipHeader and SkipPath.
	Skip []func(*http.Request) bool

	// Passive lists rules. A request to which one of them applies does not extend its
	// session: polling, or a banner that says how long the session will last, must not
	// keep it alive. The request may read and change the session like any other. See
	// SkipHeader, SkipPath and Speculative.
	Passive []func(*http.Request) bool

	// Binding ends a session that comes from another browser or network than it
	// began in. The zero value binds to nothing.
	Binding Binding

	// IdleTimeout is how long a session may go unused before it expires (ASVS
	// 7.3.1). It is at most AbsoluteTimeout. 0 means DefaultIdleTimeout; NoTimeout leaves
	// only AbsoluteTimeout.
	IdleTimeout time.Duration

	// AbsoluteTimeout is how long a session lives after it was created, or its visitor
	// last authenticated, however busy it is (ASVS 7.3.2). 0 means
	// DefaultAbsoluteTimeout; NoTimeout leaves only IdleTimeout.
	AbsoluteTimeout time.Duration

	// TouchInterval saves writes: reading a session extends it in the store only if
	// that moves its expiry by at least this much. So a session may expire up to
	// TouchInterval too early, counted from when it was last read. It is less than
	// IdleTimeout. 0 means a tenth of that.
	TouchInterval time.Duration

	// RenewEvery is how long a signed-in visitor uses one ticket before a response
	// hands out the next. It limits how long a ticket that leaked is good. The old
	// ticket is retired when the visitor first presents the new one, because the
	// answer that brings it may be lost. 0 means never. RenewEvery has to be longer
	// than RenewGrace.
	//
	// When the signing key or an attribute of the cookie has changed, the ticket is
	// replaced in the same way, also if RenewEvery is 0.
	RenewEvery time.Duration

	// RenewGrace is how long a retired ticket stays valid, for requests that were on
	// their way when the visitor presented the next one. It is also the least time
	// between two tickets that RenewEvery hands out. 0 means DefaultRenewGrace.
	RenewGrace time.Duration

	// MaxSessions is the most live sessions that one subject may have (ASVS 7.1.2),
	// also when logins come at the same moment. When Authenticate makes one more, the
	// session whose login is the longest ago ends; see RefuseNew. The store has to be a
	// SubjectIndex, and a login fails if it can't list. 0 means that there is no limit.
	MaxSessions int

	// RefuseNew refuses a login when its subject has MaxSessions already, instead of
	// ending an older session: the commit fails with ErrTooManySessions. Of logins at
	// the same moment, more may be refused than necessary. A change that another request
	// makes in the anonymous session waits until the login is refused or stands; if that
	// takes too long, or the request had found the session empty by then, the commit fails
	// and may be tried again.
	RefuseNew bool

	// StoreTimeout is how long a load, a commit with all its retries, or a method of
	// the Manager waits for the store. It is at most an hour. 0 means
	// DefaultStoreTimeout. A client that goes away interrupts neither the load of its
	// session nor the commit before the header, for drivers close the connection of a call
	// that is interrupted. A method that is given a context gives up when that is done.
	StoreTimeout time.Duration

	// OnceTimeout is how long a function that Key.Once was given may take, and so how
	// long a process that dies meanwhile holds up others. 0 means DefaultOnceTimeout.
	OnceTimeout time.Duration

	// WatchEvery is how often the store is asked whether a session has ended for which a
	// request has called Session.WatchContext: one Load for each ticket. It may be long if the
	// store is a Watcher, for asking then only finds what was not reported. 0 means
	// DefaultWatchEvery.
	WatchEvery time.Duration

	// Readable leaves out the encryption with NewCookieOnly. The visitor, and whoever
	// sees the cookie, can read what the session holds, but not change it. That
	// includes what Session.Secret derives from, and the authentication hash.
	Readable bool

	// MaxSize is the most bytes that a session may have when it is encoded. If it has
	// more, its commit fails with ErrTooLarge. 0 means DefaultMaxSize. A store may have
	// a lower limit.
	MaxSize int

	// Codec encodes the values. If nil, it is JSON.
	Codec Codec

	// Logger receives what goes wrong. It names sessions by their public id. No ticket,
	// no token and no value is logged. If nil, it is slog.Default at the time of
	// logging.
	Logger *slog.Logger

	// OnEvent is told what happens to sessions, for metrics, audit logs or alarms. It
	// is called after the fact, possibly by several goroutines at once: those of requests,
	// of whoever called the Manager, and the one of Session.WatchContext. The response waits
	// for as long as it runs. Its context does not lead to the session of the request. If two
	// requests end a session at the same time, OnEvent is told of both. If nil, events are
	// discarded.
	OnEvent func(context.Context, Event)

	// ErrorHandler writes the response when a session can't be loaded or saved; see
	// Manager.Fail. Nothing of the handler's response has been sent. Header fields that
	// describe that response, or change what the browser keeps, are removed: Content-*,
	// Cache-Control, Clear-Site-Data, Location, Set-Cookie and the like. Others stay,
	// security policies for instance. An ErrorHandler sets Cache-Control: no-store
	// itself, and Retry-After if it wants it. It has to write a status: where it writes
	// nothing, net/http answers 200, and the visitor takes the request for done. If nil,
	// the response is a short plain text with the status that StatusCode gives.
	ErrorHandler func(w http.ResponseWriter, r *http.Request, err error)
}

// Format implements [fmt.Formatter]: Options that are printed, or logged, show no key.
func (o Options) Format(f fmt.State, verb rune) {
	type plain Options // without this method
	o.Keys = nil
	_, _ = fmt.Fprintf(f, fmt.FormatString(f, verb), plain(o))
}

// withDefaults returns o with defaults in the place of zeros, or an error that
// says which option can't work.
func withDefaults(o Options) (Options, error) {
	setDefault(&o.IdleTimeout, DefaultIdleTimeout)
	setDefault(&o.AbsoluteTimeout, DefaultAbsoluteTimeout)
	setDefault(&o.StoreTimeout, DefaultStoreTimeout)
	setDefault(&o.OnceTimeout, DefaultOnceTimeout)
	setDefault(&o.WatchEvery, DefaultWatchEvery)
	setDefault(&o.MaxSize, DefaultMaxSize)
	if o.Codec == nil {
		o.Codec = JSON
	}
	if o.IdleTimeout != NoTimeout {
		setDefault(&o.TouchInterval, o.IdleTimeout/touchFraction)
	}
	setDefault(&o.RenewGrace, DefaultRenewGrace)
	if err := o.check(); err != nil {
		return o, err
	}
	o.Binding.TrustedProxies = slices.Clone(o.Binding.TrustedProxies)
	o.Skip, o.Passive = slices.Clone(o.Skip), slices.Clone(o.Passive)
	var err error
	if o.Signer, err = o.signer(); err != nil {
		return o, err
	}
	o.Keys = nil // what is printed of a Manager holds no secret
	if o.Header, err = checkHeader(o.Header); err != nil {
		return o, err
	}
	o.Cookie, err = o.Cookie.withDefaults()
	return o, err
}

// touchFraction of an idle timeout is what reads within save in writes.
const touchFraction = 10

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

func (o *Options) signer() (Signer, error) {
	switch {
	case o.Signer != nil && o.Keys != nil:
		return nil, errors.New("session: both Options.Keys and Options.Signer are set; leave one out")
	case o.Signer != nil:
		return o.Signer, nil
	}
	s, err := NewSigner(o.Keys...)
	if err != nil {
		return nil, fmt.Errorf("session: Options.Keys: %w", err)
	}
	return s, nil
}

func (o *Options) check() error {
	switch {
	case o.MaxSize < 0:
		return fmt.Errorf("session: Options.MaxSize is %d; leave it 0 for the default", o.MaxSize)
	case o.MaxSessions < 0:
		return fmt.Errorf("session: Options.MaxSessions is %d; leave it 0 for no limit", o.MaxSessions)
	case o.RefuseNew && o.MaxSessions == 0:
		return errors.New("session: Options.RefuseNew without MaxSessions; set a limit or leave it out")
	case o.Header != "" && o.Cookie != Cookie{}:
		return errors.New("session: both Options.Header and Options.Cookie are set; a ticket travels in one of them; make two Managers")
	}
	for name, rules := range map[string][]func(*http.Request) bool{"Skip": o.Skip, "Passive": o.Passive} {
		if i := slices.IndexFunc(rules, func(rule func(*http.Request) bool) bool { return rule == nil }); i >= 0 {
			return fmt.Errorf("session: Options.%s[%d] is nil", name, i)
		}
	}
	if err := o.Binding.check(); err != nil {
		return err
	}
	return o.checkTimes()
}

// checkStore refuses what would be refused of every request.
func (o *Options) checkStore(store Store) error {
	if o.Readable {
		return errors.New("session: Options.Readable is for NewCookieOnly; a store's records are readable unless Sealer is set")
	}
	if _, ok := sessionstore.As[sessionstore.SubjectIndex](store); !ok && o.MaxSessions > 0 {
		return fmt.Errorf("session: Options.MaxSessions: %w: %T is no SubjectIndex", ErrUnsupported, store)
	}
	return nil
}

const (
	maxStoreTimeout = time.Hour

	// minTimeout is over what seconds or minutes are without their unit, and under what
	// anybody means.
	minTimeout = time.Millisecond
)

func (o *Options) checkTimes() error {
	for _, t := range []struct {
		name  string
		value time.Duration
	}{
		{"IdleTimeout", o.IdleTimeout},
		{"AbsoluteTimeout", o.AbsoluteTimeout},
		{"TouchInterval", o.TouchInterval},
		{"StoreTimeout", o.StoreTimeout},
		{"OnceTimeout", o.OnceTimeout},
		{"WatchEvery", o.WatchEvery},
		{"RenewEvery", o.RenewEvery},
		{"RenewGrace", o.RenewGrace},
	} {
		if t.value < 0 {
			return fmt.Errorf("session: Options.%s is negative (%v); leave it 0 for the default", t.name, t.value)
		}
	}
	for name, t := range map[string]time.Duration{"IdleTimeout": o.IdleTimeout, "AbsoluteTimeout": o.AbsoluteTimeout} {
		if t < minTimeout {
			return fmt.Errorf("session: Options.%s is %v, under %v; if seconds are meant, write %d*time.Second", name, t, minTimeout, t)
		}
	}
	switch {
	case o.StoreTimeout > maxStoreTimeout:
		return fmt.Errorf("session: Options.StoreTimeout (%v) is over %v; a request would wait as long for a store that hangs",
			o.StoreTimeout, maxStoreTimeout)
	case o.IdleTimeout == NoTimeout && o.AbsoluteTimeout == NoTimeout:
		return errors.New("session: Options.IdleTimeout and AbsoluteTimeout are both NoTimeout; a session must end some time")
	case o.RenewEvery != 0 && o.RenewEvery <= o.RenewGrace:
		return fmt.Errorf("session: Options.RenewEvery (%v) must be over RenewGrace (%v)", o.RenewEvery, o.RenewGrace)
	case o.IdleTimeout == NoTimeout:
		return nil
	case o.IdleTimeout > o.AbsoluteTimeout:
		return fmt.Errorf("session: Options.IdleTimeout (%v) is over AbsoluteTimeout (%v); lower it or set it to NoTimeout",
			o.IdleTimeout, o.AbsoluteTimeout)
	case o.TouchInterval >= o.IdleTimeout:
		return fmt.Errorf("session: Options.TouchInterval (%v) must be under IdleTimeout (%v), or sessions in use would end",
			o.TouchInterval, o.IdleTimeout)
	}
	return nil
}

// isNil also finds a nil pointer in an interface, the usual result of an
// ignored error.
func isNil(s Store) bool {
	if s == nil {
		return true
	}
	v := reflect.ValueOf(s)
	return v.Kind() == reflect.Pointer && v.IsNil()
}

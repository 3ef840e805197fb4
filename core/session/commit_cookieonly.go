package session

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// NewCookieOnly returns a Manager that needs no store: what a session holds travels in
// its cookie. It is encrypted under [Options].Keys, or by Options.Sealer if that is set.
// With Options.Readable it is only signed, by Keys or Options.Signer.
//
// Timeouts are kept, because the times travel along. A server without a memory can't do
// everything:
//
//   - Nothing is revoked. After Destroy or Authenticate the browser forgets the
//     old cookie, but a copy of it works until its timeouts.
//   - There is no update protection: of two requests at the same time, the
//     answer that arrives last wins, and the other one's change is lost.
//   - Name and value have at most 4096 bytes together (RFC 6265bis, 5.6); above
//     that a commit fails with [ErrTooLarge].
//   - Renew and the methods that list or end sessions give
//     [ErrUnsupported]; RenewEvery and MaxSessions are refused here.
//
// Every change sends the cookie again, so it has to be made before the response
// header leaves; after that Commit returns [ErrHeaderSent].
func NewCookieOnly(o Options) (*Manager, error) {
	switch {
	case o.Header != "":
		return nil, errors.New("session: NewCookieOnly: Options.Header has no cookie to keep the session in")
	case o.RenewEvery != 0:
		return nil, fmt.Errorf("session: NewCookieOnly: Options.RenewEvery: %w: there is no id to renew", ErrUnsupported)
	case o.RenewGrace != 0:
		return nil, fmt.Errorf("session: NewCookieOnly: Options.RenewGrace: %w: no ticket is ever retired", ErrUnsupported)
	case o.MaxSessions != 0:
		return nil, fmt.Errorf("session: NewCookieOnly: Options.MaxSessions: %w: nobody knows the sessions", ErrUnsupported)
	case o.Readable && o.Sealer != nil:
		return nil, errors.New("session: NewCookieOnly: both Options.Readable and Options.Sealer are set; leave one out")
	case !o.Readable && o.Signer != nil:
		return nil, errors.New("session: NewCookieOnly: Options.Signer is used with Readable only; use Sealer")
	}
	keys := o.Keys
	if o.Sealer != nil {
		if keys != nil {
			return nil, errors.New("session: NewCookieOnly: both Options.Keys and Options.Sealer are set; leave one out")
		}
		o.Keys = [][]byte{GenerateKey()} // nothing is signed
	}
	o, err := withDefaults(o)
	if err != nil {
		return nil, err
	}
	if o.Sealer == nil && !o.Readable {
		if o.Sealer, err = NewSealer(keys...); err != nil {
			return nil, fmt.Errorf("session: Options.Keys: %w", err)
		}
	}
	m := &Manager{opts: o, purpose: "session in " + o.carrier(), plainHTTP: new(atomic.Bool)}
	m.carrier, m.attrs = o.carrierKey(), o.Cookie.attributes(0)
	return m, nil
}

// A sealed ticket is base64url of what the Sealer made; one that is only signed
// is the data, a point and the signature, each in base64url. The time of expiry
// is under the seal as well.

// open finds the session that travels in a ticket.
func (f *found) open(m *Manager, p *presented) error {
	*f = found{}
	expires, err := m.unpack(p.ticket, &f.view.state)
	switch {
	case errors.Is(err, sessionstore.ErrCorrupt):
		err = fmt.Errorf("%w: %w: %w", ErrNotFound, errForged, err)
	case err != nil: // an outage of the Sealer's is no logout
		err = fmt.Errorf("session: opening: %w", err)
	default:
		f.view.rights = f.view.tickets[0].rights
		if now := wallNow(); now.Before(expires) && !m.over(&f.view, now) {
			f.stored = f.view.stored("", sessionstore.Record{Expires: expires})
			f.verdict = verdict{standing: good, rights: f.view.rights}
			return nil
		}
	}
	*f = found{}
	return err
}

// unpack decodes what a ticket carries, into an empty state.
func (m *Manager) unpack(ticket string, st *state) (expires time.Time, err error) {
	if len(m.opts.Cookie.Name)+len(ticket) > maxCookieSize {
		return expires, fmt.Errorf("%w: %d bytes", sessionstore.ErrCorrupt, len(ticket))
	}
	data, err := m.unwrap(ticket)
	if err != nil {
		return expires, err
	}
	content := decoder{b: data[:min(8, len(data))]}
	if err := content.time(&expires); err != nil {
		return expires, err
	}
	return expires, st.decode(sessionstore.Record{Data: data[8:]})
}

func (m *Manager) unwrap(ticket string) ([]byte, error) {
	text, sig, _ := strings.Cut(ticket, string(ticketSep))
	if !m.opts.Readable {
		text, sig = ticket, ""
	}
	data, err := decodeText(text)
	if err != nil {
		return nil, err
	}
	if !m.opts.Readable {
		return m.opts.Sealer.Open(m.purpose, data)
	}
	mac, err := decodeText(sig)
	if err != nil {
		return nil, err
	}
	if !m.opts.Signer.Verify(m.purpose, data, mac) {
		return nil, fmt.Errorf("%w: signature does not verify", sessionstore.ErrCorrupt)
	}
	return data, nil
}

// decodeText decodes base64url without the line breaks that the decoder would
// skip.
func decodeText(text string) ([]byte, error) {
	data, err := b64.DecodeString(text)
	if err != nil || b64.EncodedLen(len(data)) != len(text) {
		return nil, errNotBase64
	}
	return data, nil
}

// errForged says that we did not make a ticket, or under a key that was removed.
var errForged = errors.New("session: ticket does not open")

var errNotBase64 = fmt.Errorf("%w: not base64url", sessionstore.ErrCorrupt)

func (m *Manager) pack(v *view, expires time.Time) (string, error) {
	v.count++ // tells which of two cookies is newer
	st := v.state
	st.tickets = []entry{{rights: v.rights, offered: v.count}} // no list: it says what the cookie is good for
	var end [8]byte
	binary.BigEndian.PutUint64(end[:], uint64(expires.UnixNano()))
	data := st.append(end[:])
	data = appendField(data, tagSubject, []byte(st.subject))
	if len(data) > m.opts.MaxSize {
		return "", fmt.Errorf("%w: %d bytes, Options.MaxSize is %d", ErrTooLarge, len(data), m.opts.MaxSize)
	}
	var ticket string
	if m.opts.Readable {
		ticket = b64.EncodeToString(data) + string(ticketSep) + b64.EncodeToString(m.opts.Signer.Sign(m.purpose, data))
	} else {
		sealed, err := m.opts.Sealer.Seal(m.purpose, data)
		if err != nil {
			return "", fmt.Errorf("session: sealing: %w", err)
		}
		ticket = b64.EncodeToString(sealed)
	}
	if n := len(m.opts.Cookie.Name) + len(ticket); n > maxCookieSize {
		return "", fmt.Errorf("%w: the cookie has %d bytes with its name, the limit is %d", ErrTooLarge, n, maxCookieSize)
	}
	return ticket, nil
}

// seal is run for a session that travels in its cookie.
func (c *commit) seal(ctx context.Context) error {
	if err := c.forget(); err != nil {
		return err
	}
	switch {
	case c.err != nil:
		return c.err
	case c.quiet && c.wants.login == "" && len(c.changes) > 0:
		return c.ticket.over(c.quiet)
	case c.stored == nil && (len(c.changes) == 0 || c.view.empty()):
		return nil
	case len(c.changes) == 0 && (!c.s.touchDue(&c.view, c.ticket, c.stored, wallNow()) || c.s.x.answerable() != nil):
		return nil //nolint:nilerr // the next request extends it
	}
	if err := c.s.x.answerable(); err != nil {
		return err
	}
	now := wallNow()
	c.view.tickets = nil // the cookie that is replaced is no other ticket
	expires := c.expires(&c.view, ticketHash{}, now)
	switch {
	case c.stored != nil && !now.Before(c.stored.expires):
		return errEnded
	case !now.Before(expires):
		return errPast
	}
	ticket, err := c.m.pack(&c.view, expires)
	switch {
	case err != nil && len(c.changes) == 0:
		c.notExtended(ctx, err)
		return nil
	case err != nil:
		return err
	}
	c.sealed()
	c.ticket.ticket, c.cookie, c.wants, c.saved = ticket, cookieSet, wants{}, true
	c.view.tickets = []entry{{rights: c.view.rights}}
	c.stored = c.view.stored("", sessionstore.Record{Expires: expires})
	return nil
}

// sealed tells what has happened to a session that travels in its cookie.
func (c *commit) sealed() {
	switch {
	case c.stored == nil:
		c.event(c.view.event(EventCreated))
	case c.stored.publicID != c.view.id:
		c.event(c.stored.over(EndReplaced))
	}
	if c.wants.login != "" {
		c.event(c.view.event(EventAuthenticated))
	}
}

// forget takes the cookie back of a session that travels in it and has ended.
func (c *commit) forget() error {
	if !c.wants.unset && len(c.doomed) == 0 {
		return nil
	}
	if c.s.x.answerable() != nil {
		return ErrHeaderSent
	}
	for i := range c.doomed {
		c.event(c.doomed[i].stored.over(c.doomed[i].reason))
	}
	if c.stored == nil { // else the visitor has brought another session as well
		c.cookie = cookieUnset
	}
	c.doomed, c.wants.unset = nil, false
	return nil
}

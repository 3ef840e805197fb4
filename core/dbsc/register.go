package dbsc

import (
	"bytes"
	"net/http"
	"time"

	"github.com/cloakroom-go/cloakroom/core/internal/httpfield"
	"github.com/cloakroom-go/cloakroom/core/session"
)

// Offer asks the browser to bind the visitor's login to a key. Call it in the request
// that calls [session.Session.Authenticate], before the response header leaves:
//
//	s.Authenticate(account)
//	binder.Offer(w, s)
//
// A browser that can't do that takes no notice. The offer is good for some minutes, and
// for this login only: Renew, StepUp and Reauthenticate keep a binding, and the next login
// needs its own.
//
// Offer does nothing if nobody has signed in within the last minute. On every page it
// would hand the offer to whoever has copied the session's cookie.
func (b *Binder) Offer(w http.ResponseWriter, s *session.Session) {
	l := loginOf(s)
	if l == nil || !s.Fresh(time.Minute) {
		return
	}
	challenge := l.write(purposeOffer, offerUntil(), nil)
	w.Header().Set(fieldRegistration,
		"(ES256 RS256);path="+httpfield.QuoteString(b.opts.Path)+";challenge="+httpfield.QuoteString(challenge))
}

// register stores the key of a browser that has taken an offer. It hands out no cookie: the
// browser proves before its next request that it has got the answer, and knows of the key.
// A cookie of an earlier login would keep it from that.
func (b *Binder) register(w http.ResponseWriter, r *http.Request, l *login) error {
	text, err := field(r, fieldResponse)
	if err != nil {
		return b.reject(r, l, http.StatusBadRequest, err)
	}
	p, err := parseProof(text)
	if err == nil && p.key == nil {
		err = errNoKey
	}
	if err != nil {
		return b.reject(r, l, http.StatusBadRequest, err)
	}
	if l == nil {
		return b.reject(r, l, http.StatusForbidden, errNoSession)
	}
	until, ok := l.read(purposeOffer, p.challenge, time.Now(), nil)
	if !ok {
		return b.reject(r, l, http.StatusForbidden, errOffer)
	}
	if !p.verifies(p.key, p.alg) {
		return b.reject(r, l, http.StatusForbidden, errSignature)
	}
	key := binding{Login: l.tag(), Alg: p.alg, Last: newProof(), At: l.s.Started().UnixNano(), Offer: until.UnixNano()}
	if key.Key, err = marshalKey(p.key); err != nil {
		return b.reject(r, l, http.StatusBadRequest, err)
	}
	l.register(key)
	if err := l.s.Commit(r.Context()); err != nil {
		return err
	}
	stored := l.binding()
	if stored == nil || stored.Seen || !bytes.Equal(stored.Key, key.Key) {
		return b.reject(r, l, http.StatusForbidden, errTaken)
	}
	b.challenge(w, l, stored)
	b.unsetCookie(w)
	return b.instruct(w, l, stored)
}

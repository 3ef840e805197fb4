package dbsc

import (
	"errors"
	"net/http"
	"time"

	"github.com/cloakroom-go/cloakroom/core/internal/httpfield"
	"github.com/cloakroom-go/cloakroom/core/session"
)

// refresh hands out a new cookie to a browser that proves that it has the key.
func (b *Binder) refresh(w http.ResponseWriter, r *http.Request, s *session.Session, l *login) error {
	id, err := field(r, fieldID)
	if err != nil {
		return b.reject(r, l, http.StatusBadRequest, err)
	}
	key, err := bindingOf(s, l, id)
	if err != nil {
		return err
	}
	if len(r.Header.Values(fieldResponse)) == 0 {
		b.challenge(w, l, key)
		return &refusal{http.StatusForbidden, errStale} // how the protocol asks for a proof
	}
	text, err := field(r, fieldResponse)
	if err != nil {
		return b.reject(r, l, http.StatusBadRequest, err)
	}
	p, err := parseProof(text)
	if err == nil && p.key != nil {
		err = errForeignKey
	}
	if err != nil {
		return b.reject(r, l, http.StatusBadRequest, err)
	}
	public, err := unmarshalKey(key.Key)
	if err != nil {
		return err
	}
	if !p.verifies(public, key.Alg) {
		b.challenge(w, l, key)
		return b.reject(r, l, http.StatusForbidden, errSignature)
	}
	if _, ok := l.read(purposeChallenge, p.challenge, time.Now(), []byte(key.Last)); !ok {
		b.challenge(w, l, key)
		return b.reject(r, l, http.StatusForbidden, errStale)
	}
	seen, proof := key.Seen, newProof()
	l.prove(key.Last, proof)
	switch err := l.s.Commit(r.Context()); {
	case errors.Is(err, session.ErrNotFound): // if the session has ended, the browser learns that when it asks again
		return &refusal{http.StatusServiceUnavailable, errQuiet}
	case err != nil:
		return err
	}
	key = l.binding()
	switch {
	case key == nil:
		return &refusal{http.StatusNotFound, errNotBound}
	case key.Last != proof: // another request had the same challenge
		b.challenge(w, l, key)
		return b.reject(r, l, http.StatusForbidden, errStale)
	case !seen:
		b.emit(r.Context(), l, EventBound, nil)
	}
	b.emit(r.Context(), l, EventRefreshed, nil)
	b.challenge(w, l, key)
	b.setCookie(w, l, key)
	return b.instruct(w, l, key)
}

// leadsBack is for how long after a login, or a MoveIn, the browser may get an answer to an earlier
// request whose ticket takes it back to another login. A session hands out no ticket that is older
// than ten minutes.
const leadsBack = 10*time.Minute + clocksDiffer

// bindingOf returns the login's binding, if id names its key, or what becomes of the key
// that the browser has for it.
func bindingOf(s *session.Session, l *login, id string) (*binding, error) {
	if l != nil {
		if key := l.binding(); key != nil && id == l.identifier(key) {
			return key, nil
		}
	}
	switch {
	case s.Actor() != "": // the browser keeps it, for when they come back
		return nil, &refusal{http.StatusServiceUnavailable, errActing}
	case s.ID() == "": // it keeps it as well: the session may go on by another ticket, or be read again
		return nil, &refusal{http.StatusServiceUnavailable, errQuiet}
	case l != nil && time.Since(s.Started()) < leadsBack: // and here
		return nil, &refusal{http.StatusServiceUnavailable, errNotBound}
	default: // the browser forgets it
		return nil, &refusal{http.StatusNotFound, errNotBound}
	}
}

// challenge adds the challenge for the browser's next proof.
func (b *Binder) challenge(w http.ResponseWriter, l *login, key *binding) {
	text := l.write(purposeChallenge, b.challengeUntil(), []byte(key.Last))
	w.Header().Set(fieldChallenge, httpfield.QuoteString(text)+";id="+httpfield.QuoteString(l.identifier(key)))
}

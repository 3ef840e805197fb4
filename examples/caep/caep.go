// Package caep ends sessions when their identity provider says so: it receives
// session-revoked of the OpenID Continuous Access Evaluation Profile 1.0, as a security
// event token (RFC 8417) that the provider pushes (RFC 8935).
package caep

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/cloakroom-go/cloakroom/core/session"
)

const sessionRevoked = "https://schemas.openid.net/secevent/caep/event-type/session-revoked"

// ProviderSession is the provider's id of the session, which the login notes.
var ProviderSession = session.NewKey[string]("provider_sid")

// A Receiver is the endpoint that the provider pushes to.
type Receiver struct {
	Sessions *session.Manager

	// Verify checks the token's type (secevent+jwt: no other token of the provider is an
	// event), signature, issuer and audience with a JOSE library, and returns its claims.
	// An error that wraps ErrUntrusted means that the token is not the provider's. Any
	// other means that nobody can tell now, because the provider's keys can't be had for
	// instance: it is sent again, for a token that is refused is lost.
	Verify func(ctx context.Context, token []byte) (claims []byte, err error)

	// Subject returns the subject of sessions that the provider's subject signs in to.
	Subject func(issuer, subject string) string

	// Owner returns the subject of the session that the provider knows by an id, from a
	// table that the login keeps, or "" if there is none. It is for providers whose events
	// name nothing but the session.
	Owner func(ctx context.Context, providerSession string) (string, error)
}

// ErrUntrusted says that a token is not the provider's.
var ErrUntrusted = errors.New("caep: token is not the provider's")

// claims are those that matter here. The formats of the subject are those of RFC 9493 and
// of the OpenID Shared Signals Framework.
type claims struct {
	SubID struct {
		Format  string `json:"format"`
		Issuer  string `json:"iss"`
		Subject string `json:"sub"`
		ID      string `json:"id"` // of the format "opaque": one session

		// Of the format "complex": the user, and perhaps one session of theirs. A device
		// and the like, which may narrow it down, are not looked at: rather too much ends.
		User struct {
			Issuer  string `json:"iss"`
			Subject string `json:"sub"`
		} `json:"user"`
		Session struct {
			ID string `json:"id"`
		} `json:"session"`
	} `json:"sub_id"`
	Events map[string]json.RawMessage `json:"events"`
}

// maxToken bounds what is read.
const maxToken = 64 << 10

// ServeHTTP implements [http.Handler]. A token that was received before ends nothing
// more, so the provider may send it again.
func (rc *Receiver) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	token, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxToken))
	if err != nil {
		refuse(w, "invalid_request")
		return
	}
	text, err := rc.Verify(r.Context(), token)
	switch {
	case errors.Is(err, ErrUntrusted):
		refuse(w, "authentication_failed")
		return
	case err != nil:
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	var c claims
	if json.Unmarshal(text, &c) != nil {
		refuse(w, "invalid_request")
		return
	}
	if _, ok := c.Events[sessionRevoked]; ok {
		err = rc.end(r.Context(), &c)
	}
	switch {
	case errors.Is(err, errNobody):
		refuse(w, "invalid_request")
	case err != nil: // the store does not answer; the provider sends it again
		w.WriteHeader(http.StatusServiceUnavailable)
	default:
		w.WriteHeader(http.StatusAccepted) // also for events that mean nothing to us
	}
}

var errNobody = errors.New("caep: the event names nobody")

// end ends the session that an event is about, or all of its user's.
func (rc *Receiver) end(ctx context.Context, c *claims) error {
	var issuer, user, sid string
	switch id := &c.SubID; id.Format {
	case "opaque":
		sid = id.ID
	case "complex":
		issuer, user, sid = id.User.Issuer, id.User.Subject, id.Session.ID
	default:
		issuer, user = id.Issuer, id.Subject
	}
	var subject string
	var err error
	switch {
	case user != "":
		subject = rc.Subject(issuer, user)
	case sid == "" || rc.Owner == nil:
		return errNobody
	default:
		subject, err = rc.Owner(ctx, sid)
	}
	if err != nil || subject == "" { // nobody has such a session any more
		return err
	}
	_, err = rc.Sessions.EndIf(ctx, subject, func(i session.Info) bool {
		at, _ := ProviderSession.From(i)
		return sid == "" || at == sid
	})
	return err
}

// descriptions tell whoever runs the provider what the codes mean here.
var descriptions = map[string]string{
	"invalid_request":       "The body is no security event token, or its event names nobody that is known here.",
	"authentication_failed": "The token is not one of a provider that is known here.",
}

// refuse answers with an error of RFC 8935, 2.3 and 2.4.
func refuse(w http.ResponseWriter, code string) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Language", "en")
	w.WriteHeader(http.StatusBadRequest)
	_, _ = fmt.Fprintf(w, "{\"err\": %q, \"description\": %q}\n", code, descriptions[code]) // the provider may be gone
}

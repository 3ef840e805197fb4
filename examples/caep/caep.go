// Package caep ends sessions when their identity provider says so: it receives
// session-revoked of the OpenID Continuous Access Evaluation Profile, as a security event
// token (RFC 8417) that the provider pushes (RFC 8935).
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

	// Verify checks the token's signature, issuer and audience with a JOSE library, and
	// returns its claims. An error means that the token is not the provider's.
	Verify func(ctx context.Context, token []byte) (claims []byte, err error)

	// Subject returns the subject of sessions that the provider's subject signs in to.
	Subject func(issuer, subject string) string
}

// claims are those that matter here. The subject is identified by RFC 9493.
type claims struct {
	SubID struct {
		Format  string `json:"format"`
		Issuer  string `json:"iss"`
		Subject string `json:"sub"`

		// Of the format "complex": the user, and perhaps one session of theirs.
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
	if err != nil {
		refuse(w, "authentication_failed")
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
	id := &c.SubID
	issuer, subject := id.Issuer, id.Subject
	if id.Format == "complex" {
		issuer, subject = id.User.Issuer, id.User.Subject
	}
	if subject == "" {
		return errNobody
	}
	_, err := rc.Sessions.EndIf(ctx, rc.Subject(issuer, subject), func(i session.Info) bool {
		at, _ := ProviderSession.From(i)
		return id.Session.ID == "" || at == id.Session.ID
	})
	return err
}

// refuse answers with an error of RFC 8935, 2.3.
func refuse(w http.ResponseWriter, code string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusBadRequest)
	_, _ = fmt.Fprintf(w, "{\"err\": %q}\n", code) // the provider may be gone
}

// Package passkey keeps the challenge of a passkey, or of any other proof, in a session:
// it is made once, used once, and forgotten.
//
// A further factor of somebody who is signed in uses their session. A passkey that signs
// in uses a session of a second Manager, with a cookie of its own and a short life: after
// a login whose answer was lost, the visitor's own stores nothing until they sign in.
package passkey

import (
	"context"
	"crypto/rand"
	"errors"
	"time"

	"github.com/cloakroom-go/cloakroom/core/session"
)

// lasts is how long a visitor may take to touch their key (Web Authentication, 13.4.3: a
// challenge is random, and good for one ceremony).
const lasts = 5 * time.Minute

type challenge struct {
	Value  []byte
	Until  time.Time
	UsedBy string // the request that has used it
}

var key = session.NewKey[challenge]("passkey challenge")

// ErrChallenge says that there is no challenge that can be used: none was asked for, its
// time is over, or it was used before. The visitor asks for another one.
var ErrChallenge = errors.New("passkey: no challenge that is good")

// New returns the challenge to send to the browser. The one before it is good for nothing
// any more.
func New(s *session.Session) []byte {
	value := make([]byte, 32)
	_, _ = rand.Read(value) // never fails
	key.Set(s, challenge{Value: value, Until: time.Now().Add(lasts)})
	return value
}

// Use returns the challenge that the browser's answer has to be about. Of requests at the
// same moment, with a copied answer for instance, one gets it: they claim it, and commit.
// Other errors than ErrChallenge are those of session.Session.Commit.
func Use(ctx context.Context, s *session.Session) ([]byte, error) {
	request := rand.Text()
	key.Update(s, func(c challenge) challenge {
		if c.UsedBy == "" && c.Value != nil {
			c.UsedBy = request
		}
		return c
	})
	if err := s.Commit(ctx); err != nil {
		return nil, err
	}
	c := key.Get(s)
	if c.UsedBy != request || !time.Now().Before(c.Until) {
		return nil, ErrChallenge
	}
	key.Delete(s)
	return c.Value, nil
}

package session_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/cloakroom-go/cloakroom/core/session"
)

func TestATicketUnderAnOldKeyIsReplacedWhenItIsOlderThanTheGrace(t *testing.T) {
	t.Parallel()
	eachTransport(t, func(c *client) {
		newKey := session.GenerateKey()
		with := func(keys ...[]byte) *session.Manager {
			return c.e.manager(c.e.store, c.configure, func(o *session.Options) { o.Keys, o.RenewGrace = keys, time.Nanosecond })
		}
		c.do(signIn("ann", count))
		old := c.ticket
		c.m = with(newKey, testKey)
		c.do(look)
		if c.ticket == old {
			c.e.tb.Error("it was not replaced")
		}
		c.m = with(newKey)
		c.do(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
			if counter.Get(s) != 1 {
				c.e.tb.Errorf("counter %d, want 1", counter.Get(s))
			}
		})
	})
}

func TestSetPersistentMeansNothingToAHeaderField(t *testing.T) {
	t.Parallel()
	for who, begin := range map[string]handler{"anonymous": count, "signed in": signIn("ann", count)} {
		eachTransport(t, func(c *client) {
			c.do(begin)
			ticket := c.ticket
			res := c.do(setPersistent(true))
			wantStatus(c.e.tb, res, http.StatusOK)
			wantNoCookie(c.e.tb, res)
			if c.ticket != ticket {
				c.e.tb.Errorf("%s: the ticket has changed", who)
			}
			if res := c.do(count); res.Header[c.answer] != nil {
				c.e.tb.Errorf("%s: every write hands the ticket out", who)
			}
		})
	}
}

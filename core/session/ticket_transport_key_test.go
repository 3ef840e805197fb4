package session_test

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cloakroom-go/cloakroom/core/session"
)

func TestATicketUnderAnOldKeyIsReplacedWhenItIsOlderThanTheGrace(t *testing.T) {
	t.Parallel()
	for _, tr := range transports {
		synctest.Test(t, func(t *testing.T) {
			c := newEnv(t).client(tr)
			newKey := session.GenerateKey()
			with := func(keys ...[]byte) *session.Manager {
				return c.e.manager(c.e.store, c.configure, func(o *session.Options) { o.Keys, o.RenewGrace = keys, time.Nanosecond })
			}
			c.do(signIn("ann", count))
			old := c.ticket
			c.m = with(newKey, testKey)
			pass(time.Second)
			c.do(look)
			if c.ticket == old {
				t.Errorf("%s: it was not replaced", tr.header)
			}
			c.m = with(newKey)
			c.do(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
				if counter.Get(s) != 1 {
					t.Errorf("%s: counter %d, want 1", tr.header, counter.Get(s))
				}
			})
		})
	}
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

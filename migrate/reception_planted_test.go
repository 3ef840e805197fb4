package migrate_test

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/cloakroom-go/cloakroom/core/session"
)

// TestWhoSignsOutOfAPlantedSessionEndsNobodyElses has a thief plant an old session to which
// nobody is signed in. The visitor who goes on with it signs in here; the thief shows it, too,
// gets another session, and signs out of that.
func TestWhoSignsOutOfAPlantedSessionEndsNobodyElses(t *testing.T) {
	t.Parallel()
	for _, keep := range []bool{false, true} {
		o, records, cookie := fromExpress()
		records.values["sess:id"] = `{"cookie":{},"cart":["coat"]}`
		o.KeepOldCookie = keep
		srv := newServer(t, o, session.Options{})
		victim, thief := srv.browser("connect.sid", cookie), srv.browser("connect.sid", cookie)
		victim.wantPage("/", " [coat]")
		victim.get("/switch")
		thief.wantPage("/", " [coat]")
		thief.get("/logout")
		thief.send(http.MethodGet, "/")
		victim.wantPage("/", "bob [coat]")
	}
}

// TestAnOldSessionIsKnownByItsCookieAlone has a request bring another cookie of the same name as
// well, as a browser does that has one for a longer path, or a thief who has a copy.
func TestAnOldSessionIsKnownByItsCookieAlone(t *testing.T) {
	t.Parallel()
	for _, other := range []string{"session=junk; session=%s", "session=%s; session=junk", "session=; session=%s"} {
		srv := newServer(t, fromFlask(), session.Options{})
		cookie := known(t)
		bring := func() *browser {
			b := srv.browser("other", "x")
			b.header.Set("Cookie", fmt.Sprintf(other, cookie))
			return b
		}
		b := srv.browser("session", cookie)
		b.get("/add")
		bring().wantPage("/", "ann [coat hat]")
		b.get("/logout")
		bring().wantPage("/", " []")
	}
}

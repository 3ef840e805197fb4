package migrate_test

import (
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

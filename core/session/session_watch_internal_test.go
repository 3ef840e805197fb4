package session

import (
	"strings"
	"testing"
	"time"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// A clock that is set back by an hour must not hold up what is due in seconds: times that
// are compared have a monotonic reading.
func TestWhenATicketIsDueDependsOnNoClockThatIsSet(t *testing.T) {
	t.Parallel()
	m := &Manager{opts: Options{WatchEvery: time.Minute, AbsoluteTimeout: time.Hour, RenewGrace: time.Minute}}
	w, p := new(watcher), newToken()
	at := &watched{presented: presented{token: p}}
	live := &found{verdict: verdict{standing: good}, view: view{rights: rights{started: wallNow()}}}
	live.stored = live.view.stored("", sessionstore.Record{Expires: wallNow().Add(30 * time.Second)})
	for name, plan := range map[string]func(){
		"when it is hurried":      at.now,
		"when it is found":        func() { at.again = false; w.found(m, at, live) },
		"when it is put off":      func() { w.putOff(m, false, at) },
		"when a look at it fails": func() { w.putOff(m, true, at) },
	} {
		at.due = time.Time{}
		plan()
		if !strings.Contains(at.due.String(), " m=") {
			t.Errorf("%s, it is due at %v, by the clock", name, at.due)
		}
		if left := time.Until(at.due); left > time.Minute {
			t.Errorf("%s, it is due in %v", name, left)
		}
	}
}

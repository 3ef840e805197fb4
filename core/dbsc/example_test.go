package dbsc_test

import (
	"fmt"
	"net/http"

	"github.com/cloakroom-go/cloakroom/core/dbsc"
	"github.com/cloakroom-go/cloakroom/core/memstore"
	"github.com/cloakroom-go/cloakroom/core/session"
)

// A site offers to bind each login, and requires the device where money is moved.
// Browsers that bind nothing get there as well.
func Example() {
	sessions, err := session.New(memstore.New(memstore.Options{}), session.Options{
		Keys: [][]byte{session.GenerateKey()},
		// What the browser sends by itself must not keep a session alive.
		Passive: []func(*http.Request) bool{session.SkipPath(dbsc.DefaultPath)},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	binder, err := dbsc.New(sessions, dbsc.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}

	mux := http.NewServeMux()
	mux.Handle("POST /login", sessions.HandlerFunc(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		s.Authenticate("ann") // who has given the right password
		binder.Offer(w, s)
		http.Redirect(w, r, "/", http.StatusSeeOther)
	}))
	mux.Handle("POST /transfer", binder.RefuseUnproven(http.HandlerFunc(transfer), nil))
	mux.Handle("GET /{$}", sessions.HandlerFunc(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		fmt.Fprintln(w, "This session is", binder.Status(r, s))
	}))
	_ = sessions.Handler(binder.Handler(mux)) // for http.Server

	fmt.Print(binder.Policy())
	// Output: bound to device:  cookie __Host-session-device, proved anew every 10m0s, by browsers that can
}

func transfer(http.ResponseWriter, *http.Request) {}

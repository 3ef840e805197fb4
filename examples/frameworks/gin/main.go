// Gin has sessions in its handlers when the whole router stands within
// Manager.Handler. Gin keeps a status to itself until the body or the end; the
// session is saved then, and before the first byte of Context.Stream.
package main

import (
	"log"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/cloakroom-go/cloakroom/core/memstore"
	"github.com/cloakroom-go/cloakroom/core/session"
)

var visits = session.NewKey[int]("visits")

func main() {
	sessions, err := session.New(memstore.New(memstore.Options{}), session.Options{Keys: [][]byte{session.GenerateKey()}})
	if err != nil {
		log.Fatal(err)
	}
	server := &http.Server{Addr: "127.0.0.1:8080", Handler: newHandler(sessions), ReadHeaderTimeout: 5 * time.Second}
	log.Fatal(server.ListenAndServe())
}

func newHandler(sessions *session.Manager) http.Handler {
	// with gives a handler its session.
	with := func(f func(*gin.Context, *session.Session)) gin.HandlerFunc {
		return func(c *gin.Context) {
			s, err := sessions.Get(c.Request)
			if err != nil {
				sessions.Fail(c.Writer, c.Request, err)
				return
			}
			f(c, s)
		}
	}
	router := gin.New()
	router.GET("/", with(func(c *gin.Context, s *session.Session) {
		visits.Update(s, func(n int) int { return n + 1 })
		c.String(http.StatusOK, "visit %d", visits.Get(s))
	}))
	router.POST("/login", with(func(c *gin.Context, s *session.Session) {
		s.Authenticate("alice") // after a look at the password
		c.Redirect(http.StatusSeeOther, "/")
	}))
	router.POST("/logout", with(func(c *gin.Context, s *session.Session) {
		s.Destroy()
		c.Status(http.StatusNoContent)
	}))
	return http.NewCrossOriginProtection().Handler(sessions.Handler(router)) // no other site signs anybody in or out
}

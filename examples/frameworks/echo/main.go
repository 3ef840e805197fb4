// Echo has sessions in its handlers, through its wrapper of net/http's middleware.
package main

import (
	"log"
	"net/http"
	"strconv"
	"time"

	"github.com/labstack/echo/v5"

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
	e := echo.New()
	e.Use(echo.WrapMiddleware(http.NewCrossOriginProtection().Handler)) // no other site signs anybody in or out
	e.Use(echo.WrapMiddleware(sessions.Handler))
	// with gives a handler its session.
	with := func(f func(*echo.Context, *session.Session) error) echo.HandlerFunc {
		return func(c *echo.Context) error {
			s, err := sessions.Get(c.Request())
			if err != nil {
				sessions.Fail(c.Response(), c.Request(), err) // the answer is given
				return nil
			}
			return f(c, s)
		}
	}
	e.GET("/", with(func(c *echo.Context, s *session.Session) error {
		visits.Update(s, func(n int) int { return n + 1 })
		return c.String(http.StatusOK, "visit "+strconv.Itoa(visits.Get(s)))
	}))
	e.POST("/login", with(func(c *echo.Context, s *session.Session) error {
		s.Authenticate("alice") // after a look at the password
		return c.Redirect(http.StatusSeeOther, "/")
	}))
	e.POST("/logout", with(func(c *echo.Context, s *session.Session) error {
		s.Destroy()
		return c.NoContent(http.StatusNoContent)
	}))
	return e
}

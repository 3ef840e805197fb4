// Fiber has sessions in its handlers, though it stands on fasthttp and not on net/http.
//
// What can't be had: adaptor.HTTPMiddleware(sessions.Handler) runs the next handler when
// the middleware has returned, too late to save a change; hence withSession. A body that is
// streamed after the handler can't change the session, and the client's disconnect is not seen.
package main

import (
	"errors"
	"log"
	"net/http"

	"github.com/gofiber/fiber/v3"
	"github.com/gofiber/fiber/v3/middleware/adaptor"

	session "github.com/cloakroom-go/cloakroom/core"
	"github.com/cloakroom-go/cloakroom/core/memstore"
)

var visits = session.NewKey[int]("visits")

func main() {
	sessions, err := session.New(memstore.New(memstore.Options{}), session.Options{Keys: [][]byte{session.GenerateKey()}})
	if err != nil {
		log.Fatal(err)
	}
	log.Fatal(newApp(sessions).Listen("127.0.0.1:8080"))
}

// withSession calls a fiber handler within one of net/http's, which adds the session's header
// fields to what fiber has. Nothing has left by then: fiber keeps the answer to the end.
func withSession(sessions *session.Manager, f func(fiber.Ctx, *session.Session) error) fiber.Handler {
	return func(c fiber.Ctx) error {
		var err error
		h := sessions.HandlerFunc(func(w http.ResponseWriter, _ *http.Request, s *session.Session) {
			err = f(c, s)
			w.WriteHeader(c.Response().StatusCode())      // saves the session
			if _, failed := w.Write(nil); failed != nil { // then the answer is 503 and nothing of f's
				c.Response().Reset()
			}
		})
		return errors.Join(adaptor.HTTPHandler(h)(c), err)
	}
}

func newApp(sessions *session.Manager) *fiber.App {
	app := fiber.New()
	app.Get("/", withSession(sessions, func(c fiber.Ctx, s *session.Session) error {
		visits.Update(s, func(n int) int { return n + 1 })
		_, err := c.Writef("visit %d", visits.Get(s))
		return err
	}))
	app.Post("/login", withSession(sessions, func(c fiber.Ctx, s *session.Session) error {
		s.Authenticate("alice") // after a look at the password
		return c.Redirect().Status(http.StatusSeeOther).To("/")
	}))
	app.Post("/logout", withSession(sessions, func(c fiber.Ctx, s *session.Session) error {
		s.Destroy()
		return c.SendStatus(http.StatusNoContent)
	}))
	return app
}

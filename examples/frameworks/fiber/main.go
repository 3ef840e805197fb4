// Fiber runs sessions on fasthttp. Its adaptor.HTTPMiddleware calls the handler when
// Manager.Handler has returned, which is too late to save. So the function with calls it
// in time. A body that is streamed can't change the session, and nobody learns that the
// client has gone.
package main

import (
	"fmt"
	"log"
	"net/http"

	"github.com/gofiber/fiber/v3"
	"github.com/gofiber/fiber/v3/middleware/adaptor"

	"github.com/cloakroom-go/cloakroom/core/memstore"
	"github.com/cloakroom-go/cloakroom/core/session"
)

func main() {
	sessions, err := session.New(memstore.New(memstore.Options{}), session.Options{Keys: [][]byte{session.GenerateKey()}})
	if err != nil {
		log.Fatal(err)
	}
	log.Fatal(newApp(sessions).Listen("127.0.0.1:8080"))
}

// with calls a fiber handler within one of net/http's, which adds its header to fiber's.
func with(sessions *session.Manager, f func(fiber.Ctx, *session.Session) error) fiber.Handler {
	origin := http.NewCrossOriginProtection() // no other site signs anybody in or out
	return func(c fiber.Ctx) (err error) {
		h := origin.Handler(sessions.HandlerFunc(func(w http.ResponseWriter, _ *http.Request, s *session.Session) {
			err = f(c, s)
			w.WriteHeader(c.Response().StatusCode()) // saves the session; nothing has left by now
			if _, failed := w.Write(nil); failed != nil {
				c.Response().Reset() // the answer is ErrorHandler's, and nothing of f's
				err = nil            // fiber would answer this one
			}
		}))
		adapted := adaptor.HTTPHandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			h.ServeHTTP(w, r.WithContext(c.Context())) // fasthttp's own must not be used after the request
		})
		_ = adapted(c) // always nil
		return err
	}
}

func newApp(sessions *session.Manager) *fiber.App {
	visits, app := session.NewKey[int]("visits"), fiber.New()
	app.Get("/", with(sessions, func(c fiber.Ctx, s *session.Session) error {
		visits.Update(s, func(n int) int { return n + 1 })
		return c.SendString(fmt.Sprint("visit ", visits.Get(s)))
	}))
	app.Post("/login", with(sessions, func(c fiber.Ctx, s *session.Session) error {
		s.Authenticate("alice") // after a look at the password
		return c.Redirect().Status(http.StatusSeeOther).To("/")
	}))
	app.Post("/logout", with(sessions, func(c fiber.Ctx, s *session.Session) error {
		s.Destroy()
		return c.SendStatus(http.StatusNoContent)
	}))
	return app
}

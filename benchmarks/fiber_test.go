package benchmarks

import (
	"net/http"
	"strings"
	"testing"

	"github.com/gofiber/fiber/v3"
	"github.com/gofiber/fiber/v3/middleware/adaptor"
	"github.com/gofiber/fiber/v3/middleware/session"
	redisstorage "github.com/gofiber/storage/redis/v3"
)

// fiberHandler returns a handler for the recorder. Fiber's requests are fasthttp's: what
// it takes to make one of net/http's is in fiber's recorder as well, and comes off.
func fiberHandler(handlers ...any) http.Handler {
	a := fiber.New()
	a.Get("/", handlers[0], handlers[1:]...)
	return adaptor.FiberApp(a)
}

func openFiberRecorder(_ *testing.B, _ int) (*app, string) {
	nothing := fiberHandler(func(fiber.Ctx) error { return nil })
	return &app{visitor: func(*testing.B) string { return "a=b" }, untouched: nothing, read: nothing, write: nothing}, ""
}

// fiberApp returns the application over a storage; nil is fiber's own, in memory.
func fiberApp(storage fiber.Storage, extra int) (*app, string) {
	middleware, store := session.NewWithStore(session.Config{Storage: storage})
	store.RegisterType(profile{})
	store.RegisterType([]string{})
	handle := func(f func(c fiber.Ctx, m *session.Middleware) error) http.Handler {
		return fiberHandler(middleware, func(c fiber.Ctx) error { return f(c, session.FromContext(c)) })
	}
	fill := handle(func(_ fiber.Ctx, m *session.Middleware) error {
		m.Set("counter", 1)
		m.Set("name", name)
		m.Set("cart", cart)
		m.Set("profile", about)
		m.Set("language", language)
		if extra > 0 {
			m.Set("extra", strings.Repeat("x", extra))
		}
		return nil
	})
	return &app{
		visitor:   func(b *testing.B) string { return cookieOf(b, fill) },
		untouched: handle(func(fiber.Ctx, *session.Middleware) error { return nil }),
		read: handle(func(_ fiber.Ctx, m *session.Middleware) error {
			if s, _ := m.Get("name").(string); s != name {
				return fiber.NewError(http.StatusInternalServerError, "the session is lost")
			}
			return nil
		}),
		write: handle(func(_ fiber.Ctx, m *session.Middleware) error {
			n, _ := m.Get("counter").(int)
			m.Set("counter", n+1)
			return nil
		}),
	}, ""
}

func openFiberMemory(_ *testing.B, extra int) (*app, string) { return fiberApp(nil, extra) }

func openFiberRedis(b *testing.B, extra int) (*app, string) {
	client, missing := redisClient(b)
	if client == nil {
		return nil, missing
	}
	return fiberApp(redisstorage.NewFromConnection(client), extra)
}

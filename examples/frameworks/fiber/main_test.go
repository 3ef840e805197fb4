package main

import (
	"net"
	"testing"

	"github.com/gofiber/fiber/v3"

	"github.com/cloakroom-go/cloakroom/core/session"
	"github.com/cloakroom-go/cloakroom/examples/frameworks/internal/check"
)

func TestSessionsWorkInHandlers(t *testing.T) {
	t.Parallel()
	check.Server(t, func(sessions *session.Manager) string {
		app := newApp(sessions)
		l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		served := make(chan error, 1)
		go func() { served <- app.Listener(l, fiber.ListenConfig{DisableStartupMessage: true}) }()
		t.Cleanup(func() {
			if err := app.Shutdown(); err != nil {
				t.Error(err)
			}
			if err := <-served; err != nil {
				t.Error(err)
			}
		})
		return "http://" + l.Addr().String()
	})
}

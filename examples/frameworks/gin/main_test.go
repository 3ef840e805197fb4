package main

import (
	"testing"

	"github.com/cloakroom-go/cloakroom/examples/frameworks/internal/check"
)

func TestSessionsWorkInHandlers(t *testing.T) {
	t.Parallel()
	check.Handler(t, newHandler)
}

package main

import (
	"testing"

	"github.com/cloakroom-go/cloakroom/conformance/stores/internal/leaks"
)

func TestMain(m *testing.M) { leaks.Exit(m) }

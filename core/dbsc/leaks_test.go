package dbsc_test

import (
	"os"
	"testing"

	"github.com/cloakroom-go/cloakroom/core/internal/leaks"
)

func TestMain(m *testing.M) { os.Exit(leaks.Run(os.Stderr, m.Run)) }

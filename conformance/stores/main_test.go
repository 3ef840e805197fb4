package stores_test

import (
	"fmt"
	"os"
	"testing"

	"github.com/cloakroom-go/cloakroom/conformance/stores/internal/leaks"
	"github.com/cloakroom-go/cloakroom/conformance/stores/internal/servers"
)

func TestMain(m *testing.M) {
	if place := os.Getenv(childPlace); place != "" {
		if err := runChild(place); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	if path := os.Getenv(childWriter); path != "" {
		fmt.Fprintln(os.Stderr, runWriter(path))
		os.Exit(1)
	}
	leaks.Exit(m, servers.Begin())
}

package shop_test

import (
	"fmt"
	"os"
	"testing"

	"github.com/cloakroom-go/cloakroom/conformance/stores/internal/browser"
	"github.com/cloakroom-go/cloakroom/conformance/stores/internal/leaks"
	"github.com/cloakroom-go/cloakroom/conformance/stores/internal/servers"
)

func TestMain(m *testing.M) {
	browser.Enable("DeviceBoundSessions:RefreshQuota/false", "EnableBoundSessionCredentialsSoftwareKeysForManualTesting")
	leaks.Exit(m, browser.Stop, servers.Stop, removeProgram)
}

func removeProgram() {
	if program.dir == "" {
		return
	}
	if err := os.RemoveAll(program.dir); err != nil {
		fmt.Fprintln(os.Stderr, "shop:", err)
	}
}

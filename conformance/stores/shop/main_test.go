package shop_test

import (
	"testing"

	"github.com/cloakroom-go/cloakroom/conformance/stores/internal/browser"
	"github.com/cloakroom-go/cloakroom/conformance/stores/internal/leaks"
	"github.com/cloakroom-go/cloakroom/conformance/stores/internal/servers"
)

func TestMain(m *testing.M) {
	browser.Enable("DeviceBoundSessions:RefreshQuota/false", "EnableBoundSessionCredentialsSoftwareKeysForManualTesting")
	leaks.Exit(m, browser.Stop, servers.Begin())
}

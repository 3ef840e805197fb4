// Package need decides what becomes of a test that lacks something it needs: a
// server or a browser.
package need

import (
	"os"
	"slices"
	"strings"
	"testing"
)

// Missing ends the test: it is skipped, unless CLOAKROOM_REQUIRE holds "all" or
// one of the names of what is missing. looked says where it was looked for.
func Missing(tb testing.TB, looked string, names ...string) {
	tb.Helper()
	required := strings.FieldsFunc(os.Getenv("CLOAKROOM_REQUIRE"), func(r rune) bool { return r == ',' || r == ' ' })
	for _, name := range append(names, "all") {
		if slices.Contains(required, name) {
			tb.Fatal(looked + "; CLOAKROOM_REQUIRE demands it")
		}
	}
	tb.Skip(looked)
}

// Package need says what the environment asks of tests: what becomes of one that lacks a
// server or a browser, and how often races are run.
package need

import (
	"os"
	"slices"
	"strconv"
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

// Rounds returns how often a race is run: what CLOAKROOM_ROUNDS says, or else few.
func Rounds(tb testing.TB, few int) int {
	tb.Helper()
	v := os.Getenv("CLOAKROOM_ROUNDS")
	if v == "" {
		return few
	}
	n, err := strconv.Atoi(v)
	if err != nil {
		tb.Fatalf("CLOAKROOM_ROUNDS: %v", err)
	}
	return n
}

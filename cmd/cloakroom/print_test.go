package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/cloakroom-go/cloakroom/cmd/cloakroom/internal/storeurl"
)

func TestWhatIsPrintedMovesNoCursor(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"ann":               "ann",
		"bob@example.org":   "bob@example.org",
		"Zoë 山田":            "Zoë 山田",
		"":                  `""`,
		" ann":              `" ann"`,
		`"ann"`:             `"\"ann\""`,
		"a\nb":              `"a\nb"`,
		"a\tb":              `"a\tb"`,
		"\x1b[2Jann":        `"\x1b[2Jann"`,
		"a\u009b2Jb":        `"a\u009b2Jb"`,
		"a\u202egnp.exe":    `"a\u202egnp.exe"`,
		"a\u200bb":          `"a\u200bb"`,
		"a\x7fb":            `"a\x7fb"`,
		"a\xffb":            `"a\xffb"`,
		"a\U000e0041b":      `"a\U000e0041b"`,
		"line\u2028another": `"line\u2028another"`,
	} {
		if got := quote(text); got != want {
			t.Errorf("%q is printed as %s, want %s", text, got, want)
		}
		var b strings.Builder
		if err := printJSON(&b, map[string]string{text: text}); err != nil {
			t.Fatal(err)
		}
		if got := strings.ReplaceAll(b.String(), "\n", ""); plain(got) != got {
			t.Errorf("%q: the JSON %q moves a cursor", text, got)
		}
		var back map[string]string
		valid := strings.ToValidUTF8(text, "\uFFFD")
		if err := json.Unmarshal([]byte(b.String()), &back); err != nil || back[valid] != valid {
			t.Errorf("%q comes back from JSON as %q, %v", text, back, err)
		}
	}
}

func TestAnErrorOfSeveralLinesIsOne(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	app{stderr: &b}.note("failed to connect:\n\thost 1\r\n\thost 2\n\x1b[2J")
	if got, want := b.String(), "cloakroom: failed to connect: host 1 host 2 \\u001b[2J\n"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

// A full disk takes nothing.
type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("no space left") }

// The disk that the result goes to is not the store's, and what was done is done.
func TestAResultThatCanNotBePrintedIsNotTheStoresFault(t *testing.T) {
	t.Parallel()
	for kind, address := range places(t) {
		_, id := open(t, address).signIn("ann")
		for _, args := range [][]string{
			{"count"}, {"count", "-json"}, {"list", "ann"}, {"show", id}, {"check"}, {"prune"}, {"end", "-subject", "ann"}, {"end", "-all"},
		} {
			var stderr bytes.Buffer
			args = append([]string{args[0], "-store", address}, args[1:]...)
			code := app{full{}, &stderr, storeurl.Open}.run(t.Context(), args)
			if got, want := stderr.String(), "cloakroom: the result can't be printed: no space left\n"; code != exitFailed || got != want {
				t.Errorf("%s: %q gives %d and says %q, want 1 and %q", kind, args, code, got, want)
			}
		}
	}
}

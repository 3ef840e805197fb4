package migrate

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// TestAnOldSessionIsKnownHoweverItsCookieIsSpelled has a thief write the copy of a cookie in other
// ways, which the other framework would accept as well.
func TestAnOldSessionIsKnownHoweverItsCookieIsSpelled(t *testing.T) {
	t.Parallel()
	keys := []string{"a secret"}
	flask, starlette := Flask{Keys: keys}, Starlette{Keys: keys}
	gorilla := Gorilla{Keys: [][]byte{{'k'}}, Cookie: http.Cookie{Name: "session"}}
	one, err := flask.Encode(Values{"user": "ann"})
	if err != nil {
		t.Fatal(err)
	}
	other, err := starlette.Encode(Values{"user": "ann"})
	if err != nil {
		t.Fatal(err)
	}
	var third string
	for who := "ann"; strings.Count(third, "=") != 1; who += "n" { // it has bits that say nothing
		third = gorillaCookie(t, "session", []byte("k"), nil, gobOf(t, map[any]any{"user": who}), time.Now())
	}
	for name, c := range map[string]struct {
		source Source
		value  string
	}{
		"flask": {flask, one}, "starlette": {starlette, other},
		"starsessions": {Starsessions{Keys: keys}, other}, "gorilla": {gorilla, third},
	} {
		names := map[string]bool{}
		for _, value := range []string{c.value, respell(c.value)} {
			r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", http.NoBody)
			r.AddCookie(&http.Cookie{Name: "session", Value: value})
			old, err := c.source.Read(r)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			n := note{Subject: "ann"}
			names[n.origin(r, c.source, old)] = true
		}
		if len(names) != 1 {
			t.Errorf("%s: one old session has %d names", name, len(names))
		}
	}
}

// respell changes the last bit of base64, which says nothing.
func respell(value string) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	end := len(strings.TrimRight(value, "=")) - 1
	i := strings.IndexByte(alphabet, value[end])
	return value[:end] + string(alphabet[i^1]) + value[end+1:]
}

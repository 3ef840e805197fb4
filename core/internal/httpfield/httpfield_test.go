package httpfield_test

import (
	"testing"

	"github.com/cloakroom-go/cloakroom/core/internal/httpfield"
)

func TestATokenIsANameOfAHeaderField(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]bool{
		"X-Session": true, "a": true, "!#$%&'*+-.^_`|~9Zz": true,
		"": false, " ": false, "a b": false, "a:": false, "é": false, "a\x00": false, "a(b)": false, `"a"`: false,
	} {
		if got := httpfield.IsToken(s); got != want {
			t.Errorf("%q: %v", s, got)
		}
	}
}

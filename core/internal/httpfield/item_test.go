package httpfield_test

import (
	"strings"
	"testing"

	"github.com/cloakroom-go/cloakroom/core/internal/httpfield"
)

func TestAStringIsOneItem(t *testing.T) {
	t.Parallel()
	for field, want := range map[string]string{
		`""`: "", `"a"`: "a", ` "a" `: "a", `"a b"`: "a b", `"\"\\"`: `"\`, `"a";b`: "a", `"a"; b;c=1`: "a",
		`"a";*b_c-d.e*=?0`: "a", `"a";b=1.5`: "a", `"a";b=-999999999999999`: "a", `"a";b=123456789012.123`: "a",
		`"a";b=tok/e:n*`: "a", `"a";b=*t`: "a", `"a";b=:YQ==:`: "a", `"a";b=::`: "a", `"a";b=@-1`: "a", `"a";b=%"%c3%bc "`: "a",
		`"a";b="x\"y";c="z"`: "a",
	} {
		if got, ok := httpfield.ParseString(field); !ok || got != want {
			t.Errorf("%s: %q, %v", field, got, ok)
		}
	}
}

func TestWhatIsNoStringIsRefused(t *testing.T) {
	t.Parallel()
	for _, field := range []string{
		"", " ", `"`, `"a`, `a`, `a"`, `"a" "b"`, `"a", "b"`, `"a"b`, `"\a"`, `"\`, "\"\x00\"", "\"\x7f\"", `"é"`, "\t\"a\"", "\"a\t\"",
		`'a'`, `1`, `?1`, `:YQ==:`, `("a")`, `%"a"`,
		`"a";`, `"a";B`, `"a";1`, `"a" ;b`, `"a";b=`, `"a";b;`, `"a";b= 1`, `"a";b==`, `"a";b=?2`, `"a";b=?`, `"a";b=:YQ=`, `"a";b=:?:`,
		`"a";b=-`, `"a";b=1.`, `"a";b=.1`, `"a";b=1.1234`, `"a";b=1234567890123456`, `"a";b=1234567890123.1`, `"a";b=@1.5`, `"a";b=@`,
		`"a";b=%a`, `"a";b=%"%C3"`, `"a";b=%"%c"`, `"a";b=%"a`, `"a";b=("a")`, `"a";b="`, `"a";b=é`, "\"a\";b=%\"\x00\"",
	} {
		if got, ok := httpfield.ParseString(field); ok {
			t.Errorf("%s: %q", field, got)
		}
	}
}

// FuzzParseString: what is read is what was written.
func FuzzParseString(f *testing.F) {
	for _, seed := range []string{`"a"`, `"a";b=1.5;c=:YQ==:;d=@1;e=%"%c3%bc";f=?1;g=t`, `"\"\\"`, `"`, ``} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, field string) {
		value, ok := httpfield.ParseString(field)
		if !ok {
			return
		}
		if strings.Trim(value, " !\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefghijklmnopqrstuvwxyz{|}~") != "" {
			t.Errorf("%q holds what no String can", value)
		}
		if again, ok := httpfield.ParseString(httpfield.QuoteString(value)); !ok || again != value {
			t.Errorf("%q, written and read: %q, %v", value, again, ok)
		}
	})
}

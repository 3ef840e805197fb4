package python_test

import (
	"encoding/base64"
	"testing"

	"github.com/cloakroom-go/cloakroom/migrate/internal/python"
)

// The results are those of base64.b64decode in Python 3.11.
func TestBase64IsDecodedAsPythonDoes(t *testing.T) {
	t.Parallel()
	const failure = "fails"
	for text, want := range map[string]string{
		"": "", "YWI=": "ab", "YQ==": "a", "YWJj": "abc",
		"YWI": failure, "Y": failure, "YQ=": failure, "YWJjZ": failure, "Y===": failure,
		"Y W\nJ!j": "abc", "YQ==YWJj": "a", "YQ=YWJj": failure, "YQ=Y=WJj": "a\x06",
		"=YWJj": "abc", "====": "", "YWJj=": "abc", "YWJj====": "abc", "YWI=x": "ab", "-_YWJj": "abc", "YR==": "a",
		"\xffYWJj": "abc", "YQ=\n=": "a",
	} {
		got, err := python.DecodeBase64(text)
		if err != nil && want == failure {
			continue
		}
		if err != nil || string(got) != want {
			t.Errorf("%q: %q, %v; want %q", text, got, err, want)
		}
	}
}

func TestURLSafeBase64NeedsNoPadding(t *testing.T) {
	t.Parallel()
	for _, want := range []string{"", "a", "ab", "abc", "\xff\xfe\xfb", "\x00"} {
		for _, e := range []*base64.Encoding{base64.RawURLEncoding, base64.URLEncoding, base64.RawStdEncoding, base64.StdEncoding} {
			text := e.EncodeToString([]byte(want))
			if got, err := python.DecodeBase64URL(text); err != nil || string(got) != want {
				t.Errorf("%q: %q, %v", text, got, err)
			}
		}
	}
}

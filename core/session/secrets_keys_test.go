package session_test

import (
	"bytes"
	"encoding/base64"
	"strings"
	"testing"

	"github.com/cloakroom-go/cloakroom/core/session"
)

func TestGeneratedKeysAreDifferentAndLongEnough(t *testing.T) {
	t.Parallel()
	a, b := session.GenerateKey(), session.GenerateKey()
	if len(a) < session.MinKeyLen || bytes.Equal(a, b) {
		t.Errorf("keys of %d and %d bytes, equal: %v", len(a), len(b), bytes.Equal(a, b))
	}
}

func TestParseKeysReadsWhatFormatKeyWrote(t *testing.T) {
	t.Parallel()
	a := bytes.Repeat([]byte{0xfb, 0xef, 0xbe}, 11) // - and _ in base64url
	b := session.GenerateKey()
	for name, text := range map[string]string{
		"comma":              session.FormatKey(a) + "," + session.FormatKey(b),
		"comma and space":    session.FormatKey(a) + ", " + session.FormatKey(b),
		"lines":              "\n" + session.FormatKey(a) + "\r\n" + session.FormatKey(b) + "\n",
		"standard, padded":   base64.StdEncoding.EncodeToString(a) + " " + base64.StdEncoding.EncodeToString(b),
		"standard, unpadded": base64.RawStdEncoding.EncodeToString(a) + "\t" + base64.RawStdEncoding.EncodeToString(b),
		"url, padded":        base64.URLEncoding.EncodeToString(a) + "," + base64.URLEncoding.EncodeToString(b),
	} {
		keys, err := session.ParseKeys(text)
		if err != nil || len(keys) != 2 || !bytes.Equal(keys[0], a) || !bytes.Equal(keys[1], b) {
			t.Errorf("%s: %x, %v", name, keys, err)
		}
	}
}

func TestParseKeysNamesTheBadKeyByItsPosition(t *testing.T) {
	t.Parallel()
	good := session.FormatKey(session.GenerateKey())
	for name, c := range map[string]struct{ text, want string }{
		"nothing":    {"", "no key"},
		"separators": {" ,\n", "no key"},
		"not base64": {good + ",pass!word", "key 2"},
		"short":      {good + "," + good + "," + good[:20], "key 3"},
		"repeated":   {strings.Repeat("A", 43), "key 1"},
		"no comma":   {good + "=" + good + "=", "key 1"}, // two padded keys would make a third
		"with name":  {good + ",SESSION_KEY=" + good, "key 2"},
	} {
		keys, err := session.ParseKeys(c.text)
		if err == nil || keys != nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, %v, want an error with %q", name, keys, err, c.want)
			continue
		}
		if strings.Contains(err.Error(), good) || strings.Contains(err.Error(), "pass") {
			t.Errorf("%s: the error repeats a key: %v", name, err)
		}
	}
}

package origins_test

import (
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"hash"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cloakroom-go/cloakroom/migrate"
	"github.com/cloakroom-go/cloakroom/migrate/itsdangerous"
)

const (
	many    = 250  // how many sessions each test makes in each direction
	changed = 1000 // how many cookies are damaged
)

const key = "dev-schlüssel-🔑"

// bring returns a request that brings a cookie.
func bring(t *testing.T, name, value string) *http.Request {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", http.NoBody)
	r.Header.Set("Cookie", name+"="+value)
	return r
}

// read reads the session of a cookie that the original has made.
func read(t *testing.T, s migrate.Source, name, cookie string) migrate.Legacy {
	t.Helper()
	legacy, err := s.Read(bring(t, name, cookie))
	if err != nil {
		t.Fatalf("%v\nof %s", err, cookie)
	}
	return legacy
}

func flaskGenerator(t *testing.T) *generator {
	t.Helper()
	g := newGenerator(t, append(slices.Clone(inJSON), (*generator).long, (*generator).float, (*generator).bytes, (*generator).markup,
		(*generator).uuid, (*generator).time)...)
	g.lists = true
	return g
}

func TestFlaskSessionsAreReadAsFlaskWroteThem(t *testing.T) {
	t.Parallel()
	p, g := pythonPeer(t), flaskGenerator(t)
	for range many {
		want := describe(t, g.values())
		var cookie string
		p.ask("flask_write", map[string]any{"payload": want, "key": key}, &cookie)
		sameValues(t, read(t, migrate.Flask{Keys: []string{"newer", key}}, "session", cookie).Values, want)
		if t.Failed() {
			return
		}
	}
}

func TestFlaskReadsWhatWasWrittenForIt(t *testing.T) {
	t.Parallel()
	p, g := pythonPeer(t), flaskGenerator(t)
	for range many {
		values := g.values()
		cookie, err := migrate.Flask{Keys: []string{key}}.Encode(values)
		if err != nil {
			t.Fatal(err)
		}
		var got any
		p.ask("flask_read", map[string]any{"cookie": cookie, "key": key}, &got)
		if sameDescription(t, got, describe(t, values)); t.Failed() {
			return
		}
	}
}

func starletteGenerator(t *testing.T) *generator {
	t.Helper()
	return newGenerator(t, append(slices.Clone(inJSON), (*generator).long, (*generator).float)...)
}

func TestStarletteSessionsAreReadAsStarletteWroteThem(t *testing.T) {
	t.Parallel()
	p, g := pythonPeer(t), starletteGenerator(t)
	for _, scheme := range []struct {
		do     string
		source migrate.Source
	}{
		{"starlette_write", migrate.Starlette{Keys: []string{key}}},
		{"starsessions_write", migrate.Starsessions{Keys: []string{key}, MaxAge: time.Hour}},
	} {
		for range many {
			want := describe(t, g.values())
			var cookie string
			p.ask(scheme.do, map[string]any{"payload": want, "key": key}, &cookie)
			if sameValues(t, read(t, scheme.source, "session", cookie).Values, want); t.Failed() {
				return
			}
		}
	}
}

func TestStarletteReadsWhatWasWrittenForIt(t *testing.T) {
	t.Parallel()
	p, g := pythonPeer(t), starletteGenerator(t)
	for range many {
		values := g.values()
		cookie, err := migrate.Starlette{Keys: []string{key}}.Encode(values)
		if err != nil {
			t.Fatal(err)
		}
		var got any
		p.ask("starlette_read", map[string]any{"cookie": cookie, "key": key}, &got)
		if sameDescription(t, got, describe(t, values)); t.Failed() {
			return
		}
	}
}

func TestFastSessionIDsAreReadAsFastSessionWroteThem(t *testing.T) {
	t.Parallel()
	p, g := pythonPeer(t), newGenerator(t, inJSON...)
	for range many {
		want := describe(t, g.values())
		var made [3]string
		p.ask("fastsession_write", map[string]any{"payload": want, "key": key, "name": "fast"}, &made)
		cookie, id, record := made[0], made[1], made[2]
		s := migrate.FastSession{Keys: []string{key}, Cookie: http.Cookie{Name: "fast"}, Records: records{id: record}}
		if sameValues(t, read(t, s, "fast", cookie).Values, want); t.Failed() {
			return
		}
	}
}

func TestFlaskSessionRecordsAreReadAsFlaskSessionWroteThem(t *testing.T) {
	t.Parallel()
	for _, format := range []string{"msgpack", "json"} {
		t.Run(format, func(t *testing.T) {
			t.Parallel()
			p := pythonPeer(t)
			kinds := inJSON
			if format == "msgpack" {
				kinds = append(slices.Clone(kinds), (*generator).float, (*generator).bytes, (*generator).time)
			}
			g := newGenerator(t, kinds...)
			g.lists = true // which come back as lists
			for i := range many {
				signed := i%2 == 0
				s := migrate.FlaskSession{Records: records{}}
				if signed {
					s.Keys = []string{key}
				}
				var made struct {
					Cookie, Name, Record string
					Values               any
				}
				with := map[string]any{"payload": describe(t, g.values()), "key": key, "signed": signed, "format": format}
				p.ask("flask_session_write", with, &made)
				s.Records = records{made.Name: unhex(t, made.Record)}
				if sameValues(t, read(t, s, "session", made.Cookie).Values, made.Values); t.Failed() {
					return
				}
			}
		})
	}
}

func unhex(t *testing.T, text string) string {
	t.Helper()
	b, err := hex.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestDamagedCookiesAreReadIfTheOriginalReadsThem changes good cookies in every way
// that a signature has to notice, and in those that it need not.
func TestDamagedCookiesAreReadIfTheOriginalReadsThem(t *testing.T) {
	t.Parallel()
	const age = time.Hour
	p, g := pythonPeer(t), newGenerator(t, inJSON...)
	for scheme, write := range map[string]struct {
		do     string
		with   map[string]any
		source migrate.Source
		name   string
	}{
		"flask":     {"flask_write", map[string]any{}, migrate.Flask{Keys: []string{key}, MaxAge: age}, "session"},
		"starlette": {"starlette_write", map[string]any{}, migrate.Starlette{Keys: []string{key}, MaxAge: age}, "session"},
	} {
		read := 0
		for range changed / 20 {
			write.with["payload"], write.with["key"] = describe(t, g.values()), key
			var cookie string
			p.ask(write.do, write.with, &cookie)
			damaged := make([]string, 20)
			for i := range damaged {
				damaged[i] = g.damage(cookie)
			}
			var want []bool
			p.ask("accepts", map[string]any{"cookies": damaged, "scheme": scheme, "key": key, "max_age": int(age.Seconds())}, &want)
			for i, c := range damaged {
				_, err := write.source.Read(bring(t, write.name, c))
				if got := err == nil; got != want[i] {
					t.Errorf("%s: %q: the original reads it: %t; here: %v\nof %q", scheme, c, want[i], err, cookie)
				}
				if want[i] {
					read++
				}
			}
		}
		t.Logf("%s: %d of %d damaged cookies are read", scheme, read, changed)
	}
}

// damage returns a cookie changed a little, in ways that a header can carry.
func (g *generator) damage(cookie string) string {
	const letters = "ABCabc019-_=+/.!~"
	i := g.IntN(len(cookie))
	letter := letters[g.IntN(len(letters)):][:1]
	switch g.IntN(8) {
	case 0:
		return cookie[:i]
	case 1:
		return cookie[i:]
	case 2:
		return cookie[:i] + letter + cookie[i:]
	case 3:
		return cookie[:i] + letter + cookie[i+1:]
	case 4:
		return cookie + strings.Repeat(letter, 1+g.IntN(4))
	case 5:
		return strings.NewReplacer("-", "+", "_", "/").Replace(cookie)
	case 6:
		last := strings.LastIndexByte(cookie, '.')
		j := last + 1 + g.IntN(len(cookie)-last)
		return cookie[:j] + strings.Repeat("!", 1+g.IntN(4)) + cookie[j:]
	default:
		return cookie[:len(cookie)-1] + letter
	}
}

func TestEveryDerivationIsTheOriginals(t *testing.T) {
	t.Parallel()
	p := pythonPeer(t)
	derivations := map[string]itsdangerous.Derivation{
		"django-concat": itsdangerous.DjangoConcat,
		"concat":        itsdangerous.Concat,
		"hmac":          itsdangerous.HMAC,
		"none":          itsdangerous.NoDerivation,
	}
	for digest, hash := range map[string]func() hash.Hash{"sha1": nil, "sha256": sha256.New, "sha512": sha512.New} {
		for derivation, d := range derivations {
			for _, value := range []string{"", "a.b.c", "grüße 🧥", "."} {
				s := itsdangerous.Signer{Keys: []string{"new", key}, Salt: "a salt", Derivation: d, Hash: hash}
				with := map[string]any{"payload": value, "key": key, "salt": s.Salt, "derivation": derivation, "digest": digest}
				with["timed"] = false
				var signed string
				p.ask("sign", with, &signed)
				if got, err := s.Unsign(signed); err != nil || got != value {
					t.Errorf("%s, %s: %q, %v", derivation, digest, got, err)
				}
				s.Keys = s.Keys[1:]
				if got := s.Sign(value); got != signed {
					t.Errorf("%s, %s: signed %q, want %q", derivation, digest, got, signed)
				}
				with["timed"] = true
				p.ask("sign", with, &signed)
				got, at, err := s.UnsignAt(signed)
				if err != nil || got != value || s.SignAt(value, at) != signed {
					t.Errorf("%s, %s: %q at %v, %v", derivation, digest, got, at, err)
				}
			}
		}
	}
}

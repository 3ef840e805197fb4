package migrate

import (
	"context"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash"
	"net/http"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cloakroom-go/cloakroom/migrate/internal/python"
	"github.com/cloakroom-go/cloakroom/migrate/itsdangerous"
)

// A vector is something that the original library has made, or was tried on.
type vector struct {
	Scheme     string          `json:"scheme"`
	Case       string          `json:"case"`
	Secret     json.RawMessage `json:"secret"`
	Salt       string          `json:"salt"`
	Payload    json.RawMessage `json:"payload"`
	Signed     string          `json:"signed"`
	Timestamp  *int64          `json:"timestamp"`
	Derivation string          `json:"key_derivation"`
	Digest     string          `json:"digest"`
	Separator  string          `json:"sep"`
	Now        int64           `json:"now"`
	MaxAge     *int64          `json:"max_age"`
	Expect     string          `json:"expect"`
	Detail     json.RawMessage `json:"detail"`
	Compressed bool            `json:"compressed"`

	CookieName string         `json:"cookie_name"`
	ID         string         `json:"sid"`
	RedisKey   string         `json:"redis_key"`
	RedisHex   string         `json:"redis_value_hex"`
	RedisText  string         `json:"redis_value"`
	Config     map[string]any `json:"config"`
	FileHex    string         `json:"file_hex"`
}

func vectors(t *testing.T, name string) []vector {
	t.Helper()
	text, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	var all []vector
	if err := json.Unmarshal(text, &all); err != nil {
		t.Fatal(err)
	}
	return all
}

// keys returns the secrets, the newest first.
func (v vector) keys(t *testing.T) []string {
	t.Helper()
	var one string
	if err := json.Unmarshal(v.Secret, &one); err == nil {
		return []string{one}
	}
	var all []string
	if err := json.Unmarshal(v.Secret, &all); err != nil {
		t.Fatal(err)
	}
	slices.Reverse(all)
	return all
}

func (v vector) signer(t *testing.T) itsdangerous.Signer {
	t.Helper()
	return itsdangerous.Signer{
		Keys:      v.keys(t),
		Salt:      v.Salt,
		Separator: v.Separator,
		Derivation: map[string]itsdangerous.Derivation{
			"concat": itsdangerous.Concat, "hmac": itsdangerous.HMAC, "none": itsdangerous.NoDerivation,
		}[v.Derivation],
		Hash: map[string]func() hash.Hash{"sha256": sha256.New, "sha1": sha1.New}[v.Digest],
	}
}

func TestVectorsAreReadAndWritten(t *testing.T) {
	t.Parallel()
	for i, v := range vectors(t, "accept.json") {
		t.Run(fmt.Sprint(i, " ", v.Scheme), func(t *testing.T) {
			t.Parallel()
			v.check(t)
		})
	}
}

func (v vector) check(t *testing.T) {
	t.Helper()
	var at time.Time
	if v.Timestamp != nil {
		at = time.Unix(*v.Timestamp, 0)
	}
	name, _, _ := strings.Cut(v.Scheme, "/")
	switch name {
	case "itsdangerous.Signer":
		v.checkText(t, v.signer(t).Unsign, v.signer(t).Sign)
	case "itsdangerous.TimestampSigner":
		v.checkText(t, func(s string) (string, error) {
			value, signed, err := v.signer(t).UnsignAt(s)
			if !signed.Equal(at) {
				t.Errorf("signed at %v, want %v", signed, at)
			}
			return value, err
		}, func(s string) string { return v.signer(t).SignAt(s, at) })
	case "itsdangerous.URLSafeTimedSerializer":
		s := itsdangerous.TimedSerializer{Signer: v.signer(t)}
		got, signed, err := s.Loads(v.Signed, at)
		if err != nil || !signed.Equal(at) {
			t.Fatalf("read at %v: %v", signed, err)
		}
		equal(t, got, v.Payload)
		if again, err := s.Dumps(got, at); err != nil || (again != v.Signed && !v.Compressed) {
			t.Errorf("written %q, %v; want %q", again, err, v.Signed)
		}
	case "cookie-signature":
		v.checkText(t, Express{Keys: v.keys(t)}.Unsign, Express{Keys: v.keys(t)}.Sign)
	case "flask.SecureCookieSession":
		f := Flask{Keys: v.keys(t)}
		values := v.checkSource(t, f, f.decode, at)
		v.checkTagged(t, values)
		v.checkWritten(t, f.encode, values, at)
	case "starlette.SessionMiddleware":
		s := Starlette{Keys: v.keys(t)}
		values := v.checkSource(t, s, s.decode, at)
		equal(t, values, v.Payload)
		v.checkWritten(t, s.encode, values, at)
	case "starsessions.CookieStore":
		s := Starsessions{Keys: v.keys(t)}
		equal(t, v.checkSource(t, s, s.decode, at), json.RawMessage(`{"user":"a"}`))
	case "fastsession.FastSessionMiddleware":
		v.checkFastSession(t, at)
	case "flask-session.redis":
		v.checkFlaskSession(t)
	case "express-session":
		v.checkExpress(t)
	case "flask-session.filesystem(cachelib)":
		v.checkPickle(t)
	default:
		t.Fatalf("unknown scheme %q", v.Scheme)
	}
}

// checkText checks what is text before and after.
func (v vector) checkText(t *testing.T, unsign func(string) (string, error), sign func(string) string) {
	t.Helper()
	var payload string
	if err := json.Unmarshal(v.Payload, &payload); err != nil {
		t.Fatal(err)
	}
	if got, err := unsign(v.Signed); err != nil || got != payload {
		t.Errorf("read %q, %v; want %q", got, err, payload)
	}
	if got := sign(payload); got != v.Signed && !strings.HasSuffix(v.Scheme, "rotation") {
		t.Errorf("written %q, want %q", got, v.Signed)
	}
	if got, err := unsign(sign(payload)); err != nil || got != payload {
		t.Errorf("what was written is read as %q, %v", got, err)
	}
}

// checkSource reads the vector at the time when it was made, and does not read what
// is not the whole of it.
func (v vector) checkSource(t *testing.T, s Source, decode decoder, at time.Time) Values {
	t.Helper()
	legacy, err := decode(t.Context(), v.Signed, at)
	if err != nil {
		t.Fatal(err)
	}
	if !legacy.Signed.Equal(at) {
		t.Errorf("signed at %v, want %v", legacy.Signed, at)
	}
	for n := range len(v.Signed) {
		if _, err := decode(t.Context(), v.Signed[:n], at); err == nil {
			t.Fatalf("the first %d of %d bytes are accepted", n, len(v.Signed))
		}
	}
	if got := s.Expired().MaxAge; got != -1 {
		t.Errorf("the cookie that ends the session lives for %d s", got)
	}
	return legacy.Values
}

type decoder = func(context.Context, string, time.Time) (Legacy, error)

func (v vector) checkTagged(t *testing.T, values Values) {
	t.Helper()
	tagged, err := tag(values)
	if err != nil {
		t.Fatal(err)
	}
	text, err := python.EncodeJSON(tagged, python.Compact)
	if err != nil {
		t.Fatal(err)
	}
	equalJSON(t, []byte(text), v.Payload)
}

// checkWritten compares what is written with the vector, up to compression,
// where zlib's results differ.
func (v vector) checkWritten(t *testing.T, encode func(Values, time.Time) (string, error), values Values, at time.Time) {
	t.Helper()
	got, err := encode(values, at)
	if err != nil {
		t.Fatal(err)
	}
	if got != v.Signed && !strings.HasPrefix(v.Signed, ".") {
		t.Errorf("written %q, want %q", got, v.Signed)
	}
}

func (v vector) checkFastSession(t *testing.T, at time.Time) {
	t.Helper()
	ids := map[string]string{}
	if err := json.Unmarshal(v.Payload, &ids); err != nil {
		t.Fatal(err)
	}
	id := ids[v.CookieName]
	f := FastSession{
		Keys:    v.keys(t),
		Cookie:  http.Cookie{Name: v.CookieName},
		Records: records{id: `{"cart":["a"],"__cause__":"new"}`},
	}
	equal(t, v.checkSource(t, f, f.decode, at), json.RawMessage(`{"cart":["a"]}`))
	f.Cookie.Name = "another"
	if _, err := f.decode(t.Context(), v.Signed, at); err == nil {
		t.Error("accepted under another cookie's name")
	}
}

func (v vector) checkFlaskSession(t *testing.T) {
	t.Helper()
	record, err := hex.DecodeString(v.RedisHex)
	if err != nil {
		t.Fatal(err)
	}
	f := FlaskSession{Records: records{v.RedisKey: string(record)}}
	if v.Config["SESSION_USE_SIGNER"] == true {
		f.Keys = v.keys(t)
	}
	legacy, err := f.decode(t.Context(), v.Signed, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	equal(t, legacy.Values, v.Payload)
	if legacy.Record != v.RedisKey {
		t.Errorf("the record is %q, want %q", legacy.Record, v.RedisKey)
	}
}

func (v vector) checkExpress(t *testing.T) {
	t.Helper()
	e := Express{Keys: v.keys(t), Records: records{v.RedisKey: v.RedisText}}
	legacy, err := e.decode(t.Context(), v.Signed, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	id := strings.TrimPrefix(v.RedisKey, "sess:")
	cookie, record, err := e.Encode(id, legacy.Values, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	if cookie != v.Signed {
		t.Errorf("written %q, want %q", cookie, v.Signed)
	}
	equalJSON(t, record, json.RawMessage(v.RedisText))
}

func (v vector) checkPickle(t *testing.T) {
	t.Helper()
	file, err := hex.DecodeString(v.FileHex)
	if err != nil {
		t.Fatal(err)
	}
	for _, record := range [][]byte{file, file[4:]} {
		_, err := FlaskSession{Records: records{"session:x": string(record)}}.decode(t.Context(), "x", time.Now())
		if err == nil {
			t.Error("a pickle was read")
		}
	}
}

func TestVectorsAreRefusedAsTheOriginalRefusesThem(t *testing.T) {
	t.Parallel()
	for _, v := range vectors(t, "reject.json") {
		t.Run(v.Case, func(t *testing.T) {
			t.Parallel()
			now := time.Unix(v.Now, 0)
			s := itsdangerous.TimedSerializer{Signer: v.signer(t)}
			if v.MaxAge != nil {
				s.MaxAge = time.Duration(*v.MaxAge) * time.Second
			}
			got, _, err := s.Loads(v.Signed, now)
			if accepted := err == nil; accepted != (v.Expect == "accept") {
				t.Fatalf("%s by the original: %s; here: %v", v.Expect, v.Detail, err)
			}
			if err == nil {
				equal(t, got, v.Detail)
			}
		})
	}
}

// records are those of a server that is never down.
type records map[string]string

func (r records) Load(_ context.Context, key string) ([]byte, error) {
	record, ok := r[key]
	if !ok {
		return nil, ErrNotFound
	}
	return []byte(record), nil
}

func (r records) Delete(_ context.Context, key string) error {
	delete(r, key)
	return nil
}

// equal compares what was read with JSON.
func equal(t *testing.T, got any, want json.RawMessage) {
	t.Helper()
	text, err := json.Marshal(got)
	if err != nil {
		t.Fatal(err)
	}
	equalJSON(t, text, want)
}

func equalJSON(t *testing.T, got, want []byte) {
	t.Helper()
	var g, w any
	if err := json.Unmarshal(got, &g); err != nil {
		t.Fatalf("%v: %s", err, got)
	}
	if err := json.Unmarshal(want, &w); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(g, w) {
		t.Errorf("read %s, want %s", got, want)
	}
}

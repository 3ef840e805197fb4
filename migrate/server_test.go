package migrate

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/gob"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

// Here are the sources whose sessions are at the server, and gorilla's cookie. That
// the formats are the originals' is for the tests with the originals themselves.

func TestFlaskSessionReadsBothFormatsWhicheverIsSet(t *testing.T) {
	t.Parallel()
	for name, record := range map[string]string{
		"msgpack": "\x82\xa4cart\x92\xa1a\xa1b\xa1n\x07",
		"json":    ` {"cart":["a","b"],"n":7}`,
	} {
		f := FlaskSession{Records: records{"session:id": record}}
		got, err := f.decode(t.Context(), "id", time.Now())
		if want := (Values{"cart": []any{"a", "b"}, "n": int64(7)}); err != nil || !reflect.DeepEqual(got.Values, want) {
			t.Errorf("%s: %#v, %v", name, got.Values, err)
		}
	}
}

func TestRecordsThatAreNoneAreRefused(t *testing.T) {
	t.Parallel()
	pickle := "\x80\x04\x95\x0a\x00\x00\x00\x00\x00\x00\x00}\x94\x8c\x01u\x94\x8c\x01x\x94s."
	for why, record := range map[string]string{
		"pickled":           pickle,
		"no dictionary":     "\x92\x01\x02",
		"cut off":           "\x82\xa1a",
		"MessagePack":       "(dp0\n.", // an older pickle
		"over 1048576":      `{"a":"` + strings.Repeat("x", maxRecord) + `"}`,
		"JSON does not":     `{"a":`,
		"no format":         "\xc1",
		"followed by":       "\x80\x80",
		"extension of type": "\x81\xa1a\xd4\x05\x00",
	} {
		_, err := FlaskSession{Records: records{"session:id": record}}.decode(t.Context(), "id", time.Now())
		if !errors.Is(err, ErrRefused) || !strings.Contains(err.Error(), why) {
			t.Errorf("%.20q: %v, want %q", record, err, why)
		}
	}
	_, err := FlaskSession{Records: records{}}.decode(t.Context(), "gone", time.Now())
	if !errors.Is(err, ErrRefused) || !strings.Contains(err.Error(), "ended") {
		t.Errorf("without a record: %v", err)
	}
	_, err = FlaskSession{Records: records{}}.decode(t.Context(), strings.Repeat("x", maxID+1), time.Now())
	if !errors.Is(err, ErrRefused) {
		t.Errorf("a long id: %v", err)
	}
}

func TestStarsessionsReadsItsRedisStore(t *testing.T) {
	t.Parallel()
	s := Starsessions{Records: records{"starsessions.id": `{"a": 1, "__metadata__": {"lifetime": 0}}`}}
	got, err := s.decode(t.Context(), "id", time.Now())
	if want := (Values{"a": int64(1)}); err != nil || !reflect.DeepEqual(got.Values, want) || got.Record != "starsessions.id" {
		t.Errorf("%#v, %v", got, err)
	}
}

func TestFastSessionReadsAStoreLikeItsOwn(t *testing.T) {
	t.Parallel()
	r := records{"fs:id": `{"created_at":1,"store":{"cart":[1],"__cause__":"new"}}`}
	f := FastSession{Keys: []string{"k"}, Records: r, Prefix: "fs:"}
	value, err := fastSessionCookie(f, map[string]any{"sid": "id"})
	if err != nil {
		t.Fatal(err)
	}
	got, err := f.decode(t.Context(), value, time.Now())
	if want := (Values{"cart": []any{int64(1)}}); err != nil || !reflect.DeepEqual(got.Values, want) {
		t.Errorf("%#v, %v", got, err)
	}
	for _, payload := range []any{map[string]any{"other": "id"}, map[string]any{"sid": int64(7)}, []any{"id"}} {
		value, err := fastSessionCookie(f, payload)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.decode(t.Context(), value, time.Now()); !errors.Is(err, ErrRefused) {
			t.Errorf("%v: %v", payload, err)
		}
	}
}

func TestExpressRefusesAndSaysWhy(t *testing.T) {
	t.Parallel()
	now := time.Now()
	e := Express{Keys: []string{"new", "old"}, Records: records{
		"sess:id":    `{"cookie":{"expires":null},"a":1}`,
		"sess:late":  fmt.Sprintf(`{"cookie":{"expires":%q},"a":1}`, now.Add(-time.Second).UTC().Format(time.RFC3339Nano)),
		"sess:bare":  `{"a":1}`,
		"sess:date":  `{"cookie":{"expires":"soon"},"a":1}`,
		"sess:array": `[1]`,
		"sess:nan":   `{"cookie":{},"a":NaN}`,
		"sess:a.b":   `{"cookie":{}}`,
	}}
	good := "s:" + e.Sign("id")
	escaped := "s%3A" + strings.ReplaceAll(e.Sign("id"), "+", "%2B")
	older := "s:" + Express{Keys: []string{"old"}}.Sign("id")
	for _, value := range []string{good, escaped, older, "s:" + e.Sign("a.b")} {
		if _, err := e.decode(t.Context(), value, now); err != nil {
			t.Errorf("%q: %v", value, err)
		}
	}
	for value, why := range map[string]string{
		good + "=":         "signature",
		good[:len(good)-1]: "signature",
		"s:id":             "signature",
		"s:" + Express{Keys: []string{"x"}}.Sign("id"): "signature",
		"id":                   "not signed",
		"j:" + good[2:]:        "not signed",
		"s:" + e.Sign(""):      "id is empty",
		"s:" + e.Sign("gone"):  "ended",
		"s:" + e.Sign("late"):  "expired",
		"s:" + e.Sign("bare"):  "describe its cookie",
		"s:" + e.Sign("date"):  "expiry does not parse",
		"s:" + e.Sign("array"): "no dictionary",
		"s:" + e.Sign("nan"):   "JSON does not parse",
	} {
		_, err := e.decode(t.Context(), value, now)
		if !errors.Is(err, ErrRefused) || !strings.Contains(err.Error(), why) {
			t.Errorf("%q: %v, want %q", value, err, why)
		}
	}
}

type account struct{ ID int }

// gobOf registers account, and encodes.
func gobOf(tb testing.TB, v any) []byte {
	tb.Helper()
	gob.Register(account{})
	var b bytes.Buffer
	if err := gob.NewEncoder(&b).Encode(v); err != nil {
		tb.Fatal(err)
	}
	return b.Bytes()
}

func TestSCSReadsItsRecords(t *testing.T) {
	t.Parallel()
	now := time.Now()
	record := func(deadline time.Time, values map[string]any) string {
		return string(gobOf(t, &struct {
			Deadline time.Time
			Values   map[string]any
		}{deadline, values}))
	}
	store := records{
		"token":   record(now.Add(time.Hour), map[string]any{"cart": []string{"a"}, "who": account{7}, "__rememberMe": true}),
		"old":     record(now, map[string]any{}),
		"garbage": "\x7f\x01\x02",
		"PEaXJNTiFKkC5NLfp_UYrW_OtNVhL9HsiGXYQwz1Zxg": "",
	}
	got, err := SCS{Store: scsStore(store)}.decode(t.Context(), "token", now)
	want := Values{"cart": []string{"a"}, "who": account{7}, "__rememberMe": true}
	if err != nil || !reflect.DeepEqual(got.Values, want) {
		t.Errorf("%#v, %v", got.Values, err)
	}
	for token, why := range map[string]string{"old": "expired", "garbage": "gob", "gone": "ended"} {
		_, err := SCS{Store: scsStore(store)}.decode(t.Context(), token, now)
		if !errors.Is(err, ErrRefused) || !strings.Contains(err.Error(), why) {
			t.Errorf("%s: %v, want %q", token, err, why)
		}
	}
	sum := sha256.Sum256([]byte("token"))
	hashed := records{base64.RawURLEncoding.EncodeToString(sum[:]): store["token"]}
	if _, err := (SCS{Store: scsStore(hashed), HashToken: true}).decode(t.Context(), "token", now); err != nil {
		t.Errorf("with hashed tokens: %v", err)
	}
}

func TestTypesThatAreNotRegisteredAreRefused(t *testing.T) {
	t.Parallel()
	record := gobOf(t, map[any]any{"who": account{7}})
	unknown := bytes.ReplaceAll(record, []byte("migrate.account"), []byte("migrate.stowawa"))
	if bytes.Equal(record, unknown) {
		t.Fatal("the name of the type is not in the record")
	}
	g := Gorilla{Keys: [][]byte{{'k'}}, Cookie: http.Cookie{Name: "s"}}
	_, err := g.decode(t.Context(), gorillaCookie(t, "s", []byte("k"), nil, unknown, time.Now()), time.Now())
	if !errors.Is(err, ErrRefused) || !strings.Contains(err.Error(), "not registered") {
		t.Errorf("decode: %v", err)
	}
}

// gorillaCookie does what securecookie does.
func gorillaCookie(tb testing.TB, name string, hashKey, blockKey, value []byte, at time.Time) string {
	tb.Helper()
	if blockKey != nil {
		block, err := aes.NewCipher(blockKey)
		if err != nil {
			tb.Fatal(err)
		}
		iv := []byte("0123456789abcdef")
		sealed := make([]byte, len(value))
		cipher.NewCTR(block, iv).XORKeyStream(sealed, value)
		value = slices.Concat(iv, sealed)
	}
	text := fmt.Sprintf("%d|%s", at.Unix(), base64.URLEncoding.EncodeToString(value))
	h := hmac.New(sha256.New, hashKey)
	h.Write([]byte(name + "|" + text))
	return base64.URLEncoding.EncodeToString(append([]byte(text+"|"), h.Sum(nil)...))
}

func TestGorillaReadsItsCookies(t *testing.T) {
	t.Parallel()
	now := time.Now()
	hashKey, blockKey := []byte("a hash key"), []byte("a block key with 32 bytes in it.")
	g := Gorilla{Keys: [][]byte{[]byte("newer"), nil, hashKey, blockKey, hashKey}, Cookie: http.Cookie{Name: "shop"}}
	values := gobOf(t, map[any]any{"who": account{7}, 5: "five", "5": "text", "_flash": []any{"hello"}})
	want := Values{"who": account{7}, "5": "text", "_flash": []any{"hello"}}
	for name, value := range map[string]string{
		"encrypted": gorillaCookie(t, "shop", hashKey, blockKey, values, now),
		"signed":    gorillaCookie(t, "shop", hashKey, nil, values, now),
		"future":    gorillaCookie(t, "shop", hashKey, nil, values, now.Add(time.Hour)),
		"in time":   gorillaCookie(t, "shop", hashKey, nil, values, now.Add(-gorillaMaxAge)),
	} {
		got, err := g.decode(t.Context(), value, now)
		if err != nil || !reflect.DeepEqual(got.Values, want) {
			t.Errorf("%s: %#v, %v", name, got.Values, err)
		}
	}
	for why, value := range map[string]string{
		"base64":    "a|b|c",
		"signature": gorillaCookie(t, "other", hashKey, nil, values, now),
		"too long":  gorillaCookie(t, "shop", hashKey, nil, values, now.Add(-gorillaMaxAge-time.Second)),
		"gob":       gorillaCookie(t, "shop", hashKey, nil, []byte("no gob"), now),
	} {
		if why == "signature" || why == "base64" {
			g.Keys = [][]byte{hashKey}
		}
		if _, err := g.decode(t.Context(), value, now); !errors.Is(err, ErrRefused) || !strings.Contains(err.Error(), why) {
			t.Errorf("%s: %v", why, err)
		}
		if _, err := (Gorilla{Cookie: g.Cookie}).decode(t.Context(), value, now); !errors.Is(err, ErrRefused) {
			t.Errorf("%s, without keys: %v", why, err)
		}
	}
}

func TestGorillaReadsFilesAndRedis(t *testing.T) {
	t.Parallel()
	now, key, dir := time.Now(), []byte("a hash key"), t.TempDir()
	values := gobOf(t, map[any]any{"cart": []string{"a"}})
	cookie := func(id string) string { return gorillaCookie(t, "shop", key, nil, gobOf(t, id), now) }
	file := filepath.Join(dir, "session_ID7")
	if err := os.WriteFile(file, []byte(gorillaCookie(t, "shop", key, nil, values, now)), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("/etc/passwd", filepath.Join(dir, "session_link")); err != nil {
		t.Log(err)
	}
	base := Gorilla{Keys: [][]byte{key}, Cookie: http.Cookie{Name: "shop"}}
	files, redis, jsons := base, base, base
	files.Dir = dir
	redis.Records = records{"session_ID7": string(values)}
	jsons.Records, jsons.JSON = records{"session_ID7": `{"cart":["a"],"user":9007199254740993}`}, true
	for name, g := range map[string]Gorilla{"files": files, "redis": redis, "json": jsons} {
		got, err := g.decode(t.Context(), cookie("ID7"), now)
		if err != nil || got.Record != "session_ID7" || fmt.Sprint(got.Values["cart"]) != "[a]" {
			t.Errorf("%s: %#v, %v", name, got, err)
		}
		if id, err := Value[int64](got.Values, "user"); name == "json" && (id != 9007199254740993 || err != nil) {
			t.Errorf("%s: the user is %d, %v", name, id, err) // the number beside it is somebody else's
		}
		for range 2 {
			if err := g.Delete(t.Context(), got.Record); err != nil {
				t.Errorf("%s: delete: %v", name, err)
			}
		}
		if _, err := g.decode(t.Context(), cookie("ID7"), now); !errors.Is(err, ErrRefused) {
			t.Errorf("%s: after Delete: %v", name, err)
		}
	}
	for _, id := range []string{"../session_ID7", "link", "/etc/passwd", ".."} {
		if got, err := files.decode(t.Context(), cookie(id), now); err == nil {
			t.Errorf("%q: %v", id, got)
		}
	}
}

func fastSessionCookie(f FastSession, payload any) (string, error) {
	return f.serializer().Dumps(payload, time.Now())
}

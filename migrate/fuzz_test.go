package migrate

import (
	"encoding/base64"
	"encoding/hex"
	"errors"
	"net/http"
	"reflect"
	"testing"
	"time"

	"github.com/cloakroom-go/cloakroom/migrate/itsdangerous"
)

// FuzzCookies sends anything as the cookie of every source: without the key,
// nothing is accepted, and whatever it is, the reason is a refusal.
func FuzzCookies(f *testing.F) {
	for _, seed := range []string{
		"", "a.b.c", "eyJhIjoxfQ.aSDRkg.AAAA", ".eJw.aSDRkg.AAAA", "s%3Aid.AAAA", "s:id.AAAA", "MTc2NHxBfA==", "an-id",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		for _, s := range sources(records{}) {
			name := s.Expired().Name
			r := request(t, &http.Cookie{Name: name, Value: value})
			if _, err := s.Read(r); !errors.Is(err, ErrRefused) && !errors.Is(err, ErrNone) {
				t.Errorf("%T: %v", s, err)
			}
		}
	})
}

// FuzzFlask signs anything as Flask's payload. What is read, is written and read
// again the same.
func FuzzFlask(f *testing.F) {
	flask := Flask{Keys: []string{"k"}}
	for _, seed := range []string{
		`{"a":{" t":[1,{" b":"AP8Q"},{" m":"<b>"},{" u":"3f0a9c9e111142228333444455556666"}]}}`,
		`{"d":{" d":"Thu, 29 Feb 2024 12:34:56 GMT"},"e":{" di":{" t__":[1]}}}`,
		`{"n":[NaN,-Infinity,1e400,123456789012345678901234567890]}`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		now := time.Now()
		first, err := flask.decode(t.Context(), flaskCookie(t, flask, text), now)
		if err != nil {
			if !errors.Is(err, ErrRefused) {
				t.Error(err)
			}
			return
		}
		value, err := flask.encode(first.Values, now)
		if err != nil {
			return // text that Go's time has and Python's has not
		}
		again, err := flask.decode(t.Context(), value, now)
		if err == nil && !sameText(t, flask, first.Values, again.Values) {
			t.Errorf("%s: %#v, then %#v", text, first.Values, again.Values)
		}
	})
}

// sameText compares values that may hold NaN, by what is written of them.
func sameText(t *testing.T, f Flask, a, b Values) bool {
	t.Helper()
	now := time.Now()
	x, errX := f.encode(a, now)
	y, errY := f.encode(b, now)
	return x == y && errX == nil && errY == nil
}

// FuzzStarlette signs anything as the payload of Starlette and starsessions.
func FuzzStarlette(f *testing.F) {
	starlette := Starlette{Keys: []string{"k"}}
	f.Add("eyJhIjogMX0=")
	f.Add("e30")
	f.Add(base64.StdEncoding.EncodeToString([]byte(`{"a": [NaN, {"__metadata__": {}}]}`)))
	f.Fuzz(func(t *testing.T, payload string) {
		value := itsdangerous.Signer{Keys: starlette.Keys}.SignAt(payload, time.Now())
		for _, decode := range []decoder{starlette.decode, Starsessions{Keys: starlette.Keys}.decode} {
			if _, err := decode(t.Context(), value, time.Now()); err != nil && !errors.Is(err, ErrRefused) {
				t.Error(err)
			}
		}
	})
}

// FuzzRecords gives anything to the sources that have records.
func FuzzRecords(f *testing.F) {
	for _, seed := range []string{
		"82aa5f7065726d616e656e74c3a8757365726e616d65a74a6f686e446f65", "81a161d6ff00000000", "de0001a161dd00000001c0",
		hex.EncodeToString([]byte(`{"cookie":{"expires":null},"a":1}`)),
		hex.EncodeToString([]byte(`{"created_at":1,"store":{"a":1}}`)),
		"80049500000000",
	} {
		record, err := hex.DecodeString(seed)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(record)
	}
	f.Add(gobOf(f, map[any]any{"a": []any{1, account{7}}}))
	f.Add(gobOf(f, struct {
		Deadline time.Time
		Values   map[string]any
	}{time.Now().AddDate(100, 0, 0), map[string]any{"a": []string{"b"}}}))
	f.Fuzz(func(t *testing.T, record []byte) {
		now := time.Now()
		r := records{}
		for _, key := range []string{"id", "session:id", "sess:id", "starsessions.id", "session_id"} {
			r[key] = string(record)
		}
		keys := []string{"k"}
		fast := FastSession{Keys: keys, Records: r}
		cookie, err := fastSessionCookie(fast, map[string]any{"sid": "id"})
		if err != nil {
			t.Fatal(err)
		}
		express := Express{Keys: keys, Records: r}
		gorilla := Gorilla{Keys: [][]byte{{'k'}}, Cookie: http.Cookie{Name: "s"}}
		redistore := gorilla
		redistore.Records = r
		for name, read := range map[string]func() (Legacy, error){
			"FlaskSession": func() (Legacy, error) { return FlaskSession{Records: r}.decode(t.Context(), "id", now) },
			"Starsessions": func() (Legacy, error) { return Starsessions{Records: r}.decode(t.Context(), "id", now) },
			"FastSession":  func() (Legacy, error) { return fast.decode(t.Context(), cookie, now) },
			"Express":      func() (Legacy, error) { return express.decode(t.Context(), "s:"+express.Sign("id"), now) },
			"SCS":          func() (Legacy, error) { return SCS{Store: scsStore(r)}.decode(t.Context(), "id", now) },
			"Gorilla": func() (Legacy, error) {
				return gorilla.decode(t.Context(), gorillaCookie(t, "s", []byte("k"), nil, record, now), now)
			},
			"redistore": func() (Legacy, error) {
				return redistore.decode(t.Context(), gorillaCookie(t, "s", []byte("k"), nil, gobOf(t, "id"), now), now)
			},
		} {
			legacy, err := read()
			if err != nil && !errors.Is(err, ErrRefused) {
				t.Errorf("%s: %v", name, err)
			}
			if err != nil && !reflect.DeepEqual(legacy, Legacy{}) {
				t.Errorf("%s: refused with %v", name, legacy)
			}
		}
	})
}

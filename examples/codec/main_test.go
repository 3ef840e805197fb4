package main

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/cloakroom-go/cloakroom/core/session"
)

func open(t *testing.T) session.Codec {
	t.Helper()
	c, err := newCodec()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestTheSecondVisitKnowsTheFirst(t *testing.T) {
	t.Parallel()
	h, err := newHandler()
	if err != nil {
		t.Fatal(err)
	}
	first, second := httptest.NewRecorder(), httptest.NewRecorder()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", http.NoBody)
	h.ServeHTTP(first, r)
	for _, c := range first.Result().Cookies() {
		if !c.Secure {
			t.Errorf("%v goes over plain http, also where somebody listens", c)
		}
		r.AddCookie(c)
	}
	h.ServeHTTP(second, r)
	never := time.Time{}.String()
	if !strings.Contains(first.Body.String(), never) || strings.Contains(second.Body.String(), never) {
		t.Errorf("got %q and %q, want never first, and then a time", first.Body, second.Body)
	}
}

func TestEveryValueComesBack(t *testing.T) {
	t.Parallel()
	type value struct {
		Text  string
		Bytes []byte
		Map   map[string]int
		Time  time.Time
	}
	c := open(t)
	want := value{"é", []byte{0, 255}, map[string]int{"a": 1, "b": 2, "c": 3}, time.Now().UTC().Round(0)}
	data, err := c.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	for range 20 { // maps have no order
		again, err := c.Marshal(want)
		if err != nil || !bytes.Equal(again, data) {
			t.Fatalf("encoded %x, then %x, %v", data, again, err)
		}
	}
	var got value
	if err := c.Unmarshal(data, &got); err != nil {
		t.Fatal(err)
	}
	clear(data) // it belongs to the session, and must not be kept
	if got.Text != want.Text || !bytes.Equal(got.Bytes, want.Bytes) || got.Map["c"] != 3 || !got.Time.Equal(want.Time) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestHostileDataIsAnError(t *testing.T) {
	t.Parallel()
	c := open(t)
	for name, data := range map[string]string{
		"nothing":                        "",
		"an end that is missing":         "\x82\x01",
		"more than a value":              "\x01\x01",
		"a length beyond the data":       "\x9b\x7f\xff\xff\xff\xff\xff\xff\xff",
		"deep nesting":                   strings.Repeat("\x81", 10_000) + "\x01",
		"a length that is not announced": "\x9f\x01\xff",
		"the same key twice":             "\xa2\x61a\x01\x61a\x02",
		"text that is not UTF-8":         "\x61\xff",
	} {
		var v any
		if err := c.Unmarshal([]byte(data), &v); err == nil {
			t.Errorf("%s: decoded as %v, want an error", name, v)
		}
	}
}

package session_test

import (
	"bytes"
	"encoding/gob"
	"errors"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/cloakroom-go/cloakroom/core/session"
)

type profile struct {
	Name  string
	Roles []string
	Tags  map[string]int
}

var profiles = session.NewKey[profile]("profile")

func TestValuesComeBackAsTheyWereSet(t *testing.T) {
	t.Parallel()
	want := profile{"Ann", []string{"admin", "cook"}, map[string]int{"a": 1}}
	for name, codec := range map[string]session.Codec{"JSON": nil, "another codec": gobCodec{}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newEnv(t, func(o *session.Options) { o.Codec = codec })
			v := e.seed(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
				profiles.Set(s, want)
				if got := profiles.Get(s); !reflect.DeepEqual(got, want) {
					t.Errorf("in the same request: %v, want %v", got, want)
				}
			})
			if got, ok := read(v, profiles); !ok || !reflect.DeepEqual(got, want) {
				t.Errorf("in the next request: %v, %v, want %v", got, ok, want)
			}
		})
	}
}

// gobCodec stands for a codec of the application's own.
type gobCodec struct{}

func (gobCodec) Marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	err := gob.NewEncoder(&b).Encode(v)
	return b.Bytes(), err
}

func (gobCodec) Unmarshal(data []byte, v any) error {
	return gob.NewDecoder(bytes.NewReader(data)).Decode(v)
}

func TestLookupTellsAbsentFromZero(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	e.visitor().do(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
		if v, ok := counter.Lookup(s); ok || v != 0 || s.Has("counter") {
			t.Errorf("absent: %d, %v", v, ok)
		}
		counter.Set(s, 0)
		if v, ok := counter.Lookup(s); !ok || v != 0 || !s.Has("counter") {
			t.Errorf("zero: %d, %v", v, ok)
		}
		pointer := session.NewKey[*int]("pointer")
		pointer.Set(s, nil)
		if v, ok := pointer.Lookup(s); !ok || v != nil {
			t.Errorf("nil: %v, %v", v, ok)
		}
		counter.Delete(s)
		if _, ok := counter.Lookup(s); ok {
			t.Error("still there after Delete")
		}
	})
}

func TestWhatGetReturnsIsNotShared(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	v := e.visitor()
	v.do(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
		mine := []string{"a", "b"}
		cart.Set(s, mine)
		mine[0] = "changed"
		got := cart.Get(s)
		got[1] = "changed"
		if got := cart.Get(s); !slices.Equal(got, []string{"a", "b"}) {
			t.Errorf("cart %q, want [a b]", got)
		}
	})
	if got, _ := read(v, cart); !slices.Equal(got, []string{"a", "b"}) {
		t.Errorf("stored cart %q, want [a b]", got)
	}
}

func TestPopReturnsTheValueOnce(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	v := e.seed(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) { name.Set(s, "once") })
	v.do(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
		if got, ok := name.Pop(s); got != "once" || !ok {
			t.Errorf("first Pop: %q, %v", got, ok)
		}
		if got, ok := name.Pop(s); got != "" || ok {
			t.Errorf("second Pop: %q, %v", got, ok)
		}
	})
	if got, ok := read(v, name); ok {
		t.Errorf("popped value is back: %q", got)
	}
}

func TestAValueThatDoesNotDecodeIsAbsentAndLoggedByName(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	const secret = "the value is nobody's business"
	v := e.seed(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
		name.Set(s, secret)
		counter.Set(s, 1)
	})
	e.secret(secret)
	number := session.NewKey[int](name.Name())
	res := v.do(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
		if got, ok := number.Lookup(s); got != 0 || ok {
			t.Errorf("Lookup: %d, %v, want the zero value and false", got, ok)
		}
		if !strings.Contains(e.logs.String(), "key=name") || !strings.Contains(e.logs.String(), s.ID()) {
			t.Errorf("logged %q, want the key and the id", e.logs)
		}
		number.Set(s, 1)
	})
	wantStatus(t, res, http.StatusOK)
	if got, _ := read(v, number); got != 1 {
		t.Errorf("set to %d, want 1", got)
	}
	if got, _ := read(v, counter); got != 1 {
		t.Errorf("another value is gone: counter %d, want 1", got)
	}
}

// A half-decoded value must not leak out of a codec that fails late.
func TestAValueThatFailsToDecodeHalfwayIsZero(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	e.visitor().do(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
		session.NewKey[map[string]any]("profile").Set(s, map[string]any{"Name": "Ann", "Roles": 7})
		if got, ok := profiles.Lookup(s); ok || got.Name != "" {
			t.Errorf("Lookup: %v, %v", got, ok)
		}
	})
}

func TestUpdateMayUseTheSession(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	e.visitor().do(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
		counter.Set(s, 41)
		name.Update(s, func(string) string {
			cart.Set(s, []string{"x"})
			return strings.Repeat("x", counter.Get(s)+1)
		})
		if got := name.Get(s); len(got) != 42 || len(cart.Get(s)) != 1 {
			t.Errorf("name has %d bytes, cart %q", len(got), cart.Get(s))
		}
	})
}

// A level has no encoding for its zero value, as many enumerations have none.
type level int

func (l level) MarshalText() ([]byte, error) {
	if l == 0 {
		return nil, errors.New("no such level")
	}
	return strconv.AppendInt(nil, int64(l), 10), nil
}

func (l *level) UnmarshalText(b []byte) error {
	n, err := strconv.Atoi(string(b))
	*l = level(n)
	return err
}

func TestUpdateWorksForTypesWhoseZeroValueHasNoEncoding(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	v := e.visitor()
	levels := session.NewKey[level]("level")
	wantStatus(t, v.do(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
		levels.Update(s, func(l level) level { return l + 1 })
	}), http.StatusOK)
	if got, _ := read(v, levels); got != 1 {
		t.Errorf("level %d, want 1", got)
	}
}

func TestAFailedSetLeavesTheOldValue(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	e.seed(count).do(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		session.NewKey[any]("counter").Set(s, func() {})
		if got := counter.Get(s); got != 1 {
			t.Errorf("counter %d, want 1", got)
		}
		if err := s.Commit(r.Context()); !errors.Is(err, session.ErrEncode) || !strings.Contains(err.Error(), "counter") {
			t.Errorf("Commit: %v, want ErrEncode with the key's name", err)
		}
		w.WriteHeader(http.StatusOK)
	})
}

func TestNamesOfKeysAreFree(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	names := []string{"", " ", "a\x00b", "ключ", strings.Repeat("n", 1000), "a", "b"}
	v := e.seed(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
		for i, n := range names {
			session.NewKey[int](n).Set(s, i)
		}
	})
	for i, n := range names {
		if got, ok := read(v, session.NewKey[int](n)); got != i || !ok {
			t.Errorf("%.10q: %d, %v, want %d", n, got, ok, i)
		}
	}
}

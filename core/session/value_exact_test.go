package session_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/cloakroom-go/cloakroom/core/session"
)

// set is a handler that sets a value and panics with what the commit has said, unless
// it is nil.
func set[T any](v T) handler {
	return func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
		session.NewKey[T]("value").Set(s, v)
		if err := s.Commit(r.Context()); err != nil {
			panic(err)
		}
	}
}

// try returns what a handler of set's has panicked with.
func try(v *visitor, f handler) (err error) {
	defer func() { err, _ = recover().(error) }()
	v.do(f)
	return nil
}

func TestAValueThatWouldComeBackAsAnotherIsRefused(t *testing.T) {
	t.Parallel()
	for name, f := range map[string]handler{
		"text that is not UTF-8":           set("a\xffb"),
		"a map's name that is not UTF-8":   set(map[string]int{"\xff": 1, "\xfe": 2}),
		"text within a struct":             set(struct{ Text string }{"\xff"}),
		"behind a backslash":               set(`\` + "\xff"),
		"a large integer in an any":        set(map[string]any{"n": int64(9007199254740993)}),
		"an interface with methods":        set[fmt.Stringer](time.Second),
		"an interface in a struct":         set(struct{ E error }{errors.New("x")}),
		"a channel":                        set(make(chan int)),
		"a large integer deep in an any":   set([]any{map[string]any{"n": uint64(1<<63 + 1)}}),
		"not UTF-8 in an any":              set[any]("\xff"),
		"a type that encodes itself badly": set(lossy{1}),
		"a large integer in an embedded":   set(struct{ embedded }{embedded{int64(9007199254740993)}}),
		"an embedded pointer":              set(struct{ *pointed }{&pointed{"x"}}),
		"fields that are not exported":     set(hidden{"x"}),
		"a list of them":                   set([]hidden{{"x"}}),
		"a map of them":                    set(map[string]*hidden{"a": {"x"}}),
		"a struct of them":                 set(struct{ Hidden hidden }{hidden{"x"}}),
		"an embedded one":                  set(struct{ hidden }{hidden{"x"}}),
		"one of them in an any":            set[any]([]any{hidden{"x"}}),
	} {
		e := newEnv(t)
		v := e.seed(count)
		if err := try(v, f); !errors.Is(err, session.ErrEncode) {
			t.Errorf("%s: %v, want ErrEncode", name, err)
		}
		if _, ok := read(v, session.NewKey[any]("value")); ok {
			t.Errorf("%s: it was stored", name)
		}
	}
}

type (
	embedded struct{ Any any }
	pointed  struct{ Name string }
	hidden   struct{ name string }
)

// lossy encodes itself to what it can't read back.
type lossy struct{ n int }

func (l lossy) MarshalJSON() ([]byte, error) { return json.Marshal(l.n) }

func TestAValueComesBackAsItWas(t *testing.T) {
	t.Parallel()
	comesBack(t, "é\u2028\ufffd 😀 \\ufffd \\\\ufffd")
	comesBack(t, map[string]string{"é": "e\u0301", "\ufffd": ""})
	comesBack(t, int64(9007199254740993))
	comesBack(t, map[string]any{"n": 9007199254740992.0, "list": []any{true, nil, "x"}})
	comesBack(t, []byte{0xff, 0})
	comesBack(t, time.Date(2026, 11, 26, 1, 2, 3, 4, time.UTC))
	comesBack(t, json.RawMessage(`{"a":1}`))
	comesBack(t, tree{Name: "root", Children: []*tree{{Name: "leaf"}}})
	comesBack(t, map[string]struct{}{"a set": {}})
	comesBack(t, []hidden{{}})
	comesBack(t, url.URL{Scheme: "https", Host: "shop.example"}) // its User would be lost
	comesBack(t, struct {
		Lock hidden `json:"-"`
		At   time.Time
		Any  any
	}{At: time.Date(2026, 11, 26, 1, 2, 3, 4, time.UTC), Any: "x"})
}

type tree struct {
	Name     string
	Children []*tree `json:",omitempty"`
}

func comesBack[T any](t *testing.T, want T) {
	t.Helper()
	v := newEnv(t).visitor()
	err := try(v, set(want))
	got, ok := read(v, session.NewKey[T]("value"))
	if err != nil || !ok || !reflect.DeepEqual(got, want) {
		t.Errorf("%#v came back as %#v, %v", want, got, err)
	}
}

// A rolling deployment may have another type for the same name.
func TestUpdateLeavesAValueThatDoesNotDecode(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	v := e.seed(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) { name.Set(s, "kept") })
	number := session.NewKey[int](name.Name())
	res := v.do(func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
		number.Update(s, increment)
		if err := s.Commit(r.Context()); !errors.Is(err, session.ErrDecode) {
			t.Errorf("Commit: %v, want ErrDecode", err)
		}
	})
	wantStatus(t, res, http.StatusInternalServerError)
	if got, _ := read(v, name); got != "kept" {
		t.Errorf("the value is %q now, want it kept", got)
	}
	for way, f := range map[string]handler{
		"Set": func(_ http.ResponseWriter, _ *http.Request, s *session.Session) { number.Set(s, 7) },
		"Delete": func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
			number.Delete(s)
			number.Update(s, func(int) int { return 7 })
		},
	} {
		v := e.seed(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) { name.Set(s, "old") })
		wantStatus(t, v.do(f), http.StatusOK)
		if got, _ := read(v, number); got != 7 {
			t.Errorf("after %s: %d, want 7", way, got)
		}
	}
}

func TestTheLogSaysWhyAValueDoesNotDecode(t *testing.T) {
	t.Parallel()
	type profile struct{ Age int8 }
	e := newEnv(t)
	v := e.seed(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
		session.NewKey[map[string]int]("profile").Set(s, map[string]int{"Age": 777})
	})
	v.do(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
		session.NewKey[profile]("profile").Get(s)
	})
	if log := e.logs.String(); !strings.Contains(log, `number in the place of int8 in Age`) || strings.Contains(log, "777") {
		t.Errorf("logged %q, want the field and both types, and no value", log)
	}
}

func TestUpdateHandsOutAMapThatCanBeWrittenTo(t *testing.T) {
	t.Parallel()
	cart := session.NewKey[map[string]int]("cart")
	v := newEnv(t).visitor()
	v.do(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
		cart.Update(s, func(c map[string]int) map[string]int {
			c["coat"]++
			return c
		})
	})
	if got, _ := read(v, cart); got["coat"] != 1 {
		t.Errorf("cart %v, want one coat", got)
	}
	empty := newEnv(t).visitor()
	wantNoCookie(t, empty.do(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
		cart.Update(s, func(c map[string]int) map[string]int { return c })
	}))
}

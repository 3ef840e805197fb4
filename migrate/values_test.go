package migrate_test

import (
	"math/big"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/cloakroom-go/cloakroom/core/memstore"
	"github.com/cloakroom-go/cloakroom/core/session"
	"github.com/cloakroom-go/cloakroom/migrate"
)

type item struct {
	Name  string `json:"name"`
	Count int    `json:"count"`
}

func TestValuesAreConvertedAsJSONWould(t *testing.T) {
	t.Parallel()
	when := time.Date(2024, 2, 29, 12, 34, 56, 0, time.UTC)
	values := migrate.Values{
		"text": "x", "n": int64(7), "huge": new(big.Int).Lsh(big.NewInt(1), 62), "bytes": []byte("x"), "when": when, "nothing": nil,
		"list": []any{"a", "b"}, "tuple": migrate.Tuple{int64(1), int64(2)}, "uuid": migrate.UUID{15: 1},
		"items": []any{map[string]any{"name": "coat", "count": int64(2)}}, "html": migrate.HTML("<b>"),
	}
	want(t, values, "text", "x")
	want(t, values, "n", 7)
	want(t, values, "n", int64(7))
	want(t, values, "n", 7.0)
	want(t, values, "huge", int64(1)<<62)
	want(t, values, "bytes", []byte("x"))
	want(t, values, "when", when)
	want(t, values, "list", []string{"a", "b"})
	want(t, values, "tuple", [2]int{1, 2})
	want(t, values, "uuid", "00000000-0000-0000-0000-000000000001")
	want(t, values, "items", []item{{"coat", 2}})
	want(t, values, "html", "<b>")
	want(t, values, "nothing", "")
	want(t, values, "missing", []string(nil))
}

func want[T any](t *testing.T, values migrate.Values, name string, want T) {
	t.Helper()
	if got, err := migrate.Value[T](values, name); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%s: %#v, %v; want %#v", name, got, err, want)
	}
}

func TestAValueThatDoesNotFitIsAnErrorWithoutIt(t *testing.T) {
	t.Parallel()
	values := migrate.Values{"secret": "hunter2", "list": []any{"hunter2"}, "bad": make(chan int), "pin": int64(271828)}
	_, number := migrate.Value[int](values, "secret")
	_, numbers := migrate.Value[[]int](values, "list")
	_, bad := migrate.Value[string](values, "bad")
	_, text := migrate.Value[string](values, "pin")
	_, small := migrate.Value[int8](values, "pin")
	for _, err := range []error{number, numbers, bad, text, small} {
		if err == nil || strings.Contains(err.Error(), "hunter2") || strings.Contains(err.Error(), "271828") {
			t.Errorf("the error is %v", err)
		}
	}
}

func TestMoveSetsNothingForWhatIsNotThere(t *testing.T) {
	t.Parallel()
	sessions, err := session.New(memstore.New(memstore.Options{}), session.Options{Keys: [][]byte{session.GenerateKey()}})
	if err != nil {
		t.Fatal(err)
	}
	values := migrate.Values{"cart": []any{"coat"}, "none": nil, "bad": int64(7)}
	sessions.HandlerFunc(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
		for _, name := range []string{"none", "missing"} {
			if err := migrate.Move(values, name, cart, s); err != nil || s.Has("cart") {
				t.Errorf("%s: %v, %v", name, cart.Get(s), err)
			}
		}
		if err := migrate.Move(values, "bad", cart, s); err == nil || s.Has("cart") {
			t.Errorf("a number: %v, %v", cart.Get(s), err)
		}
		if err := migrate.Move(values, "cart", cart, s); err != nil || !reflect.DeepEqual(cart.Get(s), []string{"coat"}) {
			t.Errorf("%v, %v", cart.Get(s), err)
		}
	}).ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", http.NoBody))
}

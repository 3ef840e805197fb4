package safegob

import (
	"bytes"
	"encoding/binary"
	"encoding/gob"
	"encoding/json"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"
)

type person struct {
	Name    string
	Age     int
	Parents []*person
	Tags    map[string][]any
	Seen    time.Time
	Key     [4]byte
	Any     any
	Wide    complex128
	Unused  float64
	Ratio   *big.Rat
}

// registered makes gob know the types that are met behind an interface.
var registered = func() bool {
	for _, v := range []any{person{}, []any{}, map[string]any{}, map[int]string{}, []map[string]person{}, time.Time{}, [2]bool{}} {
		gob.Register(v)
	}
	return true
}()

// samples are values of every form that gob has.
func samples() []any {
	_ = registered
	p := person{
		Name: "Zoë", Age: -7, Tags: map[string][]any{"a": {1, "x", nil, map[int]string{1: "b"}}}, Seen: time.Now(),
		Any: []map[string]person{{"x": {Any: [2]bool{true}}}}, Wide: 1i, Ratio: big.NewRat(1, 3),
	}
	p.Parents = []*person{{Name: "A", Any: p.Tags["a"]}, {}}
	return []any{
		map[any]any{},
		map[any]any{"user": int64(1), 7: "seven", "list": []any{p, p, map[string]any{"deep": []any{[]any{p}}}}},
		&struct {
			Deadline time.Time
			Values   map[string]any
		}{time.Now(), map[string]any{"cart": []string{"a"}, "who": p, "m": map[string]any{"x": map[int]string{1: "y"}}}},
		"an id",
		p,
	}
}

func encode(tb testing.TB, v any) []byte {
	tb.Helper()
	var b bytes.Buffer
	if err := gob.NewEncoder(&b).Encode(v); err != nil {
		tb.Fatal(err)
	}
	return b.Bytes()
}

func TestWhatGobWritesIsAccepted(t *testing.T) {
	t.Parallel()
	for _, v := range samples() {
		if err := check(encode(t, v)); err != nil {
			t.Errorf("%T: %v", v, err)
		}
	}
}

func TestWhatIsCutOffIsRefused(t *testing.T) {
	t.Parallel()
	for _, v := range samples() {
		data := encode(t, v)
		for n := range data {
			if check(data[:n]) == nil {
				t.Errorf("%T: %d of %d bytes are accepted", v, n, len(data))
			}
		}
	}
}

// TestAMapIsNoLargerThanWhatFollows changes a map of one entry into one that
// claims many. Gob alone would allocate for all of them.
func TestAMapIsNoLargerThanWhatFollows(t *testing.T) {
	t.Parallel()
	small := encode(t, map[int]string{1: "needle"})
	count := bytes.Index(small, []byte("\x01\x02\x06needle"))
	message := bytes.LastIndexByte(small[:count], byte(len(small)-count+3)) // its length; an id and a zero are between
	if count < 0 || message < 0 {
		t.Fatalf("the map's count is not found in %q", small)
	}
	claim := []byte{0xfb, 0x7f, 0xff, 0xff, 0xff, 0xff} // five bytes follow: nearly 2³⁹
	large := slices.Concat(small[:count], claim, small[count+1:])
	large[message] += byte(len(claim) - 1)
	if err := check(large); err == nil || !strings.Contains(err.Error(), "count") {
		t.Errorf("check says %v of %q", err, large)
	}
}

func TestDepthIsBounded(t *testing.T) {
	t.Parallel()
	nest := func(depth int) any {
		var v any = "leaf"
		for range depth {
			v = []any{v}
		}
		return map[any]any{"v": v}
	}
	if err := check(encode(t, nest(100))); err != nil {
		t.Errorf("100 levels: %v", err)
	}
	if err := check(encode(t, nest(2000))); err == nil {
		t.Error("2,000 levels are accepted")
	}
}

// FuzzDecode looks for panics, and for memory that is taken for nothing. Its corpus
// has a map whose key is a map.
func FuzzDecode(f *testing.F) {
	for _, v := range samples() {
		f.Add(encode(f, v))
	}
	f.Fuzz(func(_ *testing.T, data []byte) {
		for _, to := range []any{&map[any]any{}, new(string), new(person)} {
			_ = Decode(data, to)
		}
	})
}

// FuzzAccepts generates values and expects check to accept what gob makes of them.
func FuzzAccepts(f *testing.F) {
	f.Add([]byte(`{"a":[1,"x",{"b":null}],"c":{"d":[true,[]]}}`))
	f.Add(binary.BigEndian.AppendUint64(nil, 7))
	f.Fuzz(func(t *testing.T, text []byte) {
		var v map[string]any
		if json.Unmarshal(text, &v) != nil {
			return
		}
		var b bytes.Buffer
		if gob.NewEncoder(&b).Encode(map[any]any{"v": v, "again": []any{v, person{Any: v}}}) != nil {
			return // a nil in a list, for instance
		}
		if err := check(b.Bytes()); err != nil {
			t.Errorf("%s: %v", text, err)
		}
	})
}

package msgpack_test

import (
	"encoding/hex"
	"math"
	"math/big"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/cloakroom-go/cloakroom/migrate/internal/msgpack"
)

// The examples are what Python's msgspec writes, and by hand where it never does.
func TestEveryFormatIsDecoded(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]any{
		"c0": nil, "c2": false, "c3": true,
		"00": int64(0), "7f": int64(127), "e0": int64(-32), "ff": int64(-1),
		"cc80": int64(128), "cd0100": int64(256), "ce00010000": int64(65536), "cf0000000100000000": int64(1 << 32),
		"cfffffffffffffffff": new(big.Int).SetUint64(math.MaxUint64),
		"d080":               int64(-128), "d1ff7f": int64(-129), "d2ffff7fff": int64(-32769), "d38000000000000000": int64(math.MinInt64),
		"ca3fc00000": 1.5, "cb3ff199999999999a": 1.1, "cb7ff0000000000000": math.Inf(1),
		"a0": "", "a3c3a961": "éa", "d90161": "a", "da000161": "a", "db0000000161": "a",
		"c400": []byte{}, "c40200ff": []byte{0, 255}, "c50001ff": []byte{255}, "c600000001ff": []byte{255},
		"90": []any{}, "9201c0": []any{int64(1), nil}, "dc000101": []any{int64(1)}, "dd0000000101": []any{int64(1)},
		"80": map[string]any{}, "81a16101": map[string]any{"a": int64(1)}, "de0001a16101": map[string]any{"a": int64(1)},
		"df00000001a16101":               map[string]any{"a": int64(1)},
		"d6ff65920080":                   time.Unix(1704067200, 0).UTC(),
		"d7ff0000001c65920080":           time.Unix(1704067200, 7).UTC(),
		"c70cff000000070000000065920080": time.Unix(1704067200, 7).UTC(),
		"c70cff00000000fffffffff1886e00": time.Unix(-0xe779200, 0).UTC(),
	} {
		data, err := hex.DecodeString(text)
		if err != nil {
			t.Fatal(err)
		}
		got, err := msgpack.Decode(data)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %#v, %v; want %#v", text, got, err, want)
		}
		for n := range data {
			if v, err := msgpack.Decode(data[:n]); err == nil {
				t.Errorf("%d bytes of %s: %#v", n, text, v)
			}
		}
	}
}

func TestKeysAreText(t *testing.T) {
	t.Parallel()
	data, err := hex.DecodeString("860101c202c003c4016104cb3ff8000000000000059207080c")
	if err != nil {
		t.Fatal(err)
	}
	got, err := msgpack.Decode(data)
	want := map[string]any{"1": int64(1), "false": int64(2), "<nil>": int64(3), "a": int64(4), "1.5": int64(5), "[7 8]": int64(12)}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%#v, %v", got, err)
	}
}

func TestWhatIsMalformedIsRefused(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"", "c1", "a2ff61", "818001", "0101", "d40500", "d5ff0000", "dfffffffff", "ddffffffff", "c6ffffffff", "dbffffffff", "c9ffffffffff",
		"d7ffffffffff65920080", strings.Repeat("91", 2000) + "c0", strings.Repeat("81a161", 2000) + "c0", "c70cff000000007fffffffffffffff",
	} {
		data, err := hex.DecodeString(text)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := msgpack.Decode(data); err == nil {
			t.Errorf("%.40s: %#v", text, got)
		}
	}
}

// Text of maps in keys of maps in keys would be written as often as they are nested.
func TestAMapInAKeyIsRefused(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"818001", "81918001", "819191800" + "1", "819181918001" + "01"} {
		data, err := hex.DecodeString(text)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := msgpack.Decode(data); err == nil || !strings.Contains(err.Error(), "for a key") {
			t.Errorf("%s: %#v, %v", text, got, err)
		}
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte("\x82\xa1a\x93\x01\xc0\xc3\xa1b\xd6\xff\x00\x00\x00\x01"))
	f.Add([]byte{0xdf, 0xff, 0xff, 0xff, 0xff})
	f.Fuzz(func(_ *testing.T, data []byte) { _, _ = msgpack.Decode(data) })
}

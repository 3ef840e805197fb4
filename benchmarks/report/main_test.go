package main

import (
	"bytes"
	"strings"
	"testing"
)

const output = `goos: linux
BenchmarkRequest/none/recorder/read-2   100  1000 ns/op  5 B/op  14 allocs/op
BenchmarkRequest/none/recorder/read-2   100  3000 ns/op  5 B/op  14 allocs/op
BenchmarkRequest/redis/cloakroom/read-2 100  12000 ns/op  9 B/op  30 allocs/op
BenchmarkRequest/redis/bare/read-2      100  7000 ns/op  9 B/op  20 allocs/op
BenchmarkRequest/redis/scs/read-2       100  22000 ns/op  9 B/op  250 allocs/op
BenchmarkRequest/none/fiber/read-2      100  40000 ns/op  5 B/op  14 allocs/op
BenchmarkRequest/redis/fiber/read-2     100  70000 ns/op  9 B/op  250 allocs/op
BenchmarkCall/sqlite/load-2             100  22000 ns/call  0.57 x-text
PASS
`

func TestOverheadsAreComparedAboveTheRecorder(t *testing.T) {
	t.Parallel()
	results, calls, err := parse(strings.NewReader(output))
	if err != nil {
		t.Fatal(err)
	}
	if len(calls) != 1 || !strings.HasSuffix(calls[0], "x-text") {
		t.Errorf("calls %q, want the one line", calls)
	}
	rows := compare(results)
	if len(rows) != 4 || rows[0].Library != ours {
		t.Fatalf("rows %+v, want ours first of four", rows)
	}
	if r := rows[0]; r.Overhead != 10000 || r.ToBare != 2 || r.Allocs != 16 {
		t.Errorf("ours: %+v, want 10 µs, twice the bare driver's, 16 allocations", r)
	}
	if r := rows[2]; r.Library != "fiber" || r.ToOurs != 3 || r.Allocs != 236 {
		t.Errorf("fiber: %+v, want three times ours, above a recorder of its own", r)
	}
	if r := rows[3]; r.Library != "scs" || r.ToOurs != 2 {
		t.Errorf("scs: %+v, want twice ours", r)
	}
	var table, page, picture bytes.Buffer
	if err := printTable(&table, rows); err != nil {
		t.Fatal(err)
	}
	if err := printMarkdown(&page, rows); err != nil {
		t.Fatal(err)
	}
	if err := draw(&picture, rows); err != nil {
		t.Fatal(err)
	}
	if want := "| redis | read | 2.00 | ±0 % | 16 | fiber 3.00, scs 2.00 |\n"; !strings.HasSuffix(page.String(), want) {
		t.Errorf("the page has\n%s\nand does not end with %q", page.String(), want)
	}
	if !strings.Contains(table.String(), "10.0") || !strings.Contains(picture.String(), "<rect") {
		t.Errorf("table %q, picture %q", table.String(), picture.String())
	}
}

func TestAFailedBenchmarkFailsTheReport(t *testing.T) {
	t.Parallel()
	for _, input := range []string{output + "--- FAIL: BenchmarkRequest/file/cloakroom/read\n", "FAIL\n", "", "PASS\n"} {
		if _, _, err := parse(strings.NewReader(input)); err == nil {
			t.Errorf("%q is a report", input)
		}
	}
}

// Command report reads the output of the benchmarks from standard input and prints what
// each request costs above the bare recorder, as a ratio to the bare driver and to the
// peers. With -json, -markdown and -svg it writes that to files as well.
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"math"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
)

func main() {
	log.SetFlags(0)
	jsonFile := flag.String("json", "", "write the figures to this `file`")
	markdownFile := flag.String("markdown", "", "write a table for a page to this `file`")
	svgFile := flag.String("svg", "", "draw them into this `file`")
	flag.Parse()
	results, calls, err := parse(os.Stdin)
	if err != nil {
		log.Fatal("report: ", err)
	}
	for _, c := range calls {
		fmt.Println(c)
	}
	rows := compare(results)
	if err := printTable(os.Stdout, rows); err != nil {
		log.Fatal("report: ", err)
	}
	if err := write(*jsonFile, func(w io.Writer) error {
		e := json.NewEncoder(w)
		e.SetIndent("", "  ")
		return e.Encode(rows)
	}); err != nil {
		log.Fatal("report: ", err)
	}
	if err := write(*markdownFile, func(w io.Writer) error { return printMarkdown(w, rows) }); err != nil {
		log.Fatal("report: ", err)
	}
	if err := write(*svgFile, func(w io.Writer) error { return draw(w, rows) }); err != nil {
		log.Fatal("report: ", err)
	}
}

func write(name string, f func(io.Writer) error) error {
	if name == "" {
		return nil
	}
	file, err := os.Create(name) //nolint:gosec // whoever runs it names it
	if err != nil {
		return err
	}
	if err := f(file); err != nil {
		return err
	}
	return file.Close()
}

// A key names a benchmark.
type key struct{ backend, library, work string }

// A sample is what the runs of a benchmark took.
type sample struct {
	ns     []float64
	allocs float64
}

var line = regexp.MustCompile(`^BenchmarkRequest/([^/]+)/([^/]+)/(\S+?)(?:-\d+)?\s+\d+\s+([\d.]+) ns/op(?:.*?\s(\d+) allocs/op)?`)

// parse returns the results of requests, and the lines of calls, which compare themselves.
func parse(r io.Reader) (results map[key]*sample, calls []string, err error) {
	results = make(map[key]*sample)
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		text := lines.Text()
		if strings.HasPrefix(text, "--- FAIL") || strings.HasPrefix(text, "FAIL") {
			return nil, nil, fmt.Errorf("a benchmark has failed: %s", text)
		}
		if strings.HasPrefix(text, "BenchmarkCall/") {
			calls = append(calls, text)
		}
		m := line.FindStringSubmatch(text)
		if m == nil {
			continue
		}
		k := key{m[1], m[2], m[3]}
		if results[k] == nil {
			results[k] = &sample{}
		}
		ns, err := strconv.ParseFloat(m[4], 64)
		if err != nil {
			return nil, nil, err
		}
		results[k].ns = append(results[k].ns, ns)
		results[k].allocs, _ = strconv.ParseFloat(m[5], 64)
	}
	if len(results)+len(calls) == 0 {
		return nil, nil, errors.New("no result of a benchmark in the input")
	}
	return results, calls, lines.Err()
}

// A row compares one library with the others at one work on one backend.
type row struct {
	Backend  string  `json:"backend"`
	Library  string  `json:"library"`
	Work     string  `json:"work"`
	Runs     int     `json:"runs"`
	Overhead float64 `json:"overhead_ns"` // median, above the recorder
	Spread   float64 `json:"spread"`      // of the middle half of the runs, as a part of the median
	Allocs   float64 `json:"allocs"`      // above the recorder
	ToBare   float64 `json:"to_bare,omitempty"`
	ToOurs   float64 `json:"to_cloakroom,omitempty"`
}

const (
	ours     = "cloakroom"
	bare     = "bare" // the driver alone
	nobodys  = "none" // the recorder's backend
	recorder = "recorder"
)

func compare(results map[key]*sample) []row {
	floor := func(k key) *sample {
		if f, ok := results[key{nobodys, k.library, k.work}]; ok {
			return f // a recorder of the library's own
		}
		if f, ok := results[key{nobodys, recorder, k.work}]; ok {
			return f
		}
		return &sample{ns: []float64{0}}
	}
	overhead := func(k key) (float64, bool) {
		s, ok := results[k]
		if !ok {
			return 0, false
		}
		return max(0, median(s.ns)-median(floor(k).ns)), true
	}
	var rows []row
	for k, s := range results {
		if k.backend == nobodys {
			continue
		}
		own, _ := overhead(k)
		r := row{
			Backend: k.backend, Library: k.library, Work: k.work, Runs: len(s.ns),
			Overhead: own, Spread: spread(s.ns), Allocs: s.allocs - floor(k).allocs,
		}
		if driver, ok := overhead(key{k.backend, bare, k.work}); ok && driver > 0 {
			r.ToBare = own / driver
		}
		if we, ok := overhead(key{k.backend, ours, k.work}); ok && we > 0 {
			r.ToOurs = own / we
		}
		rows = append(rows, r)
	}
	slices.SortFunc(rows, func(a, b row) int {
		order := func(r row) string { return fmt.Sprintf("%s %s %t %s", r.Backend, r.Work, r.Library != ours, r.Library) }
		return strings.Compare(order(a), order(b))
	})
	return rows
}

func median(ns []float64) float64 {
	sorted := slices.Sorted(slices.Values(ns))
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}

func spread(ns []float64) float64 {
	sorted := slices.Sorted(slices.Values(ns))
	n := len(sorted)
	return (sorted[3*(n-1)/4] - sorted[(n-1)/4]) / median(ns)
}

func printTable(w io.Writer, rows []row) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(t, "backend\twork\tlibrary\tµs above the recorder\tspread\tallocations\tto the bare driver\tto cloakroom")
	for _, r := range rows {
		_, _ = fmt.Fprintf(t, "%s\t%s\t%s\t%.1f\t±%.0f %%\t%.0f\t%s\t%s\n",
			r.Backend, r.Work, r.Library, r.Overhead/1000, r.Spread*50, r.Allocs, ratio(r.ToBare), ratio(r.ToOurs))
	}
	return t.Flush()
}

func ratio(x float64) string {
	if x == 0 || math.IsInf(x, 0) {
		return "–"
	}
	return fmt.Sprintf("%.2f", x)
}

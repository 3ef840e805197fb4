package conformance

import (
	"flag"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

var update = flag.Bool("update", false, "write into testdata/others.txt which other cases see each mutant")

// What breaks one rule can be seen by cases of others: a record that is not found fails
// them all. Which those are is in a file, so that a change of a case shows what it sees
// more, or no longer.
type others struct {
	path string
	mu   sync.Mutex
	seen map[string][]string // by mutant
}

// readOthers reads the file, and has it written at the end with -update.
func readOthers(t *testing.T) *others {
	t.Helper()
	o := &others{path: filepath.Join("testdata", "others.txt"), seen: make(map[string][]string)}
	text, err := os.ReadFile(o.path)
	if err != nil && !*update {
		t.Fatal(err)
	}
	for line := range strings.Lines(strings.ReplaceAll(string(text), "\r\n", "\n")) {
		if name, cases, ok := strings.Cut(strings.TrimSuffix(line, "\n"), ": "); ok && !*update {
			o.seen[name] = strings.Split(cases, "; ")
		}
	}
	if *update {
		t.Cleanup(func() { o.write(t) })
	}
	return o
}

func (o *others) write(t *testing.T) {
	t.Helper()
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(o.seen)) {
		b.WriteString(name + ": " + strings.Join(o.seen[name], "; ") + "\n")
	}
	if err := os.WriteFile(o.path, []byte(b.String()), 0o600); err != nil {
		t.Error(err)
	}
}

// see fails the test for cases that failed beside those which carry the rule and are not
// in the file.
func (o *others) see(t *testing.T, mutant string, failed map[string]string) {
	t.Helper()
	o.mu.Lock()
	defer o.mu.Unlock()
	if *update {
		if len(failed) > 0 {
			o.seen[mutant] = slices.Sorted(maps.Keys(failed))
		}
		return
	}
	for _, c := range o.seen[mutant] {
		delete(failed, c) // or it passes, where what is broken shows by chance
	}
	for c, output := range failed {
		t.Errorf("%s fails too: %s", c, output)
	}
}

// races reports whether what a case sees depends on who comes first. It sees by chance what
// it is not made to see, and only mutants that it is made to see go through it.
func races(c string) bool {
	for _, word := range []string{
		"concurrency/", "expiry/none is early", " under ", "meanwhile", "at the same time",
		"what is being written", "to and fro", "leaves the list complete",
	} {
		if strings.Contains(c, word) {
			return true
		}
	}
	return false
}

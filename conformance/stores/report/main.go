// Command report reads the output of go test -json from standard input and
// says what it means: a line for each package, everything that failed tests
// printed, how each store did in the conformance suite, and the number of tests.
// It fails if a test failed, if a mutant survived, or if nothing was tested.
//
//	go test -json work | go run ./conformance/stores/report
//
// A test that runs the conformance suite says so by attributes:
//
//	t.Attr("cloakroom.store", "redis")    // which store; required
//	t.Attr("cloakroom.server", "valkey")  // against what
//	t.Attr("cloakroom.version", "9.0.1")  // in which version
//
// Its subtests are the cases; one that is skipped is a rule that doesn't apply
// to the store. The suite's own test counts the broken stores that it has tried:
//
//	t.Attr("cloakroom.mutants", "planted=31 caught=31")
package main

import (
	"fmt"
	"io"
	"os"
)

func main() {
	if err := run(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "report:", err)
		os.Exit(1)
	}
}

// run prints the report of the stream in to out. It returns an error if the
// tests didn't pass, or if there is no telling.
func run(in io.Reader, out io.Writer) error {
	results, err := collect(in, out)
	if err != nil {
		return err
	}
	s := summarize(results)
	if err := s.print(out); err != nil {
		return err
	}
	return s.verdict()
}

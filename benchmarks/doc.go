// Package benchmarks measures this library beside others, and beside the bare drivers,
// doing the same work in the same process: whole requests through net/http's test
// recorder. `make bench` runs it and prints ratios; absolute times mean nothing on
// another machine.
package benchmarks

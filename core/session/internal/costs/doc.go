// Package costs holds what a request with a session costs, all of it in tests: the
// allocations, which are bounded, and benchmarks. The race detector allocates by itself,
// so make test runs this package without it.
package costs

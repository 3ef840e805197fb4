// Package stores runs the conformance suite on every store of this repository.
//
// It has tests only. Its module is never tagged and nobody imports it, so
// whatever the tests need stays here and out of the modules that are published;
// TestModules checks that.
package stores

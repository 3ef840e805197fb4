// Package beside holds a test, under the build tag beside, that runs a command beside the
// servers of the stores' tests.
package beside

//go:build !race

package session_test

// raceEnabled: the race detector allocates, and slows the clock.
const raceEnabled = false

// Package device shows that Chromium binds sessions with core/dbsc, with keys in software.
//
// It has tests only.
package device

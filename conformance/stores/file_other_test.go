//go:build !linux || !(amd64 || arm64)

package stores_test

import (
	"testing"

	session "github.com/cloakroom-go/cloakroom/core"
)

// Only on Linux is there a simple way to a disk that is full, or that stalls.
var (
	fullFolder    func(tb testing.TB, id string, r session.Record) session.Store
	stalledFolder func(tb testing.TB) session.Store
)

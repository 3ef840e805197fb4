//go:build !linux || !(amd64 || arm64)

package stores_test

import (
	"testing"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// Only on Linux is there a simple way to a disk that is full, or that stalls.
var (
	fullFolder    func(tb testing.TB, id string, r sessionstore.Record) sessionstore.Store
	stalledFolder func(tb testing.TB) sessionstore.Store
)

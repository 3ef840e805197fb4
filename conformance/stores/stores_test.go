package stores_test

import (
	"crypto/rand"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cloakroom-go/cloakroom/conformance"
	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// smallBatch makes a batch of stores that have an option for it so small that the
// suite's DeleteAll takes several.
const smallBatch = 50

// What most backends can do. Redis removes by itself what has expired.
var (
	every         = append([]conformance.Capability{conformance.Pruner}, everyButPrune...)
	everyButPrune = []conformance.Capability{conformance.Toucher, conformance.SubjectIndex, conformance.AllDeleter, conformance.Scanner}
)

// describe tells the report tool which store the test t runs the suite on, and
// against which server. A store without a server leaves that empty.
func describe(t *testing.T, store, server, version string) {
	t.Helper()
	t.Attr("cloakroom.store", store)
	t.Attr("cloakroom.server", server)
	t.Attr("cloakroom.version", version)
}

// created returns a record that is in the store for an hour.
func created(t *testing.T, store sessionstore.Store) (string, sessionstore.Record) {
	t.Helper()
	return createdFor(t, store, "")
}

func createdFor(t *testing.T, store sessionstore.Store, subject string) (string, sessionstore.Record) {
	t.Helper()
	id := randomID()
	r := sessionstore.Record{Data: []byte("data"), Subject: subject, Expires: time.Now().Add(time.Hour), Version: 7}
	if err := store.Create(t.Context(), id, r); err != nil {
		t.Fatal(err)
	}
	return id, r
}

// wantVersion fails the test unless Load returns a record of this version.
func wantVersion(t *testing.T, what string, store sessionstore.Store, id string, want sessionstore.Version) {
	t.Helper()
	if got, err := store.Load(t.Context(), id); err != nil || got.Version != want {
		t.Errorf("%s: version %d, error %v, want %d", what, got.Version, err, want)
	}
}

// lastSpace is what newSpace returned last.
var lastSpace struct { //nolint:gochecknoglobals // so that each name in a process begins with the one before it
	mu   sync.Mutex
	name string
}

// newSpace returns a name for a prefix, a table or a collection that nobody else has. Most
// begin with the one before them: that is how namespaces run into each other.
func newSpace() string {
	const longest = 30
	lastSpace.mu.Lock()
	defer lastSpace.mu.Unlock()
	if lastSpace.name += "a"; lastSpace.name == "a" || len(lastSpace.name) > longest {
		lastSpace.name = ownSpace()
	}
	return lastSpace.name
}

// ownSpace returns a name as newSpace does that begins with no other.
func ownSpace() string { return strings.ToLower(rand.Text()[:16]) }

// Package backends lists what the stores of this repository keep sessions in. What is done
// with every store goes through the list, and a test compares with it what has to name
// backends elsewhere.
package backends

import (
	"context"
	"crypto/rand"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cloakroom-go/cloakroom/conformance/stores/internal/servers"
	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// Patience bounds a wait that ends by itself unless something hangs. No test is
// about it: a busy machine may take minutes for what takes milliseconds elsewhere.
const Patience = 5 * time.Minute

// All are the backends.
var All = []*Backend{
	{Name: "file", Module: "store-file", Lists: true, shop: "file:%s", open: openFile},
	{Name: "redis", Module: "store-redis", Server: servers.Redis, Lists: true, shop: "redis://%s", open: openRedis},
	{Name: "memcache", Module: "store-memcache", Server: servers.Memcached, shop: "memcache://%s", open: openMemcache},
	{Name: "postgres", Module: "store-postgres", Server: servers.Postgres, Lists: true, shop: "%s", open: openPostgres},
	{Name: "sqlite", Module: "store-sql", Lists: true, shop: "sqlite:%s", open: openSQLite},
	{Name: "mysql", Module: "store-sql", Server: servers.MySQL, Lists: true, shop: "mysql://%s", open: openMySQL},
	{Name: "mongo", Module: "store-mongo", Server: servers.Mongo, Lists: true, shop: "%s", open: openMongo},
}

// A Backend is a database, or a file system.
type Backend struct {
	Name   string        // in the names of tests and in the workflow; Server has the same
	Module string        // the folder of its store
	Server *servers.Kind // nil if it needs none
	Lists  bool          // it has an index by subject

	shop string // what the demo shop takes as -store
	open func(ctx context.Context, p Place) (sessionstore.Store, func(context.Context), error)
}

// A Place is where a test keeps its sessions: a table, a collection or a prefix of keys
// at an address, or a path.
type Place struct {
	Backend string `json:"backend"`
	Address string `json:"address"`
	Name    string `json:"name"`

	// Of several Redis servers, whose addresses commas separate: what a Sentinel calls the
	// master, nothing for a Cluster; and where servers are reached that name each other.
	Master  string            `json:"master,omitempty"`
	Outside map[string]string `json:"outside,omitempty"`

	Once bool `json:"once,omitempty"` // a driver that sends again what has failed doesn't
}

// Place returns one that nobody else uses.
func (b *Backend) Place(tb testing.TB) Place {
	tb.Helper()
	p := Place{Backend: b.Name, Name: "t_" + strings.ToLower(rand.Text())}
	if b.Server == nil {
		p.Address = filepath.Join(tb.TempDir(), "sessions")
	} else {
		p.Address = servers.Any(tb, b.Server).URL
	}
	return p
}

// New returns a store at a new place. Both end with the test.
func (b *Backend) New(tb testing.TB) (sessionstore.Store, Place) {
	tb.Helper()
	p := b.Place(tb)
	return b.At(tb, p), p
}

// At returns a store at a place. Both end with the test.
func (b *Backend) At(tb testing.TB, p Place) sessionstore.Store {
	tb.Helper()
	store, end, err := b.open(tb.Context(), p)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { end(context.WithoutCancel(tb.Context())) })
	return store
}

// Open returns the store at a place that New has made, perhaps in another process. Its
// client lives as long as the process.
func Open(ctx context.Context, p Place) (sessionstore.Store, error) {
	for _, b := range All {
		if b.Name == p.Backend {
			store, _, err := b.open(ctx, p)
			return store, err
		}
	}
	return nil, fmt.Errorf("no backend %q", p.Backend)
}

// Shop returns what the demo shop takes as -store. Shops share a server's tables.
func (b *Backend) Shop(tb testing.TB) string {
	tb.Helper()
	return b.url(b.Place(tb))
}

func (b *Backend) url(p Place) string {
	if b.Server == servers.MySQL { // USER:PASSWORD@tcp(HOST:PORT)/DB?OPTIONS
		p.Address, _, _ = strings.Cut(strings.NewReplacer("tcp(", "", ")", "").Replace(p.Address), "?")
	}
	return fmt.Sprintf(b.shop, p.Address)
}

// Command returns what the command cloakroom takes for a place.
func (b *Backend) Command(p Place) string {
	address := b.url(p)
	switch b.Name {
	case "file":
		return address
	case "redis", "memcache":
		return address + "?prefix=" + p.Name + ":"
	case "mongo":
		return strings.Replace(address, "/?", "/cloakroom?", 1) + "&collection=" + p.Name
	}
	if strings.Contains(address, "?") {
		return address + "&table=" + p.Name
	}
	return address + "?table=" + p.Name
}

// Named returns the backend of a name.
func Named(tb testing.TB, name string) *Backend {
	tb.Helper()
	for _, b := range All {
		if b.Name == name {
			return b
		}
	}
	tb.Fatalf("no backend %q", name)
	return nil
}

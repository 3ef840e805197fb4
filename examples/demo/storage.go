package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/cloakroom-go/cloakroom/core/memstore"
	"github.com/cloakroom-go/cloakroom/core/session"
	filestore "github.com/cloakroom-go/cloakroom/store-file"
)

// A storage is where sessions are kept, with the keys that sign, or seal, their
// tickets.
type storage struct {
	store session.Store // nil: they travel in their cookies
	where string        // without a password
	close func() error

	keys    [][]byte
	keyFrom string
}

// about tells whoever started the program where things are.
func (st *storage) about() []string {
	return []string{"Sessions              " + st.where, "Signing key           " + st.keyFrom}
}

// An opener opens a store without regard to keys; address is the whole of what
// -store says.
type opener func(ctx context.Context, address string, patience time.Duration) (*storage, error)

var openers = map[string]opener{
	"memory":     openMemory,
	"redis":      openRedis,
	"rediss":     openRedis,
	"memcache":   openMemcache,
	"postgres":   openPostgres,
	"postgresql": openPostgres,
	"mysql":      openMySQL,
	"sqlite":     openSQLite,
	"mongodb":    openMongo,
	"cookie":     openCookie,
}

// storeHelp lists what -store takes.
const storeHelp = "memory:, file:FOLDER, redis://HOST:PORT/DB, rediss://…, memcache://HOST:PORT[,HOST:PORT], " +
	"postgres://USER@HOST/DB, mysql://USER@HOST:PORT/DB, sqlite:FILE, mongodb://HOST:PORT/DB or cookie:"

// openStorage opens what -store names, whose server is given this time to answer.
// Without keys, it uses those that it has, or makes one.
func openStorage(ctx context.Context, address string, keys [][]byte, patience time.Duration) (*storage, error) {
	kind, place, named := strings.Cut(address, ":")
	if kind == "file" && place != "" {
		return openFiles(place, keys) //nolint:contextcheck // a folder is opened at once
	}
	open, ok := openers[kind]
	alone := kind == "memory" || kind == "cookie" // take no address
	server := kind != "sqlite"
	if !ok || !named || alone != (place == "") || !alone && server != strings.HasPrefix(place, "//") {
		return nil, fmt.Errorf("-store %s names no store; it takes %s", withoutPassword(address), storeHelp)
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	st, err := open(ctx, address, patience)
	if err != nil {
		return nil, fmt.Errorf("-store %s: %w", withoutPassword(address), withoutAddress(err))
	}
	st.keys, st.keyFrom = keys, "from "+keysVariable
	if keys == nil {
		st.keys = [][]byte{session.GenerateKey()}
		st.keyFrom = "made now, in memory only: set " + keysVariable + " to keep visitors, and for several processes"
	}
	return st, nil
}

// openFiles opens the shop's folder: the key beside the sessions, because
// whoever may clear the sessions away need not be able to sign tickets.
func openFiles(dir string, keys [][]byte) (*storage, error) {
	sessions := filepath.Join(dir, "sessions")
	if err := os.MkdirAll(sessions, 0o700); err != nil {
		return nil, fmt.Errorf("-store: %w", err)
	}
	from := "from " + keysVariable
	if keys == nil {
		var err error
		if keys, from, err = fileKeys(filepath.Join(dir, "key")); err != nil {
			return nil, err
		}
	}
	store, err := filestore.New(sessions, filestore.Options{})
	if err != nil {
		return nil, fmt.Errorf("-store: %w", err)
	}
	return &storage{store: store, where: "files in " + absolute(sessions), close: store.Close, keys: keys, keyFrom: from}, nil
}

func openMemory(context.Context, string, time.Duration) (*storage, error) {
	return &storage{store: memstore.New(memstore.Options{}), where: "in memory: they end with this process", close: nothing}, nil
}

func openCookie(context.Context, string, time.Duration) (*storage, error) {
	return &storage{where: "in the visitors' cookies, encrypted: none can be listed or ended from here", close: nothing}, nil
}

func nothing() error { return nil }

// withoutPassword returns an address that may be shown: what stands before the
// last @ is left out.
func withoutPassword(address string) string {
	kind, place, ok := strings.Cut(address, "://")
	if !ok {
		return address
	}
	place = place[strings.LastIndexByte(place, '@')+1:]
	place, _, _ = strings.Cut(place, "?")
	return kind + "://" + place
}

// withoutAddress leaves out what url.Parse quotes: the address, with the password.
func withoutAddress(err error) error {
	if quoted := new(url.Error); errors.As(err, &quoted) {
		return errors.New("the address is no URL")
	}
	return err
}

// hosts returns the addresses in "//host:port,host:port".
func hosts(place string) ([]string, error) {
	list := strings.Split(strings.TrimPrefix(place, "//"), ",")
	bad := slices.ContainsFunc(list, func(h string) bool {
		host, port, err := net.SplitHostPort(h)
		return err != nil || host == "" || port == ""
	})
	if bad {
		return nil, errors.New("want HOST:PORT, or several with commas in between")
	}
	return list, nil
}

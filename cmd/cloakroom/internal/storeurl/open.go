// Package storeurl opens any store of this repository by a URL, with a client for it.
package storeurl

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// Forms lists the addresses of stores, and the parameters that are the store's own.
const Forms = `  file:FOLDER                       ?mode=0660
  redis://HOST:PORT/DB              ?prefix=shop:    rediss:// with TLS
  redis+sentinel://HOST,HOST/MASTER/DB  ?prefix=, sentinel_username=, sentinel_password=
  redis+cluster://HOST,HOST         ?prefix=
  memcache://HOST,HOST              ?prefix=, item_size=2097152
  postgres://HOST/DB                ?schema=, table=
  mysql://HOST/DB                   ?table=          MariaDB, too
  sqlite:FILE                       ?table=
  mongodb://HOST,HOST/DB            ?collection=     mongodb+srv://, too
  env:NAME                          the address that this environment variable holds
USER:PASSWORD@ goes before the host. Other parameters are the driver's.
`

// An Opened store has a client of its own.
type Opened struct {
	Store sessionstore.Store

	// Where says which one it is, without user and password.
	Where string

	// Migrate makes the table, the indexes or the folder, where they are missing. It
	// is nil if the store needs none.
	Migrate func(context.Context) error

	// Clocks returns the time on each of its servers. It is nil if there is none but
	// this process's.
	Clocks func(context.Context) ([]time.Time, error)

	// Close closes the client.
	Close func() error

	secrets []string
}

// Options say how to open a store.
type Options struct {
	// Timeout is how long a client waits for its server: for a connection, and, where
	// its driver can, for an answer.
	Timeout time.Duration

	// Create lets a file or a folder be made that is not there.
	Create bool
}

// A kind of store opens addresses of some schemes.
type kind struct {
	open   func(context.Context, *address, Options) (*Opened, error)
	own    []string // the parameters that belong to the store and not to the driver
	closed bool     // there are no others
	local  bool     // it takes a path in the place of hosts
}

// tableParameter names the table in a database.
const tableParameter = "table"

var (
	redisKind    = &kind{open: openRedis, own: []string{"prefix"}}
	postgresKind = &kind{open: openPostgres, own: []string{"schema", tableParameter}}
	mongoKind    = &kind{open: openMongo, own: []string{"collection"}}

	schemes = map[string]*kind{
		"file":            {open: openFile, own: []string{"mode"}, closed: true, local: true},
		"redis":           redisKind,
		"rediss":          redisKind,
		"redis+sentinel":  redisKind,
		"rediss+sentinel": redisKind,
		"redis+cluster":   redisKind,
		"rediss+cluster":  redisKind,
		"memcache":        {open: openMemcache, own: []string{"prefix", "item_size"}, closed: true},
		"postgres":        postgresKind,
		"postgresql":      postgresKind,
		"mysql":           {open: openMySQL, own: []string{tableParameter}},
		"sqlite":          {open: openSQLite, own: []string{tableParameter}, closed: true, local: true},
		"mongodb":         mongoKind,
		"mongodb+srv":     mongoKind,
	}
)

// Open opens the store at an address. It connects no sooner than the driver does, so
// that a server that is down is found by the first call. An error is an [InvalidError] if
// the address is at fault. No error holds a password: see [Opened.Hide] for those of the
// store.
func Open(ctx context.Context, text string, o Options) (*Opened, error) {
	a, k, err := parse(text)
	if err != nil {
		return nil, InvalidError{err}
	}
	s, err := k.open(ctx, a, o)
	if err != nil {
		return nil, hidden{fmt.Errorf("%s: %w", a.where(), err), a.secrets()}
	}
	s.Where, s.secrets = a.where(), a.secrets()
	return s, nil
}

// Hide returns err without the secrets in the store's address, under its name.
func (s *Opened) Hide(err error) error {
	if err == nil {
		return nil
	}
	return hidden{fmt.Errorf("%s: %w", s.Where, err), s.secrets}
}

// An InvalidError says that an address can't be used, whatever the server does.
type InvalidError struct{ Err error }

// Error implements error.
func (e InvalidError) Error() string { return e.Err.Error() }

// Unwrap returns what is wrong.
func (e InvalidError) Unwrap() error { return e.Err }

// A hidden error prints no secret: drivers repeat what they were given.
type hidden struct {
	error

	secrets []string
}

func (e hidden) Unwrap() error { return e.error }

func (e hidden) Error() string {
	text := e.error.Error()
	for _, s := range e.secrets {
		text = strings.ReplaceAll(text, s, "xxxxx")
	}
	return text
}

// number returns one of an address's own parameters as a number, 0 if it is not there.
func (a *address) number(name string, base int) (int, error) {
	text := a.own.Get(name)
	if text == "" {
		return 0, nil
	}
	n, err := strconv.ParseInt(text, base, 32)
	if err != nil || n <= 0 {
		return 0, InvalidError{fmt.Errorf("the parameter %s=%s is no number", name, text)}
	}
	return int(n), nil
}

// together returns what a store's New has, or closes the client.
func together[S sessionstore.Store](store S, err error, closeClient func() error) (*Opened, error) {
	if err != nil {
		return nil, errors.Join(InvalidError{err}, closeClient())
	}
	return &Opened{Store: store, Close: closeClient}, nil
}

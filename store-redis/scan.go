package redisstore

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"iter"
	"slices"
	"sync"

	"github.com/redis/go-redis/v9"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// errStopped says that the caller of Scan wants no more.
var errStopped = errors.New("stopped")

// Scan implements [sessionstore.Scanner]. It looks at every key of the database, on one
// master of a Cluster after the other, and fetches a hundred records at a time. Redis
// may name a key twice: Scan remembers eight bytes of each record that it has met.
//
// What DeleteAll says of servers, slots and clients is true of Scan.
func (s *Store) Scan(ctx context.Context) iter.Seq2[sessionstore.Entry, error] {
	return func(yield func(sessionstore.Entry, error) bool) {
		p := &scan{s: s, seen: make(map[uint64]struct{}), seed: maphash.MakeSeed(), yield: yield}
		if err := p.everywhere(ctx); err != nil && !errors.Is(err, errStopped) {
			yield(sessionstore.Entry{}, s.guard.Wrap(ctx, err))
		}
	}
}

// A scan is one iteration.
type scan struct {
	s     *Store
	seen  map[uint64]struct{} // hashes of ids
	seed  maphash.Seed
	yield func(sessionstore.Entry, error) bool
}

func (p *scan) everywhere(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	switch client := p.s.client.(type) {
	case *redis.Client:
		return p.on(ctx, client)
	case *redis.ClusterClient:
		return withinLayout(ctx, client, func() error {
			servers, err := sessionstore.Await(ctx, func() ([]*redis.Client, error) { return masters(ctx, client) })
			for _, server := range servers {
				if err == nil {
					err = p.on(ctx, server)
				}
			}
			return err
		})
	}
	return fmt.Errorf("%w: Scan by way of a %T", sessionstore.ErrUnsupported, p.s.client)
}

// masters returns the masters of a Cluster.
func masters(ctx context.Context, client *redis.ClusterClient) ([]*redis.Client, error) {
	var mu sync.Mutex
	var list []*redis.Client
	err := client.ForEachMaster(ctx, func(_ context.Context, master *redis.Client) error {
		mu.Lock()
		defer mu.Unlock()
		list = append(list, master)
		return nil
	})
	return list, err //nolint:wrapcheck // Scan does it
}

// on goes through the records on one server.
func (p *scan) on(ctx context.Context, server *redis.Client) error {
	return p.s.keys(ctx, server, func(ids []string) error {
		ids = slices.DeleteFunc(ids, p.met)
		cmds, err := sessionstore.Await(ctx, func() ([]redis.Cmder, error) { return p.s.fetch(ctx, ids), nil })
		if err != nil {
			return err
		}
		for i, id := range ids {
			if err := p.one(ctx, cmds[i], id); err != nil {
				return err
			}
		}
		return nil
	})
}

// met reports whether id has been met before.
func (p *scan) met(id string) bool {
	hash := maphash.String(p.seed, id)
	_, met := p.seen[hash]
	p.seen[hash] = struct{}{}
	return met
}

// one yields the record that a command was about.
func (p *scan) one(ctx context.Context, cmd redis.Cmder, id string) error {
	e := sessionstore.Entry{ID: id}
	var err error
	e.Record, err = loaded(cmd, id)
	if err == nil && !e.Record.Live() || errors.Is(err, redis.Nil) {
		return nil // expired, or ended since
	}
	if err != nil {
		corrupt := p.s.guard.Wrap(ctx, err)
		if !errors.Is(corrupt, sessionstore.ErrCorrupt) {
			return err
		}
		err = corrupt
	}
	if !p.yield(e, err) {
		return errStopped
	}
	return nil
}

package redisstore

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/redis/go-redis/v9"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// scanBatch is how many keys, whosever they are, the server looks at in one go.
const scanBatch = 1000

var errReplaced = errors.New("the server was restarted or replaced meanwhile: begin again")

// keys calls f with the ids of the keys on one server that consist of the prefix and
// an id, some at a time. A key may come twice.
func (s *Store) keys(ctx context.Context, server *redis.Client, f func(ids []string) error) error {
	before, err := runID(ctx, server)
	if err != nil {
		return err
	}
	for cursor, more := uint64(0), true; more; more = cursor != 0 {
		at := cursor // of the call's own: it may go on when ctx is done
		answer, err := sessionstore.Await(ctx, func() (*redis.ScanCmd, error) {
			cmd := server.Scan(ctx, at, s.pattern(), scanBatch)
			err := cmd.Err()
			return cmd, err //nolint:wrapcheck // the guard does it
		})
		if err != nil {
			return err
		}
		var keys []string
		keys, cursor = answer.Val()
		for keys := range slices.Chunk(keys, batch) {
			if err := ctx.Err(); err != nil {
				return err
			}
			if err := f(s.ids(keys)); err != nil {
				return err
			}
		}
	}
	after, err := runID(ctx, server)
	if err == nil && after != before {
		err = errReplaced // it can't have known what the cursor meant
	}
	return err
}

// pattern matches the keys that have the prefix and as many characters more as an id.
func (s *Store) pattern() string {
	literal := strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`)
	return literal.Replace(s.o.KeyPrefix) + strings.Repeat("?", sessionstore.IDLen)
}

// ids returns the ids in those of the keys that have one.
func (s *Store) ids(keys []string) []string {
	var ids []string
	for _, key := range keys {
		if id, ok := strings.CutPrefix(key, s.o.KeyPrefix); ok && sessionstore.CheckID(id) == nil {
			ids = append(ids, id)
		}
	}
	return ids
}

// runID returns what a server is called until it is restarted.
func runID(ctx context.Context, server *redis.Client) (string, error) {
	info, err := sessionstore.Await(ctx, func() (string, error) {
		return server.Info(ctx, "server").Result()
	})
	if err != nil {
		return "", err
	}
	_, rest, _ := strings.Cut(info, "\nrun_id:")
	id, _, _ := strings.Cut(rest, "\r\n")
	return id, nil
}

package migrate

import (
	"context"
	"errors"
	"fmt"
)

// Records are what another framework keeps of its sessions at the server. The
// methods may be called by several goroutines at once.
type Records interface {
	// Load returns the bytes under key. If there are none, it returns an error
	// that wraps ErrNotFound.
	Load(ctx context.Context, key string) ([]byte, error)

	// Delete deletes what is there under key. It is no error if there is nothing.
	Delete(ctx context.Context, key string) error
}

// Redis returns the records that a client of go-redis finds, for instance:
//
//	migrate.Redis(client, redis.Nil)
//
// The second argument is the client's error for a key that does not exist. The
// caller closes the client.
func Redis[S interface{ Bytes() ([]byte, error) }, I interface{ Err() error }](
	client interface {
		Get(ctx context.Context, key string) S
		Del(ctx context.Context, keys ...string) I
	}, missing error,
) Records {
	return redis{
		get:     func(ctx context.Context, key string) ([]byte, error) { return client.Get(ctx, key).Bytes() },
		del:     func(ctx context.Context, key string) error { return client.Del(ctx, key).Err() },
		missing: missing,
	}
}

type redis struct {
	get     func(ctx context.Context, key string) ([]byte, error)
	del     func(ctx context.Context, key string) error
	missing error
}

func (r redis) Load(ctx context.Context, key string) ([]byte, error) {
	value, err := r.get(ctx, key)
	if errors.Is(err, r.missing) {
		return nil, ErrNotFound
	}
	return value, err
}

func (r redis) Delete(ctx context.Context, key string) error { return r.del(ctx, key) }

const (
	// maxID is the longest id of a session that is looked up, in bytes.
	maxID = 512

	// maxRecord is the largest record that is decoded, in bytes.
	maxRecord = 1 << 20
)

// load returns the record of a session, within bounds. The error is ready to be
// returned by Source.Read.
func load(ctx context.Context, records Records, prefix, id string) (key string, value []byte, err error) {
	switch {
	case records == nil:
		return "", nil, errors.New("migrate: Records is not set")
	case id == "":
		return "", nil, refused("the id is empty")
	case len(id) > maxID:
		return "", nil, refused("the id is over %d bytes long", maxID)
	}
	key = prefix + id
	value, err = records.Load(ctx, key)
	switch {
	case errors.Is(err, ErrNotFound):
		return "", nil, refused("it has no record: it has ended, or the settings are not those of the old application")
	case err != nil:
		return "", nil, fmt.Errorf("migrate: load a record: %w", err)
	case len(value) > maxRecord:
		return "", nil, refused("its record is over %d bytes long", maxRecord)
	}
	return key, value, nil
}

// deleteRecord deletes a record for Source.Delete.
func deleteRecord(ctx context.Context, records Records, key string) error {
	if records == nil {
		return nil
	}
	if err := records.Delete(ctx, key); err != nil && !errors.Is(err, ErrNotFound) {
		return fmt.Errorf("migrate: delete a record: %w", err)
	}
	return nil
}

package redisstore

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// The script that ends a record publishes its id: nothing ends without a word, and nobody
// is told before. What becomes of the word is no matter of the script: whether a server
// may publish, and who listens, costs speed and nothing else.

const (
	// quiet is how long nothing comes until the connection is tried.
	quiet = 30 * time.Second

	// soon is how long what was sent may take to come back.
	soon = 10 * time.Second
)

var errUnheard = errors.New("what is published does not arrive")

// channel is where ids are published. A channel is no key: it is in no slot of a Cluster,
// and in no database.
func (s *Store) channel() string { return s.o.KeyPrefix + "ended" }

// telling returns the arguments of a script, with the channel if it is to publish.
func (s *Store) telling(args ...any) []any {
	if s.o.Notify {
		args = append(args, s.channel())
	}
	return args
}

// Watch implements [sessionstore.Watcher], if Options.Notify is set. It takes a connection
// of its own from the client. It publishes a word and begins when that has arrived, so
// that an error says what is missing. A client that is no [redis.Client] or
// [redis.ClusterClient] gives sessionstore.ErrUnsupported.
//
// In a Cluster every message goes to every server; only sessions that end make one.
func (s *Store) Watch(ctx context.Context, changed func(id string)) error {
	if !s.o.Notify {
		return fmt.Errorf("%w: Options.Notify is not set", sessionstore.ErrUnsupported)
	}
	switch s.client.(type) {
	case *redis.Client, *redis.ClusterClient:
	default:
		return fmt.Errorf("%w: Watch by way of a %T", sessionstore.ErrUnsupported, s.client)
	}
	if err := s.guard.CheckContext(ctx); err != nil {
		return err
	}
	sub := s.client.Subscribe(ctx) // to nothing yet: it sends nothing
	ending, end := context.WithCancel(ctx)
	defer end()
	context.AfterFunc(ending, func() { _ = sub.Close() }) // it waits for a connection that is being made
	if err := s.guard.Do(ctx, func() error { return sub.Subscribe(ctx, s.channel()) }); err != nil {
		return err
	}
	return s.guard.Wrap(ctx, s.hear(ctx, sub, changed))
}

// hear reports what arrives, until ctx is done or the connection fails.
func (s *Store) hear(ctx context.Context, sub *redis.PubSub, changed func(id string)) error {
	word, begun, wait := rand.Text(), false, soon
	for {
		message, err := sessionstore.Await(ctx, func() (any, error) { return sub.ReceiveTimeout(ctx, wait) })
		var timeout net.Error
		switch {
		case err == nil && begun:
			wait = quiet
		case err == nil:
		case ctx.Err() != nil || !errors.As(err, &timeout) || !timeout.Timeout():
			return err
		case !begun:
			return errUnheard
		case wait == soon: // no answer to the ping
			return err
		default:
			wait = soon
			if err := s.guard.Do(ctx, func() error { return sub.Ping(ctx) }); err != nil {
				return err
			}
		}
		switch m := message.(type) {
		case *redis.Subscription:
			if err := s.guard.Do(ctx, func() error { return s.client.Publish(ctx, s.channel(), word).Err() }); err != nil {
				return err
			}
		case *redis.Message:
			switch {
			case m.Payload == word:
				begun, wait = true, quiet
				changed("")
			case begun && sessionstore.CheckID(m.Payload) == nil: // not the word of another who begins
				changed(m.Payload)
			}
		}
	}
}

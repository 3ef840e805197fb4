package redisstore

import (
	"context"
	"errors"
	"testing"

	"github.com/redis/go-redis/v9"
)

var errDial = errors.New("connection refused")

// An oldDial is a driver that tells the commands of a batch nothing of a connection that
// it did not get, as go-redis 9.6.3 is.
type oldDial struct{ redis.Hook }

func (oldDial) DialHook(next redis.DialHook) redis.DialHook          { return next }
func (oldDial) ProcessHook(next redis.ProcessHook) redis.ProcessHook { return next }

func (oldDial) ProcessPipelineHook(redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(context.Context, []redis.Cmder) error { return errDial }
}

func TestABatchWithoutAConnectionIsAnOutage(t *testing.T) {
	t.Parallel()
	client := redis.NewClient(&redis.Options{Addr: "127.0.0.1:1"})
	t.Cleanup(func() { _ = client.Close() })
	client.AddHook(oldDial{})
	for _, notify := range []bool{false, true} {
		s, err := New(client, Options{Notify: notify})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Delete(t.Context(), "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"); !errors.Is(err, errDial) {
			t.Errorf("Delete, Notify %v: got error %v, want %v", notify, err, errDial)
		}
		for _, cmd := range s.fetch(t.Context(), []string{"id"}) {
			if _, err := loaded(cmd, "id"); !errors.Is(err, errDial) {
				t.Errorf("a record of a list: got error %v, want %v", err, errDial)
			}
		}
		if _, err := s.deleteOf(t.Context(), "ann", []member{{id: "id"}}); !errors.Is(err, errDial) {
			t.Errorf("a record of a subject: got error %v, want %v", err, errDial)
		}
	}
}

package redisstore

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// Store is a [sessionstore.Store] in Redis. It is safe for concurrent use, also beside
// other Stores with the same prefix, in this process or another one.
type Store struct {
	client redis.UniversalClient
	o      Options
	guard  *sessionstore.Guard
}

var (
	_ sessionstore.Toucher      = (*Store)(nil)
	_ sessionstore.SubjectIndex = (*Store)(nil)
	_ sessionstore.AllDeleter   = (*Store)(nil)
	_ sessionstore.Scanner      = (*Store)(nil)
	_ sessionstore.Watcher      = (*Store)(nil)
)

// New returns a store behind client, which stays the caller's to close and to
// configure. New sends nothing. It returns an error if client is nil or an option can't
// work, and if a ClusterClient reads from replicas, which may not know yet that a session
// has ended.
//
// A call returns when its context is done, though the driver may go on waiting
// until its own timeouts are over; a client with ReadTimeout -1 has none and is to
// be avoided. Set ContextTimeoutEnabled: a [redis.Client] that keeps to deadlines needs no
// goroutine beside each call in a request, which is a good part of what a call costs. One
// with Options.TLSConfig does not keep to them, nor does one behind a Sentinel; one whose
// Dialer is the DialContext of a [crypto/tls.Dialer] does.
func New(client redis.UniversalClient, o Options) (*Store, error) {
	o, err := o.resolved()
	if err != nil {
		return nil, err
	}
	if v := reflect.ValueOf(client); !v.IsValid() || v.Kind() == reflect.Pointer && v.IsNil() {
		return nil, errors.New("redisstore: client is nil: want one such as redis.NewUniversalClient returns")
	}
	if c, ok := client.(*redis.ClusterClient); ok && c.Options().ReadOnly {
		return nil, errors.New("redisstore: client reads from replicas, which may lag behind: " +
			"want ReadOnly, RouteByLatency and RouteRandomly off")
	}
	guard := o.guard()
	if keepsDeadlines(client) {
		guard.EndsByDeadline = func(time.Duration) bool { return true }
	}
	return &Store{client: client, o: o, guard: guard}, nil
}

// keepsDeadlines reports whether a client ends its calls at their deadline. With negative
// timeouts go-redis sets none on its connections. Its TLS handshake knows none, nor do
// those who ask a Sentinel while others wait for the answer; newer versions have
// mended both, but look commands up without one for a Cluster.
func keepsDeadlines(client redis.UniversalClient) bool {
	c, ok := client.(*redis.Client)
	if !ok {
		return false
	}
	o := c.Options()
	return o.ContextTimeoutEnabled && o.ReadTimeout >= 0 && o.WriteTimeout >= 0 && o.TLSConfig == nil && o.Addr != sentinelAddr
}

// sentinelAddr stands for the address in a client of redis.NewFailoverClient.
const sentinelAddr = "FailoverClient"

// Load implements [sessionstore.Store].
func (s *Store) Load(ctx context.Context, id string) (sessionstore.Record, error) {
	if err := s.guard.Check(ctx, id); err != nil {
		return sessionstore.Record{}, err
	}
	return sessionstore.Guarded(ctx, s.guard, func() (sessionstore.Record, error) {
		b, err := s.client.Get(ctx, s.key(id)).Bytes()
		if err != nil {
			return sessionstore.Record{}, err //nolint:wrapcheck // the guard does it
		}
		r, err := decode(b, id)
		if err == nil && !r.Live() {
			err = sessionstore.ErrNotFound
		}
		if err != nil {
			return sessionstore.Record{}, err
		}
		return r, nil
	})
}

// Create implements [sessionstore.Store].
func (s *Store) Create(ctx context.Context, id string, r sessionstore.Record) error {
	if err := s.guard.CheckWrite(ctx, id, r); err != nil {
		return err
	}
	b := value(id, r)
	return s.guard.Do(ctx, func() error {
		if r.Subject == "" {
			return s.create(ctx, id, b, r.Expires)
		}
		return s.indexing(ctx, r.Subject, id, r.Expires, func(indexed []byte) answer {
			copy(b, indexed)
			return answer{err: s.create(ctx, id, b, r.Expires)}
		}).err
	})
}

// create stores b, which begins with until when the index knows the record. It takes
// a script only to find out what stands in the way.
func (s *Store) create(ctx context.Context, id string, b []byte, expires time.Time) error {
	ttl := ttl(expires)
	args := redis.SetArgs{Mode: "NX", TTL: time.Duration(ttl) * time.Millisecond}
	if err := s.client.SetArgs(ctx, s.key(id), b, args).Err(); !errors.Is(err, redis.Nil) {
		return err //nolint:wrapcheck // the guard does it
	}
	return s.call(ctx, createScript, id, ttl, b).err
}

// Update implements [sessionstore.Store].
func (s *Store) Update(ctx context.Context, id string, old sessionstore.Version, r sessionstore.Record) error {
	if err := s.guard.CheckWrite(ctx, id, r); err != nil {
		return err
	}
	b := value(id, r)
	return s.guard.Do(ctx, func() error {
		update := func(indexed []byte) answer {
			copy(b, indexed)
			return s.call(ctx, updateScript, id, ttl(r.Expires), s.telling(b, encodeVersion(old))...)
		}
		a := update(nil)
		if a.unindexed {
			a = s.indexing(ctx, r.Subject, id, r.Expires, update)
		}
		if a.err == nil && a.subject != "" {
			s.unindex(ctx, a.subject, member{id, micros(a.known)})
		}
		return a.err
	})
}

// Delete implements [sessionstore.Store].
func (s *Store) Delete(ctx context.Context, id string) error {
	if err := s.guard.Check(ctx, id); err != nil {
		return err
	}
	return s.guard.Do(ctx, func() error {
		heads, errs := s.remove(ctx, id)
		if errs[0] != nil {
			return errs[0]
		}
		if r, err := decode(heads[0], id); err == nil && r.Subject != "" {
			s.unindex(ctx, r.Subject, member{id, micros(heads[0])})
		}
		return nil
	})
}

// remove deletes what is under these ids. For each it returns what that began with,
// which is empty if nothing was there, or a value of another type.
func (s *Store) remove(ctx context.Context, ids ...string) (heads [][]byte, errs []error) {
	answers := make([]func() ([]byte, error), len(ids))
	s.pipeline(ctx, func(p redis.Pipeliner) error {
		for i, id := range ids {
			if s.o.Notify { // a pipeline can't send a forgotten script again: the script goes along
				end := endScript.Eval(ctx, p, []string{s.key(id)}, id, s.channel())
				answers[i] = func() ([]byte, error) {
					text, err := end.Text()
					return []byte(text), err
				}
				continue
			}
			head, del := p.GetRange(ctx, s.key(id), 0, headLen-1), p.Del(ctx, s.key(id))
			answers[i] = func() ([]byte, error) {
				if n, err := del.Result(); err != nil || n == 0 {
					return nil, err //nolint:wrapcheck // the guard does it
				}
				b, _ := head.Bytes() // with an error, what is gone was of another type
				return b, nil
			}
		}
		return nil
	})
	heads, errs = make([][]byte, len(ids)), make([]error, len(ids))
	for i, answer := range answers {
		heads[i], errs[i] = answer()
	}
	return heads, errs
}

// pipeline sends commands in a batch, and returns them with their answers. The error of
// the batch is that of one of them. But older drivers tell none of them that there was no
// connection.
func (s *Store) pipeline(ctx context.Context, add func(redis.Pipeliner) error) []redis.Cmder {
	cmds, err := s.client.Pipelined(ctx, add)
	if err != nil && !slices.ContainsFunc(cmds, func(c redis.Cmder) bool { return c.Err() != nil }) {
		for _, c := range cmds {
			c.SetErr(err)
		}
	}
	return cmds
}

func (s *Store) key(id string) string { return s.o.KeyPrefix + id }

// headLen is the length of all that a value has before its data.
const headLen = timeLen + sessionstore.RecordHeaderLen + sessionstore.MaxSubjectLen

// value returns what is stored: until when the index knows the record, in timeLen bytes
// that the caller sets, and the record.
func value(id string, r sessionstore.Record) []byte {
	b := make([]byte, timeLen, headLen+len(r.Data))
	return sessionstore.AppendRecord(b, id, r)
}

// decode returns the record of a value.
func decode(b []byte, id string) (sessionstore.Record, error) {
	return sessionstore.ParseRecord(b[min(timeLen, len(b)):], id)
}

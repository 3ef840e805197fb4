package redisstore

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"slices"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// The index of a subject is a sorted set: a member for each record, scored with
// the millisecond until which it is kept. On a Cluster it lies on another server
// than the records, so that it can't change along with them. Instead, a member is
// always there before its record: it is written first, kept for longer than the
// record's expiry, and renewed before that is moved beyond. Members too many do no
// harm, for a record's own subject decides.
//
// A member without a record goes when its time has come, or when ListSubject
// meets it, unless the record may be on its way: a second member, with a plus
// sign before the id, says so for pendingFor after every write.

const (
	// indexSlack is the least time for which a member outlives the expiry that it
	// was written for: longer than clocks can be apart.
	indexSlack = time.Hour

	// pendingFor is longer than the call that writes a record can take, and than
	// clocks can be apart.
	pendingFor = time.Hour

	// batch is how many records of a subject are asked for at once.
	batch = 100
)

// lastTime is the last instant that can be encoded.
var lastTime = time.Unix(0, 1<<63-1)

// indexScript takes the time now, the id, until when to keep it, and until when its
// record may be on its way, in milliseconds.
var indexScript = redis.NewScript(`
local key, now, id, till, pending = KEYS[1], ARGV[1], ARGV[2], ARGV[3], ARGV[4]
redis.call('ZREMRANGEBYSCORE', key, '-inf', '(' .. now)
local score = redis.call('ZSCORE', key, id)
if not score or tonumber(score) < tonumber(till) then redis.call('ZADD', key, till, id) end
redis.call('ZADD', key, pending, '+' .. id)
local last = redis.call('ZRANGE', key, -1, -1, 'WITHSCORES')
redis.call('PEXPIRE', key, string.format('%.0f', last[2] - now))
return 'ok'
`)

// unindexScript takes the time now in milliseconds, and ids without a record.
//
//nolint:dupword // Lua
var unindexScript = redis.NewScript(`
local key, now = KEYS[1], ARGV[1]
redis.call('ZREMRANGEBYSCORE', key, '-inf', '(' .. now)
for i = 2, #ARGV do
  if not redis.call('ZSCORE', key, '+' .. ARGV[i]) then redis.call('ZREM', key, ARGV[i]) end
end
return 'ok'
`)

// index makes sure that the subject's index knows id until expires and beyond,
// and returns until when.
func (s *Store) index(ctx context.Context, subject, id string, expires time.Time) (time.Time, error) {
	now := time.Now()
	until := indexUntil(now, expires)
	err := indexScript.Run(ctx, s.client, []string{s.subjectKey(subject)},
		now.UnixMilli(), id, until.UnixMilli()+1, now.Add(pendingFor).UnixMilli()).Err()
	return until, err //nolint:wrapcheck // the guard does it
}

// indexUntil leaves room for the expiry to be moved: whoever touches a record
// regularly needs to renew its member once in a lifetime only.
func indexUntil(now, expires time.Time) time.Time {
	slack := max(indexSlack, expires.Sub(now))
	if lastTime.Sub(expires) < slack {
		return lastTime
	}
	return expires.Add(slack)
}

// ListSubject implements [sessionstore.SubjectIndex]. It costs one call and one GET for
// each record, in batches. A damaged record among these gives sessionstore.ErrCorrupt
// rather than an incomplete list.
func (s *Store) ListSubject(ctx context.Context, subject string) ([]sessionstore.Entry, error) {
	if err := s.guard.CheckSubject(ctx, subject); err != nil {
		return nil, err
	}
	return sessionstore.Guarded(ctx, s.guard, func() ([]sessionstore.Entry, error) {
		ids, err := s.indexed(ctx, subject)
		if err != nil {
			return nil, err
		}
		var entries []sessionstore.Entry
		var stale []any
		for ids := range slices.Chunk(ids, batch) {
			cmds := s.fetch(ctx, ids)
			for i, id := range ids {
				r, err := loaded(cmds[i], id)
				switch {
				case errors.Is(err, redis.Nil), err == nil && r.Subject != subject:
					stale = append(stale, id)
				case err != nil:
					return nil, err
				case r.Live():
					entries = append(entries, sessionstore.Entry{ID: id, Record: r})
				}
			}
		}
		s.unindex(ctx, subject, stale)
		return entries, nil
	})
}

// fetch asks for the records under these ids, which loaded returns.
func (s *Store) fetch(ctx context.Context, ids []string) []redis.Cmder {
	// The error of the batch is that of one of its commands.
	cmds, _ := s.client.Pipelined(ctx, func(p redis.Pipeliner) error {
		for _, id := range ids {
			p.Get(ctx, s.key(id))
		}
		return nil
	})
	return cmds
}

func loaded(cmd redis.Cmder, id string) (sessionstore.Record, error) {
	get, ok := cmd.(*redis.StringCmd)
	if !ok {
		return sessionstore.Record{}, errAnswer
	}
	b, err := get.Bytes()
	if err != nil {
		return sessionstore.Record{}, err //nolint:wrapcheck // the guard does it
	}
	return decode(b, id)
}

// DeleteSubject implements [sessionstore.SubjectIndex]. It costs one call and one for
// each record, in batches. It deletes damaged records of the subject too, without
// counting them, and goes on after an error.
func (s *Store) DeleteSubject(ctx context.Context, subject string) (int, error) {
	if err := s.guard.CheckSubject(ctx, subject); err != nil {
		return 0, err
	}
	ids, err := sessionstore.Guarded(ctx, s.guard, func() ([]string, error) { return s.indexed(ctx, subject) })
	if err != nil {
		return 0, err
	}
	var deleted int
	var failed error
	for ids := range slices.Chunk(ids, batch) {
		n, err := sessionstore.Guarded(ctx, s.guard, func() (int, error) { return s.deleteOf(ctx, subject, ids) })
		deleted += n
		if failed == nil {
			failed = err
		}
		if ctx.Err() != nil {
			break
		}
	}
	return deleted, failed
}

// deleteOf deletes those records that are the subject's, and reports how many live
// ones these were.
func (s *Store) deleteOf(ctx context.Context, subject string, ids []string) (deleted int, failed error) {
	now := encodeTime(time.Now())
	// A pipeline can't send a forgotten script again: the script goes along.
	cmds, _ := s.client.Pipelined(ctx, func(p redis.Pipeliner) error {
		for _, id := range ids {
			deleteScript.Eval(ctx, p, []string{s.key(id)}, id, now, 0, "", subject)
		}
		return nil
	})
	var ended []any
	for i, id := range ids {
		cmd, ok := cmds[i].(*redis.Cmd)
		if !ok {
			return deleted, errAnswer
		}
		switch err := parseAnswer(cmd).err; {
		case err == nil:
			deleted++
			ended = append(ended, id)
		case errors.Is(err, sessionstore.ErrNotFound):
			ended = append(ended, id)
		case failed == nil:
			failed = err
		}
	}
	s.unindex(ctx, subject, ended)
	return deleted, failed
}

// indexed returns the ids of the records that the subject has or had.
func (s *Store) indexed(ctx context.Context, subject string) ([]string, error) {
	members, err := s.client.ZRange(ctx, s.subjectKey(subject), 0, -1).Result()
	if err != nil {
		return nil, err //nolint:wrapcheck // the guard does it
	}
	return slices.DeleteFunc(members, func(m string) bool { return sessionstore.CheckID(m) != nil }), nil
}

// unindex removes the members of records that are gone. If it fails, they stay
// until they are next looked at or their time has come.
func (s *Store) unindex(ctx context.Context, subject string, ids []any) {
	for ids := range slices.Chunk(ids, batch) {
		args := append([]any{time.Now().UnixMilli()}, ids...)
		_ = unindexScript.Run(ctx, s.client, []string{s.subjectKey(subject)}, args...).Err() // see above
	}
}

// subjectKey makes a key out of any subject, and tells it to nobody.
func (s *Store) subjectKey(subject string) string {
	sum := sha256.Sum256([]byte(subject))
	return s.o.KeyPrefix + "subject:" + base64.RawURLEncoding.EncodeToString(sum[:])
}

package redisstore

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// The index of a subject is a sorted set: a member for each record, scored with
// the microsecond until which it is kept. On a Cluster it lies on another server
// than the records, so that it can't change along with them. Instead, a member is
// always there before its record: it is written first, kept for longer than the
// record's expiry, and renewed before that is moved beyond. Members too many do no
// harm, for a record's own subject decides.
//
// While a record is on its way, a second member says so, with a plus sign before the
// id. It goes when the write's outcome is certain; after a crash, when pendingFor has
// passed. Of several writers of one record at the same time, nobody takes it away.
//
// A member without a record is removed by whoever has found that: who deletes the
// record, gives it away, or lists it. Since then another writer may have told the
// index about a record that it creates. So each writer gives the member another
// score, and what is removed is a member with the score that was seen, and with no
// plus sign.

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

// A member of an index is the id of a record and its score.
type member struct {
	id    string
	score int64
}

// pending marks the member that says that a record is on its way.
const pending = "+"

// micros returns the score that goes with the beginning of a value.
func micros(known []byte) int64 {
	return int64(binary.BigEndian.Uint64(known) / uint64(time.Microsecond)) //nolint:gosec // the inverse of encodeTime
}

// indexScript takes the time now, the id, until when to keep it, and until when its
// record may be on its way, all in microseconds. It answers until when it keeps the
// id, with a plus sign if another writer is at work. A score rises by two, because
// from the year 2255 on a double can't tell one from the next.
var indexScript = redis.NewScript(`
local key, now, id, till, pending = KEYS[1], ARGV[1], ARGV[2], ARGV[3], ARGV[4]
redis.call('ZREMRANGEBYSCORE', key, '-inf', '(' .. now)
local score = redis.call('ZSCORE', key, id)
if score and tonumber(score) >= tonumber(till) then till = string.format('%.0f', score + 2) end
redis.call('ZADD', key, till, id)
if redis.call('ZADD', key, pending, '+' .. id) == 0 then till = '+' .. till end
local last = redis.call('ZRANGE', key, -1, -1, 'WITHSCORES')
redis.call('PEXPIRE', key, string.format('%.0f', (last[2] - now) / 1000 + 1))
return till
`)

// settleScript takes an id and the score that its writer gave it, whose outcome is
// certain.
var settleScript = redis.NewScript(`
local key, id, score = KEYS[1], ARGV[1], ARGV[2]
if tonumber(redis.call('ZSCORE', key, id) or 0) == tonumber(score) then redis.call('ZREM', key, '+' .. id) end
return 'ok'
`)

// unindexScript takes the time now in microseconds, and ids without a record, each with
// its score.
//
//nolint:dupword // Lua
var unindexScript = redis.NewScript(`
local key, now = KEYS[1], ARGV[1]
redis.call('ZREMRANGEBYSCORE', key, '-inf', '(' .. now)
for i = 2, #ARGV, 2 do
  local id, score = ARGV[i], ARGV[i + 1]
  if tonumber(redis.call('ZSCORE', key, id) or 0) == tonumber(score) and not redis.call('ZSCORE', key, '+' .. id) then
    redis.call('ZREM', key, id)
  end
end
return 'ok'
`)

// indexing makes sure that the subject's index knows id until expires and beyond,
// and then has the record written, which is to say until when.
func (s *Store) indexing(
	ctx context.Context, subject, id string, expires time.Time, write func(indexed []byte) answer,
) answer {
	now, key := time.Now(), []string{s.subjectKey(subject)}
	text, err := indexScript.Run(ctx, s.client, key,
		now.UnixMicro(), id, indexUntil(now, expires).UnixMicro(), now.Add(pendingFor).UnixMicro()).Text()
	if err != nil {
		return answer{err: err}
	}
	text, shared := strings.CutPrefix(text, pending)
	score, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return answer{err: errAnswer}
	}
	a := write(encodeTime(time.UnixMicro(score)))
	if !shared && (a.err == nil || sessionstore.Certain(a.err)) {
		_ = settleScript.Run(ctx, s.client, key, id, score).Err() // it would go by itself, later
	}
	return a
}

// indexUntil leaves room for the expiry to be moved: whoever touches a record
// regularly needs to renew its member once in a lifetime only. A part of that is
// random, so that a member that comes again has another score.
func indexUntil(now, expires time.Time) time.Time {
	slack := max(indexSlack, expires.Sub(now))
	slack = min(slack+slack/16, lastTime.Sub(expires))
	return expires.Add(slack - rand.N(max(slack/17, 1))).Truncate(time.Microsecond) //nolint:gosec // no secret
}

// ListSubject implements [sessionstore.SubjectIndex]. It costs one call and one GET for
// each record, in batches. A damaged record among these gives sessionstore.ErrCorrupt,
// with the others.
func (s *Store) ListSubject(ctx context.Context, subject string) ([]sessionstore.Entry, error) {
	if err := s.guard.CheckSubject(ctx, subject); err != nil {
		return nil, err
	}
	return sessionstore.Guarded(ctx, s.guard, func() ([]sessionstore.Entry, error) {
		members, err := s.members(ctx, subject)
		if err != nil {
			return nil, err
		}
		var entries []sessionstore.Entry
		var stale []member
		var damaged error
		for members := range slices.Chunk(members, batch) {
			cmds := s.fetch(ctx, idsOf(members))
			for i, m := range members {
				r, err := loaded(cmds[i], m.id)
				switch {
				case errors.Is(err, redis.Nil), err == nil && r.Subject != subject:
					stale = append(stale, m)
				case err != nil && errors.Is(s.guard.Wrap(ctx, err), sessionstore.ErrCorrupt):
					damaged = err
				case err != nil:
					return nil, err
				case r.Live():
					entries = append(entries, sessionstore.Entry{ID: m.id, Record: r})
				}
			}
		}
		s.unindex(ctx, subject, stale...)
		return entries, damaged
	})
}

// fetch asks for the records under these ids, which loaded returns.
func (s *Store) fetch(ctx context.Context, ids []string) []redis.Cmder {
	return s.pipeline(ctx, func(p redis.Pipeliner) error {
		for _, id := range ids {
			p.Get(ctx, s.key(id))
		}
		return nil
	})
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
	members, err := sessionstore.Guarded(ctx, s.guard, func() ([]member, error) { return s.members(ctx, subject) })
	if err != nil {
		return 0, err
	}
	var deleted int
	var failed error
	for members := range slices.Chunk(members, batch) {
		n, err := sessionstore.Guarded(ctx, s.guard, func() (int, error) { return s.deleteOf(ctx, subject, members) })
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
func (s *Store) deleteOf(ctx context.Context, subject string, members []member) (deleted int, failed error) {
	now := encodeTime(time.Now())
	// A pipeline can't send a forgotten script again: the script goes along.
	cmds := s.pipeline(ctx, func(p redis.Pipeliner) error {
		for _, m := range members {
			deleteScript.Eval(ctx, p, []string{s.key(m.id)}, append([]any{m.id, now, 0}, s.telling(subject)...)...)
		}
		return nil
	})
	var ended []member
	for i, m := range members {
		cmd, ok := cmds[i].(*redis.Cmd)
		if !ok {
			return deleted, errAnswer
		}
		switch err := parseAnswer(cmd).err; {
		case err == nil:
			deleted++
			ended = append(ended, m)
		case errors.Is(err, sessionstore.ErrNotFound):
			ended = append(ended, m)
		case failed == nil:
			failed = err
		}
	}
	s.unindex(ctx, subject, ended...)
	return deleted, failed
}

// members returns the records that the subject has or had. Those that may be on their
// way have no score, and unindex leaves them.
func (s *Store) members(ctx context.Context, subject string) ([]member, error) {
	all, err := s.client.ZRangeWithScores(ctx, s.subjectKey(subject), 0, -1).Result()
	if err != nil {
		return nil, err //nolint:wrapcheck // the guard does it
	}
	now := float64(time.Now().UnixMicro())
	coming := make(map[string]bool)
	for _, z := range all {
		if name, _ := z.Member.(string); strings.HasPrefix(name, pending) && z.Score >= now {
			coming[name[len(pending):]] = true
		}
	}
	var members []member
	for _, z := range all {
		id, _ := z.Member.(string)
		switch {
		case sessionstore.CheckID(id) != nil:
		case coming[id]:
			members = append(members, member{id: id})
		default:
			members = append(members, member{id, int64(z.Score)})
		}
	}
	return members, nil
}

func idsOf(members []member) []string {
	ids := make([]string, len(members))
	for i, m := range members {
		ids[i] = m.id
	}
	return ids
}

// unindex removes the members of records that are gone. If it fails, they stay
// until they are next looked at or their time has come.
func (s *Store) unindex(ctx context.Context, subject string, members ...member) {
	members = slices.DeleteFunc(members, func(m member) bool { return m.score == 0 })
	for members := range slices.Chunk(members, batch) {
		args := []any{time.Now().UnixMicro()}
		for _, m := range members {
			args = append(args, m.id, m.score)
		}
		_ = unindexScript.Run(ctx, s.client, []string{s.subjectKey(subject)}, args...).Err() // see above
	}
}

// subjectKey makes a key out of any subject, and tells it to nobody.
func (s *Store) subjectKey(subject string) string {
	sum := sha256.Sum256([]byte(subject))
	return s.o.KeyPrefix + "subject:" + base64.RawURLEncoding.EncodeToString(sum[:])
}

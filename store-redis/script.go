package redisstore

import (
	"context"
	"encoding/binary"
	"fmt"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// The scripts that work on a record have these arguments first: the id, the time
// now, the milliseconds until the record's new expiry, and until when the index
// knows the record ("" if it hasn't been told now). Times are 8 bytes,
// nanoseconds since 1970, as they are in a record. Before the record, the value
// has the time until which the index knows it; in the record, offsets are those
// that sessionstore.AppendRecord documents.
//
//nolint:dupword // Lua
const recordLua = `
local key, id, now, ttl, indexed = KEYS[1], ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local known, head, subject

-- Lua's < on strings depends on the server's locale.
local function before(a, b)
  for i = 1, 8 do
    local x, y = a:byte(i), b:byte(i)
    if x ~= y then return x < y end
  end
  return false
end

-- What is there: 'absent', 'expired', 'corrupt' or 'live'. It reads no data.
local function look()
  local kind = redis.call('TYPE', key).ok
  if kind == 'none' then return 'absent' end
  if kind ~= 'string' then return 'corrupt' end
  local start = redis.call('GETRANGE', key, 0, 8 + 64 + 255 - 1)
  known, head = start:sub(1, 8), start:sub(9)
  if #head < 64 or #head < 64 + head:byte(64) or head:sub(1, 4) ~= 'CRK1'
    or head:sub(13, 20) == ('\0'):rep(8) or head:sub(21, 63) ~= id then
    return 'corrupt'
  end
  subject = head:sub(65, 64 + head:byte(64))
  return before(now, head:sub(5, 12)) and 'live' or 'expired'
end

local function put(record)
  redis.call('SET', key, indexed .. record, 'PX', ttl)
  return 'ok'
end
`

// createScript also takes the record.
var createScript = redis.NewScript(recordLua + `
local record = ARGV[5]
local state = look()
if state == 'corrupt' then return state end
if state == 'live' then
  return head:sub(13, 20) == record:sub(13, 20) and 'ok' or 'exists'
end
return put(record)
`)

// updateScript also takes the version to replace and the record.
//
//nolint:dupword // Lua
var updateScript = redis.NewScript(recordLua + `
local old, record = ARGV[5], ARGV[6]
local state = look()
if state ~= 'live' then return state end
if head:sub(13, 20) == record:sub(13, 20) then return 'ok' end
if head:sub(13, 20) ~= old then return 'conflict' end
local to = record:sub(65, 64 + record:byte(64))
if to == '' then
  indexed = ('\0'):rep(8)
else
  if to == subject and (indexed == '' or before(indexed, known)) then indexed = known end
  if indexed == '' or before(indexed, record:sub(5, 12)) then return 'unindexed' end
end
return put(record)
`)

// touchScript also takes the version that is to be there and the new expiry.
var touchScript = redis.NewScript(recordLua + `
local version, expires = ARGV[5], ARGV[6]
local state = look()
if state ~= 'live' then return state end
if head:sub(13, 20) ~= version then return 'conflict' end
if subject ~= '' and before(known, expires) then
  if indexed == '' then return 'unindexed ' .. subject end
  redis.call('SETRANGE', key, 0, indexed)
end
redis.call('SETRANGE', key, 8 + 4, expires)
redis.call('PEXPIRE', key, ttl)
return 'ok'
`)

// deleteScript deletes the record if it is that of a subject. It also deletes
// what is no record: the index says that it was.
var deleteScript = redis.NewScript(recordLua + `
local state = look()
if state == 'absent' then return state end
if state ~= 'corrupt' and subject ~= ARGV[5] then return 'absent' end
redis.call('DEL', key)
return state == 'live' and 'ok' or 'absent'
`)

// An answer is what a script on a record says.
type answer struct {
	err       error
	unindexed bool   // nothing is written; the index has to be told first
	subject   string // of the record, then, if the caller can't know it
}

// call runs a script on the record under id. indexed and args follow the
// arguments that all scripts have.
func (s *Store) call(
	ctx context.Context, script *redis.Script, id string, ttl int64, indexed []byte, args ...any,
) answer {
	args = append([]any{id, encodeTime(time.Now()), ttl, indexed}, args...)
	return parseAnswer(script.Run(ctx, s.client, []string{s.key(id)}, args...))
}

func parseAnswer(cmd *redis.Cmd) answer {
	text, err := cmd.Text()
	if err != nil {
		return answer{err: err}
	}
	word, subject, _ := strings.Cut(text, " ")
	switch word {
	case "ok":
		return answer{}
	case "unindexed":
		return answer{err: errAnswer, unindexed: true, subject: subject}
	case "absent", "expired":
		return answer{err: sessionstore.ErrNotFound}
	case "exists":
		return answer{err: sessionstore.ErrExists}
	case "conflict":
		return answer{err: sessionstore.ErrConflict}
	case "corrupt":
		return answer{err: fmt.Errorf("%w: no record of this session", sessionstore.ErrCorrupt)}
	}
	return answer{err: errAnswer}
}

// ttl returns the milliseconds until expires, rounded up, and one more for the
// part of a millisecond that the server's clock leaves out: it must not be the
// first to end the record.
func ttl(expires time.Time) int64 {
	return max(1, (time.Until(expires) + 2*time.Millisecond - 1).Milliseconds())
}

// timeLen is the length of an encoded time.
const timeLen = 8

// encodeVersion encodes v as records do.
func encodeVersion(v sessionstore.Version) []byte {
	return binary.BigEndian.AppendUint64(nil, uint64(v))
}

// encodeTime encodes t as records do; the zero Time becomes zero bytes.
func encodeTime(t time.Time) []byte {
	if t.IsZero() {
		return make([]byte, timeLen)
	}
	return binary.BigEndian.AppendUint64(nil, uint64(t.UnixNano()))
}

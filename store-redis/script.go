package redisstore

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// The scripts that work on a record have these arguments first: the id, the time now, and
// the milliseconds until the record's new expiry. Times are 8 bytes, nanoseconds since
// 1970, as they are in a record. A value is the time until which the index knows the
// record, and the record. In a value and in the head of one, offsets are those that
// sessionstore.AppendRecord documents, and 9 more: Lua counts from 1.
//
// The state of what is there is 'absent', 'expired', 'corrupt' or 'live'. Its data is
// not read. Times are compared as pairs of numbers: Lua's < on strings depends on the
// server's locale, and its numbers have 53 bits.
//
// Scripts make no string of a value's length, and pass no number to a command: the server
// would take memory for the one from the system, page by page, and print the other.
const recordLua = `
local key, id, now, ttl = KEYS[1], ARGV[1], ARGV[2], ARGV[3]
local head = redis.pcall('GETRANGE', key, '0', '326') -- 8 + 64 + 255 bytes
if type(head) == 'table' and not head.err:find('WRONGTYPE', 1, true) then return head end
local state, version, subject = 'corrupt'
local knownHigh, knownLow, magic, high, low
if type(head) == 'string' and #head >= 72 then
  knownHigh, knownLow, magic, high, low = struct.unpack('>I4I4I4I4I4', head)
  local ends = 72 + head:byte(72)
  version = head:sub(21, 28)
  if magic == 0x43524b31 and #head >= ends and head:sub(29, 71) == id and version ~= '\0\0\0\0\0\0\0\0' then
    local nowHigh, nowLow = struct.unpack('>I4I4', now)
    state = (nowHigh < high or nowHigh == high and nowLow < low) and 'live' or 'expired'
    subject = head:sub(73, ends)
  end
elseif head == '' and redis.call('EXISTS', key) == 0 then
  state = 'absent'
end
`

// createScript also takes the value. It is for what SET NX has not made.
var createScript = redis.NewScript(recordLua + `
local value = ARGV[4]
if state == 'corrupt' then return state end
if state == 'live' then
  return version == value:sub(21, 28) and 'ok' or 'exists'
end
redis.call('SET', key, value, 'PX', ttl)
return 'ok'
`)

// updateScript also takes the value, which begins with zero bytes if the index hasn't been
// told, the version to replace, and with Options.Notify a channel. If it takes the record
// from a subject, it says from which one, and until when its index knows the record.
var updateScript = redis.NewScript(recordLua + `
local value, old = ARGV[4], ARGV[5]
if state ~= 'live' then return state end
if version == value:sub(21, 28) then return 'ok' end
if version ~= old then return 'conflict' end
local indexed, newHigh, newLow = value:sub(1, 8), struct.unpack('>I4I4', value, 13)
local owner = value:sub(73, 72 + value:byte(72))
local same, sooner = subject == owner, newHigh < high or newHigh == high and newLow < low
local known = owner ~= '' and indexed == '\0\0\0\0\0\0\0\0'
if known and (not same or knownHigh < newHigh or knownHigh == newHigh and knownLow < newLow) then
  return 'unindexed'
end
redis.call('SET', key, value, 'PX', ttl)
if known then redis.call('SETRANGE', key, '0', head:sub(1, 8)) end
if ARGV[6] and (not same or sooner) then redis.pcall('PUBLISH', ARGV[6], id) end
if same or subject == '' then return 'ok' end
return 'taken ' .. head:sub(1, 8) .. subject
`)

// touchScript also takes until when the index knows the record ("" if it hasn't been told),
// the version that is to be there, and the new expiry.
//
//nolint:dupword // Lua
var touchScript = redis.NewScript(recordLua + `
if state ~= 'live' then return state end
local indexed, old, expires = ARGV[4], ARGV[5], ARGV[6]
if version ~= old then return 'conflict' end
if subject ~= '' then
  local high, low = struct.unpack('>I4I4', expires)
  if indexed ~= '' then
    redis.call('SETRANGE', key, '0', indexed)
  elseif knownHigh < high or knownHigh == high and knownLow < low then
    return 'unindexed ' .. subject
  end
end
redis.call('SETRANGE', key, '12', expires)
redis.call('PEXPIRE', key, ttl)
return 'ok'
`)

// deleteScript deletes the record if it is that of a subject, and takes a channel as
// updateScript does. It also deletes what is no record: the index says that it was.
var deleteScript = redis.NewScript(recordLua + `
if state == 'absent' then return state end
if state ~= 'corrupt' and subject ~= ARGV[4] then return 'absent' end
redis.call('DEL', key)
if ARGV[5] then redis.pcall('PUBLISH', ARGV[5], id) end
return state == 'live' and 'ok' or 'absent'
`)

// endScript takes the id and a channel. It deletes whatever is there, and answers what that
// began with.
var endScript = redis.NewScript(`
local key, id, channel = KEYS[1], ARGV[1], ARGV[2]
local head = redis.pcall('GETRANGE', key, '0', '326')
if redis.call('DEL', key) == 1 then redis.pcall('PUBLISH', channel, id) end
return type(head) == 'string' and head or ''
`)

// An answer is what a script on a record says.
type answer struct {
	err       error
	unindexed bool   // nothing is written; the index has to be told first
	subject   string // of the record, if the caller can't know it; or from whom it was taken
	known     []byte // until when the index of that one knows the record
}

// call runs a script on the record under id. args follow the arguments that all scripts
// have. A conflict of a call that the driver has sent again may be with its first sending.
func (s *Store) call(ctx context.Context, script *redis.Script, id string, ttl int64, args ...any) answer {
	sent := &counted{text: []byte(id)}
	keys, args := []string{s.key(id)}, append([]any{sent, encodeTime(time.Now()), ttl}, args...)
	cmd := script.EvalSha(ctx, s.client, keys, args...)
	if redis.HasErrorPrefix(cmd.Err(), "NOSCRIPT") {
		sent.times-- // it has done nothing
		cmd = script.Eval(ctx, s.client, keys, args...)
	}
	a := parseAnswer(cmd)
	if sent.times > 1 && errors.Is(a.err, sessionstore.ErrConflict) {
		a.err = fmt.Errorf("%w: %w", a.err, sessionstore.ErrRepeated)
	}
	return a
}

// A counted argument knows how often the driver has sent it.
type counted struct {
	text  []byte
	times int
}

// MarshalBinary is called by the driver for each sending.
func (c *counted) MarshalBinary() ([]byte, error) {
	c.times++
	return c.text, nil
}

// String is for those who trace commands.
func (c *counted) String() string { return string(c.text) }

func parseAnswer(cmd *redis.Cmd) answer {
	text, err := cmd.Text()
	if err != nil {
		return answer{err: err}
	}
	word, rest, _ := strings.Cut(text, " ")
	switch word {
	case "ok":
		return answer{}
	case "taken":
		if len(rest) > timeLen {
			return answer{subject: rest[timeLen:], known: []byte(rest[:timeLen])}
		}
	case "unindexed":
		return answer{err: errAnswer, unindexed: true, subject: rest}
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

package session

import (
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"
)

// restated says what judge has to find, as a list of conditions of which the first
// that holds decides, apart from judge's own code.
func restated(st *state, hash ticketHash, at times) verdict {
	lost, listed := st.subject != "", -1
	for i := range st.tickets {
		e := &st.tickets[i]
		if e.hash == hash {
			listed = i
		}
		taken := e.seen != 0 || !e.retired.IsZero()
		expected := at.now.UnixNano()-e.at.UnixNano() <= int64(10*time.Minute)
		if !e.before && at.now.UnixNano() < lastMoment(e, at) && (taken || expected) {
			lost = false
		}
	}
	if listed < 0 {
		if st.ended {
			return verdict{standing: quiet, reason: isEnded}
		}
		return verdict{standing: quiet, reason: isUnlisted}
	}
	e := st.tickets[listed]
	gone := quiet
	if lost {
		gone = unknown
	}
	late := gone
	if st.subject == "" {
		late = unknown
	}
	for _, line := range []struct {
		holds    bool
		standing standing
		reason   reason
	}{
		{st.ended, quiet, isEnded},
		{e.before, gone, isFromBefore},
		{!e.until.IsZero() && at.now.UnixNano() >= e.until.UnixNano(), unknown, isExpired},
		{at.now.UnixNano() >= lastMoment(&e, at), late, isExpired},
		{!e.retired.IsZero() && at.now.UnixNano()-e.retired.UnixNano() >= int64(at.grace), quiet, isRetired},
		{!e.retired.IsZero(), retired, isRetired},
	} {
		if line.holds {
			return verdict{line.standing, line.reason, e.rights}
		}
	}
	return verdict{good, isGood, e.rights}
}

// lastMoment returns when the ticket ends, however much it is used.
func lastMoment(e *entry, at times) int64 {
	absolute, end := at.absolute, int64(1<<63-1)
	if e.absolute != 0 {
		absolute = e.absolute
	}
	if absolute != NoTimeout {
		end = e.started.UnixNano() + int64(absolute)
	}
	if !e.deadline.IsZero() {
		end = min(end, e.deadline.UnixNano())
	}
	return end
}

// A taker takes choices off what the fuzzer makes.
type taker struct{ data []byte }

func (t *taker) byte() byte {
	if len(t.data) == 0 {
		return 0
	}
	b := t.data[0]
	t.data = t.data[1:]
	return b
}

func (t *taker) bit() bool { return t.byte()&1 != 0 }

// ago returns a duration around the boundaries that judge knows.
func (t *taker) ago() time.Duration {
	edges := []time.Duration{0, judgeGrace, 10 * time.Minute, time.Hour, judgeAbsolute, 10 * judgeAbsolute}
	return edges[int(t.byte())%len(edges)] + time.Duration(int8(t.byte()))
}

func (t *taker) moment() time.Time {
	if t.bit() {
		return time.Time{}
	}
	return judgedAt.Add(-t.ago())
}

func (t *taker) state() state {
	st := state{ended: t.byte()%8 == 1}
	if t.bit() {
		st.subject = "ann"
	}
	for len(t.data) > 0 && len(st.tickets) < maxEntries {
		e := entry{
			hash: ticketHash{t.byte()}, before: t.bit(), login: t.bit(), at: judgedAt.Add(-t.ago()), retired: t.moment(),
			rights: rights{started: judgedAt.Add(-t.ago()), authenticated: t.moment(), seed: [seedLen]byte{t.byte()}},
		}
		if t.bit() {
			e.lifetime = lifetime{deadline: t.moment(), absolute: []time.Duration{0, 0, time.Minute, NoTimeout}[t.byte()%4]}
			e.until = t.moment()
		}
		if t.bit() || !e.retired.IsZero() {
			e.seen = 1
		}
		st.tickets = append(st.tickets, e)
	}
	return st
}

// wantRestated compares judge with its restatement, for each ticket of a list and for
// one that may not be in it.
func wantRestated(t *testing.T, data []byte, first byte, later time.Duration) {
	t.Helper()
	take := taker{data}
	st := take.state()
	hashes := []ticketHash{{first}}
	for i := range st.tickets {
		hash := st.tickets[i].hash
		if slices.Contains(hashes[1:], hash) {
			return // a list with an entry twice is refused before
		}
		hashes = append(hashes, hash)
	}
	for _, absolute := range []time.Duration{judgeAbsolute, NoTimeout} {
		at := times{judgedAt.Add(later % (10 * judgeAbsolute)), judgeGrace, absolute}
		for _, hash := range hashes {
			if got, want := st.judge(hash, at), restated(&st, hash, at); !reflect.DeepEqual(got, want) {
				t.Fatalf("%+v at %+v:\n%+v, want\n%+v", st, at, got, want)
			}
		}
	}
}

func TestJudgeSaysWhatItsRestatementSays(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 2))
	for range 20_000 {
		data := make([]byte, r.IntN(120))
		for i := range data {
			data[i] = byte(r.Uint32())
		}
		later := []time.Duration{0, 1, -1, judgeGrace, 10 * time.Minute, judgeAbsolute}[r.IntN(6)]
		wantRestated(t, data, byte(r.Uint32()), later)
	}
}

func FuzzJudge(f *testing.F) {
	f.Add([]byte{}, byte(0), int64(0))
	f.Add([]byte{0, 1, 1, 0, 7, 0, 0, 0, 0, 1, 0, 0, 1, 9, 1}, byte(7), int64(judgeGrace))
	f.Add([]byte("a list of entries that overlap at their boundaries, more or less"), byte('t'), int64(1))
	f.Fuzz(func(t *testing.T, data []byte, first byte, later int64) {
		wantRestated(t, data, first, time.Duration(later))
	})
}

package session

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// listOf returns a state whose list has a ticket for each letter, numbered from 0 by
// their hashes, offered in this order and seen in the reverse one:
//
//	b from before a login   r retired   c current
//	p offered just now      o offered over ten minutes ago   e exactly ten minutes ago
func listOf(letters string) state {
	st := state{subject: "ann", count: uint64(2 * len(letters))}
	for i, letter := range letters {
		e := entry{hash: ticketHash{byte(i)}, offered: uint64(i + 1), at: judgedAt, rights: rights{started: start}}
		if strings.ContainsRune("brc", letter) {
			e.seen = uint64(2*len(letters) - i)
		}
		switch letter {
		case 'b':
			e.before = true
		case 'r':
			e.retired = judgedAt
		case 'o':
			e.at = judgedAt.Add(-lostAfter - 1)
		case 'e':
			e.at = judgedAt.Add(-lostAfter)
		}
		st.tickets = append(st.tickets, e)
	}
	return st
}

// numbers returns the tickets in a list, by the first byte of their hashes.
func (st *state) numbers() (n []int) {
	for i := range st.tickets {
		n = append(n, int(st.tickets[i].hash[0]))
	}
	return n
}

func TestOfAFullListTheLeastUsefulTicketMakesRoom(t *testing.T) {
	t.Parallel()
	const none, offered = 255, 99
	for _, c := range []struct {
		list      string
		presented byte
		gone      int // -1: there is no room
	}{
		{"bbrrooco", none, 0},
		{"cpcorbcc", 0, 5},
		{"cpprrcoc", none, 3},
		{"rpprrcoc", 0, 3},
		{"pccopocc", 1, 3},
		{"pccepecc", 1, -1},
		{"pccppccc", 1, -1},
		{"cccccccp", 0, -1},
		{"cccccccc", none, 7},
		{"cccccccc", 7, 6},
		{"pppppppp", none, -1},
		{"oooooooo", none, 0},
		{"ccccccc", none, none}, // not full
	} {
		t.Run(fmt.Sprintf("%s, %d is presented", c.list, c.presented), func(t *testing.T) {
			t.Parallel()
			st := listOf(c.list)
			want := st.numbers()
			e := entry{hash: ticketHash{offered}, at: judgedAt}
			count := st.count
			there := st.offer(e, ticketHash{c.presented}, judgedAt)
			if there != (c.gone >= 0) {
				t.Fatalf("there is room: %v", there)
			}
			if !there {
				if !slices.Equal(st.numbers(), want) || st.count != count {
					t.Errorf("the list has changed to %v", st.numbers())
				}
				return
			}
			want = append(slices.DeleteFunc(want, func(n int) bool { return n == c.gone }), offered)
			last := st.tickets[len(st.tickets)-1]
			if !slices.Equal(st.numbers(), want) || last.offered != count+1 || st.count != count+1 {
				t.Errorf("the list is %v, want %v; its last number is %d of %d", st.numbers(), want, last.offered, st.count)
			}
		})
	}
}

func TestAFirstSightRetiresWhatWasSeenBeforeTheOffer(t *testing.T) {
	t.Parallel()
	now := judgedAt.Add(time.Minute)
	st := state{subject: "ann"}
	add := func(n byte) { st.offer(entry{hash: ticketHash{n}, at: judgedAt}, ticketHash{}, judgedAt) }
	see := func(n byte) { st.see(ticketHash{n}, now) }
	add(1)
	see(1)
	add(8)            // not seen
	st.retireBefore() // the first login
	add(2)
	see(2)
	add(3)
	add(4) // a sibling: two clicks at the same time
	st.untaken = 5
	see(3)
	add(5)
	add(6)
	see(4) // offered before 3 was seen: both answers have arrived
	add(7)
	for _, c := range []struct {
		n                             byte
		current, retired, offered, is bool
	}{
		{1, false, false, false, true}, // from before the login
		{2, false, true, false, true},  // seen before 3 was offered
		{3, true, false, false, true},
		{4, true, false, false, true},
		{5, false, false, true, true},
		{6, false, false, true, true},
		{7, false, false, true, true},
		{8, false, false, false, true},
		{9, false, false, false, false},
	} {
		e := st.entry(ticketHash{c.n})
		if (e != nil) != c.is || e != nil && (e.current() != c.current || e.isRetired() != c.retired || e.pending() != c.offered) {
			t.Errorf("ticket %d is %+v", c.n, e)
		}
	}
	if e := st.entry(ticketHash{2}); !e.retired.Equal(now) {
		t.Errorf("retired at %v, want %v", e.retired, now)
	}
	if st.untaken != 0 {
		t.Error("it counts as untaken still")
	}
	see(6) // 3 had been seen when it was offered; 4 had not, and 5 and 7 are on their way
	if got := st.standings(); got != "bbrrcpcp" {
		t.Errorf("the list is %s", got)
	}
	before := st
	before.tickets = slices.Clone(st.tickets)
	for _, n := range []byte{1, 8, 2, 3, 6, 99} { // from before the login, seen already, retired, or none of the list's
		see(n)
	}
	if fmt.Sprint(st) != fmt.Sprint(before) {
		t.Errorf("a second sight has changed the list to %v", st.standings())
	}
	if err := st.check(); err != nil {
		t.Error(err)
	}
}

// standings returns a list in the letters of listOf.
func (st *state) standings() string {
	var b strings.Builder
	for i := range st.tickets {
		switch e := &st.tickets[i]; {
		case e.before:
			b.WriteByte('b')
		case e.isRetired():
			b.WriteByte('r')
		case e.current():
			b.WriteByte('c')
		default:
			b.WriteByte('p')
		}
	}
	return b.String()
}

func TestOffersThatNobodyHasTakenAreDropped(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		list      string
		presented byte
		want      []int
	}{
		{"bropcoe", 4, []int{0, 1, 3, 4, 6}},
		{"oooo", 2, []int{2}},
		{"oo", 99, nil},
		{"bcrpe", 1, []int{0, 1, 2, 3, 4}},
	} {
		st := listOf(c.list)
		st.dropBanked(ticketHash{c.presented}, judgedAt)
		if !slices.Equal(st.numbers(), c.want) {
			t.Errorf("%s, %d is presented: %v is left, want %v", c.list, c.presented, st.numbers(), c.want)
		}
	}
}

func TestALoginIsLostWhenNobodyHasPresentedItsTicketsForTenMinutes(t *testing.T) {
	t.Parallel()
	for list, want := range map[string]bool{
		"o": true, "bo": true, "boo": true, "bbboo": true,
		"e": false, "be": false, "bp": false, "bop": false, "boe": false,
		"boc": false, "bor": false, "c": false, "r": false, "br": false,
	} {
		st := listOf(list)
		if got := st.lost(judgedAt, judgeAbsolute); got != want {
			t.Errorf("%s: lost %v, want %v", list, got, want)
		}
		if st.subject = ""; st.lost(judgedAt, judgeAbsolute) {
			t.Errorf("%s: an anonymous session is lost", list)
		}
	}
	future := listOf("bp")
	if future.lost(judgedAt.Add(-time.Hour), judgeAbsolute) { // by another process's clock
		t.Error("a login in the future is lost")
	}
	over := listOf("boc") // what nobody can use any more says nothing of the login
	over.tickets[2].started = judgedAt.Add(-judgeAbsolute)
	if !over.lost(judgedAt, judgeAbsolute) || over.lost(judgedAt, judgeAbsolute+1) {
		t.Error("a login is not lost because a ticket whose time is over was seen once")
	}
}

// However often a session moves, and whichever of the tickets arrive, its list stays
// one that can be read, and the visitor stays in it.
func TestAThousandMoves(t *testing.T) {
	t.Parallel()
	for name, seen := range map[string]func(move int) bool{
		"none is seen":         func(int) bool { return false },
		"all are seen":         func(int) bool { return true },
		"one in three is seen": func(move int) bool { return move%3 == 0 },
	} {
		for _, pause := range []time.Duration{0, time.Second, 2 * time.Minute, time.Hour} {
			t.Run(fmt.Sprintf("%s, one every %v", name, pause), func(t *testing.T) {
				t.Parallel()
				st, now, current, refused := state{subject: "ann"}, judgedAt, ticketHash{}, 0
				for move := range 1000 {
					now = now.Add(pause)
					next := ticketHash{1, byte(move), byte(move >> 8)}
					st.dropBanked(current, now)
					if !st.offer(entry{hash: next, at: now}, current, now) {
						refused++
						continue
					}
					if move == 0 || seen(move) {
						current = next
						st.see(current, now)
					}
					if err := st.check(); err != nil {
						t.Fatalf("move %d: %v", move, err)
					}
					if e := st.entry(current); e == nil || !e.current() {
						t.Fatalf("move %d: the visitor's ticket is %+v", move, e)
					}
				}
				// What is on its way to the visitor is not dropped for another.
				if room := name == "all are seen" || pause >= 2*time.Minute; room != (refused == 0) {
					t.Errorf("%d moves were refused", refused)
				}
			})
		}
	}
}

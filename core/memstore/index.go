package memstore

import "math/bits"

// An index finds slots by hashes: a hash table with open addressing and linear probing.
// It takes less than half of what a map takes, since it keeps no hashes: those who remove
// say what the hash of a slot is.
//
// What holds between its methods: each slot is in the table once, at the home of its hash or
// behind it, with no empty entry between, where the last entry is followed by the first. At
// least a third of the table is empty, so that every search ends.
type index struct {
	// An entry is 0 if it is empty. Else its lowest bits, those in numbers, are the number
	// of a slot plus one, and the others are bits of the slot's hash, which spare nearly all
	// looks at slots that are not searched for.
	entries []uint32
	numbers uint32
}

// newIndex returns an empty index for slots with numbers below capacity.
func newIndex(capacity int) index {
	return index{
		entries: make([]uint32, capacity+capacity/2+1),
		numbers: 1<<bits.Len(uint(capacity)) - 1,
	}
}

// home returns where the search for a hash begins. The highest bits of a hash decide it.
func (x *index) home(hash uint64) int {
	high, _ := bits.Mul64(hash, uint64(len(x.entries)))
	return int(high) //nolint:gosec // below len(x.entries)
}

// entry returns what the table says of a slot whose hash this is. The lowest bits of a hash
// are the same in all of a shard.
func (x *index) entry(hash uint64, i int32) uint32 {
	return uint32(hash>>shardBits)&^x.numbers | uint32(i+1) //nolint:gosec // a part
}

func (x *index) slot(at int) int32 { return int32(x.entries[at]&x.numbers) - 1 } //nolint:gosec // as in entry

func (x *index) after(at int) int {
	if at++; at < len(x.entries) {
		return at
	}
	return 0
}

// add adds a slot that is not in the index.
func (x *index) add(hash uint64, i int32) {
	at := x.home(hash)
	for x.entries[at] != 0 {
		at = x.after(at)
	}
	x.entries[at] = x.entry(hash, i)
}

// first returns the first slot that may have this hash, or none, and where it is.
func (x *index) first(hash uint64) (i int32, at int) {
	if len(x.entries) == 0 {
		return none, 0
	}
	return x.seek(hash, x.home(hash))
}

// next returns the next such slot behind another.
func (x *index) next(hash uint64, at int) (int32, int) { return x.seek(hash, x.after(at)) }

func (x *index) seek(hash uint64, at int) (int32, int) {
	want := x.entry(hash, none)
	for ; x.entries[at] != 0; at = x.after(at) {
		if x.entries[at]&^x.numbers == want {
			return x.slot(at), at
		}
	}
	return none, at
}

// remove removes a slot that is in the index, whose hash this is. Then it closes the gap: an
// entry behind it, before the next empty one, moves into the gap unless its home lies
// behind the gap, and leaves another gap.
func (x *index) remove(hash uint64, i int32, hashOf func(i int32) uint64) {
	gap := x.home(hash)
	for x.slot(gap) != i {
		gap = x.after(gap)
	}
	for at := x.after(gap); x.entries[at] != 0; at = x.after(at) {
		if x.distance(x.home(hashOf(x.slot(at))), at) >= x.distance(gap, at) {
			x.entries[gap] = x.entries[at]
			gap = at
		}
	}
	x.entries[gap] = 0
}

// distance returns how many steps lead from one entry to another.
func (x *index) distance(from, to int) int {
	if to < from {
		to += len(x.entries)
	}
	return to - from
}

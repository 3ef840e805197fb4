package memstore

// order is the order of a shard's heap: what expires first comes first. Nothing is
// pushed or popped, which would take memory.
type order struct{ *shard }

func (h order) Len() int { return len(h.expiry) }

func (h order) Less(i, j int) bool {
	return h.slots[h.expiry[i]].expires < h.slots[h.expiry[j]].expires
}

func (h order) Swap(i, j int) {
	h.expiry[i], h.expiry[j] = h.expiry[j], h.expiry[i]
	h.slots[h.expiry[i]].heap, h.slots[h.expiry[j]].heap = int32(i), int32(j) //nolint:gosec // as in insert
}

func (order) Push(any) { panic("not used") }
func (order) Pop() any { panic("not used") }

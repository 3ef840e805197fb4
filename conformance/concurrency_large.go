package conformance

import (
	"encoding/binary"
	"errors"
	"slices"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// largeOf returns a record with large data, which is its version again and again.
func (t *tester) largeOf(version sessionstore.Version) sessionstore.Record {
	r := t.record()
	r.Subject, r.Version = "", version
	r.Data = slices.Repeat(binary.BigEndian.AppendUint64(nil, uint64(version)), t.largeSize()/8)
	return r
}

// wantWhole fails the case if a record that largeOf has made has data of another write.
func (t *tester) wantWhole(r sessionstore.Record) {
	t.Helper()
	if len(r.Data) != t.largeSize()/8*8 {
		t.Errorf("Load returns version %s with %d bytes, want %d", name(r.Version), len(r.Data), t.largeSize()/8*8)
		return
	}
	for part := range slices.Chunk(r.Data, 8) {
		if v := sessionstore.Version(binary.BigEndian.Uint64(part)); v != r.Version {
			t.Errorf("Load returns version %s with data of version %s", name(r.Version), name(v))
			return
		}
	}
}

// raceLarge has half of the clients write a record, and the others read it.
func raceLarge(t *tester) {
	id := t.newID()
	t.create(id, t.largeOf(t.version()))
	t.race(func(n int, s sessionstore.Store) {
		for range raceRounds {
			r, err := s.Load(t.Context(), id)
			if err == nil {
				t.wantWhole(r)
			}
			if err == nil && n%4 < 2 {
				err = s.Update(t.Context(), id, r.Version, t.largeOf(t.version()))
			}
			if err != nil && !errors.Is(err, sessionstore.ErrConflict) {
				t.Errorf("load and update: %v", err)
			}
			if t.Failed() {
				return
			}
		}
	})
}

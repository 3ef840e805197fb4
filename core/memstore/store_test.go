package memstore

import (
	"errors"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

func TestMaxDataBoundsWhatIsTaken(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		limit, size int
		want        error
	}{
		{0, 8 << 20, nil},
		{0, 8<<20 + 1, sessionstore.ErrTooLarge},
		{9 << 20, 9 << 20, nil},
		{10, 10, nil},
		{10, 11, sessionstore.ErrTooLarge},
	} {
		s := New(Options{MaxData: c.limit})
		id, r := randomID(), record(time.Hour)
		r.Data = make([]byte, c.size)
		if err := s.Create(t.Context(), id, r); !errors.Is(err, c.want) {
			t.Errorf("Create of %d bytes, limit %d: %v, want %v", c.size, c.limit, err, c.want)
		}
		if c.want == nil {
			continue
		}
		small := record(time.Hour)
		if err := s.Create(t.Context(), id, small); err != nil {
			t.Fatal(err)
		}
		r.Version = 2
		if err := s.Update(t.Context(), id, small.Version, r); !errors.Is(err, c.want) {
			t.Errorf("Update: %v, want %v", err, c.want)
		}
		if got, err := s.Load(t.Context(), id); err != nil || got.Version != small.Version {
			t.Errorf("the record has changed: %v, %v", got, err)
		}
	}
}

func TestTheIndexFollowsTheRecords(t *testing.T) {
	t.Parallel()
	s := New(Options{})
	write := func(id string, old, version sessionstore.Version, subject string) {
		t.Helper()
		r := sessionstore.Record{Subject: subject, Version: version, Expires: time.Now().Add(time.Hour)}
		var err error
		if old == 0 {
			err = s.Create(t.Context(), id, r)
		} else {
			err = s.Update(t.Context(), id, old, r)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	want := func(subject string, n int) {
		t.Helper()
		if entries, err := s.ListSubject(t.Context(), subject); err != nil || len(entries) != n {
			t.Errorf("%s has %d sessions (%v), want %d", subject, len(entries), err, n)
		}
	}
	a, b := randomID(), randomID()
	write(a, 0, 1, "ann")
	write(b, 0, 1, "")
	write(b, 1, 2, "ann")
	want("ann", 2)
	write(a, 1, 2, "bob")
	want("ann", 1)
	want("bob", 1)
	if err := s.Delete(t.Context(), a); err != nil {
		t.Fatal(err)
	}
	want("bob", 0)
	if n, err := s.DeleteSubject(t.Context(), "ann"); n != 1 || err != nil {
		t.Errorf("DeleteSubject: %d, %v", n, err)
	}
	if held(t, s) != 0 || indexed(s) != 0 {
		t.Errorf("%d records and %d entries left", held(t, s), indexed(s))
	}
}

func TestIndexesAndHeapsAgreeUnderLoad(t *testing.T) {
	t.Parallel()
	s := New(Options{})
	ids := make([]string, 32)
	for i := range ids {
		ids[i] = randomID()
	}
	var wg sync.WaitGroup
	for worker := range 8 {
		wg.Go(func() {
			for i := range 500 {
				id := ids[(i*7+worker)%len(ids)]
				r := sessionstore.Record{
					Subject: "subject " + strconv.Itoa(i%3),
					Version: sessionstore.Version(worker*1000 + i + 1),
					Expires: time.Now().Add(time.Duration(i%50+1) * time.Millisecond),
				}
				ctx := t.Context()
				var err error
				switch i % 6 {
				case 0, 1:
					err = s.Create(ctx, id, r)
				case 2:
					var old sessionstore.Record
					if old, err = s.Load(ctx, id); err == nil {
						err = s.Update(ctx, id, old.Version, r)
					}
				case 3:
					var old sessionstore.Record
					if old, err = s.Load(ctx, id); err == nil {
						err = s.Touch(ctx, id, old.Version, r.Expires)
					}
				case 4:
					err = s.Delete(ctx, id)
				case 5:
					if _, err = s.ListSubject(ctx, r.Subject); err == nil {
						_, err = s.Prune(ctx)
					}
				}
				if err != nil && !errors.Is(err, sessionstore.ErrExists) && !errors.Is(err, sessionstore.ErrNotFound) &&
					!errors.Is(err, sessionstore.ErrConflict) && !errors.Is(err, sessionstore.ErrInvalid) {
					t.Errorf("step %d: %v", i%6, err)
				}
			}
		})
	}
	wg.Wait()
	if records, entries := held(t, s), indexed(s); records != entries {
		t.Errorf("%d records, all with a subject, and %d entries in the index", records, entries)
	}
}

func TestDeleteSubjectCountsEachRecordOnce(t *testing.T) {
	t.Parallel()
	s := New(Options{})
	const n = 200
	for range n {
		r := record(time.Hour)
		r.Subject = "ann"
		if err := s.Create(t.Context(), randomID(), r); err != nil {
			t.Fatal(err)
		}
	}
	var (
		wg    sync.WaitGroup
		mu    sync.Mutex
		total int
	)
	for range 4 {
		wg.Go(func() {
			deleted, err := s.DeleteSubject(t.Context(), "ann")
			if err != nil {
				t.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			total += deleted
		})
	}
	wg.Wait()
	if total != n {
		t.Errorf("four calls report %d deleted records, there were %d", total, n)
	}
}

// Ids that differ in no more than two bits of their last characters have the same hash.
func TestIdsWithTheSameHashAreToldApart(t *testing.T) {
	t.Parallel()
	s := New(Options{})
	start := randomID()[:sessionstore.IDLen-1]
	var ids []string
	for version, last := range []string{"A", "B", "C", "D"} {
		r := record(time.Hour)
		r.Subject, r.Version = "ann", sessionstore.Version(version+1)
		ids = append(ids, start+last)
		if err := s.Create(t.Context(), ids[version], r); err != nil {
			t.Fatal(err)
		}
	}
	first, second := packID(ids[0]), packID(ids[1])
	if s.hash(&first.bytes) != s.hash(&second.bytes) {
		t.Error("the hashes differ: this test means nothing")
	}
	entries, err := s.ListSubject(t.Context(), "ann")
	if err != nil || len(entries) != len(ids) {
		t.Errorf("ListSubject: %v, %v, want all four", entries, err)
	}
	for i, id := range ids {
		version := sessionstore.Version(i + 1)
		if r, err := s.Load(t.Context(), id); err != nil || r.Version != version {
			t.Errorf("Load: version %d, %v, want %d", r.Version, err, version)
		}
		if !slices.ContainsFunc(entries, func(e sessionstore.Entry) bool { return e.ID == id && e.Record.Version == version }) {
			t.Errorf("ListSubject does not tell of id %d", i)
		}
		if err := s.Touch(t.Context(), id, version, time.Now().Add(time.Minute)); err != nil {
			t.Error(err)
		}
		if err := s.Delete(t.Context(), id); err != nil {
			t.Error(err)
		}
		if _, err := s.Load(t.Context(), id); !errors.Is(err, sessionstore.ErrNotFound) {
			t.Errorf("Load after Delete: %v", err)
		}
		if n := held(t, s); n != len(ids)-i-1 {
			t.Errorf("%d records, want %d", n, len(ids)-i-1)
		}
	}
}

func TestALimitBelowZeroIsNone(t *testing.T) {
	t.Parallel()
	s := New(Options{MaxData: -1})
	r := record(time.Hour)
	r.Data = make([]byte, sessionstore.DefaultMaxData+1)
	if err := s.Create(t.Context(), randomID(), r); err != nil {
		t.Error(err)
	}
}

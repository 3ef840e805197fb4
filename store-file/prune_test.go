package filestore_test

import (
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

func TestPruneRemovesWhatIsDeadAndNothingElse(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	s := open(t, dir)
	id, r := create(t, s, "live", "ada")
	for range 100 {
		createDead(t, s, newID(), "ada")
	}
	shard := filepath.Dir(recordPath(t, dir, id))
	writeFile(t, shard+"/ORPHAN.tmp", []byte("half a rec"))
	writeFile(t, shard+"/notes.txt", nil)
	if n, err := s.Prune(t.Context()); n != 100 || err != nil {
		t.Errorf("Prune = %d, %v, want 100", n, err)
	}
	wantRecord(t, s, id, r)
	left := files(t, dir, func(name string) bool { return filepath.Base(name) != "lock" && name != "FORMAT" })
	if len(left) != 3 { // the live record, its marker, and the file that isn't the store's
		t.Errorf("left: %v", left)
	}
	if n, err := s.Prune(t.Context()); n != 0 || err != nil {
		t.Errorf("Prune = %d, %v, want 0", n, err)
	}
}

func TestPruneRemovesMarkersWithoutRecord(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	s := open(t, dir)
	id, _ := create(t, s, "x", "ada")
	if err := os.Remove(recordPath(t, dir, id)); err != nil {
		t.Fatal(err)
	}
	if markers := files(t, dir, isMarker); len(markers) != 1 {
		t.Fatalf("markers: %v, want one", markers)
	}
	if n, err := s.Prune(t.Context()); n != 0 || err != nil {
		t.Errorf("Prune = %d, %v, want 0", n, err)
	}
	if markers := files(t, dir, isMarker); len(markers) > 0 {
		t.Errorf("stale: %v", markers)
	}
}

func TestPrunersShareTheWork(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	s := open(t, dir)
	for range 200 {
		createDead(t, s, newID(), "")
	}
	var removed atomic.Int64
	var wg sync.WaitGroup
	for range 4 {
		other := open(t, dir)
		wg.Go(func() {
			n, err := other.Prune(t.Context())
			if err != nil {
				t.Error(err)
			}
			removed.Add(int64(n))
		})
	}
	wg.Wait()
	if n := removed.Load(); n != 200 {
		t.Errorf("removed %d together, want 200", n)
	}
}

func TestPruneSparesWhatIsCreatedAnew(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	s, pruner := open(t, dir), open(t, dir)
	done := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			select {
			case <-done:
				return
			default:
			}
			if _, err := pruner.Prune(t.Context()); err != nil {
				t.Error(err)
			}
		}
	})
	created := make(map[string]sessionstore.Record)
	for range 100 {
		id, r := newID(), newRecord("x", "ada")
		createDead(t, s, id, "bob")
		if err := s.Create(t.Context(), id, r); err != nil {
			t.Error(err)
		}
		created[id] = r
	}
	close(done)
	wg.Wait()
	for id, r := range created {
		wantRecord(t, s, id, r)
	}
	if entries, err := s.ListSubject(t.Context(), "ada"); err != nil || len(entries) != len(created) {
		t.Errorf("ListSubject = %d entries, %v, want %d", len(entries), err, len(created))
	}
}

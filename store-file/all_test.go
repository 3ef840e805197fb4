package filestore_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

func TestDeleteAllLeavesOnlyWhatIsNotTheStores(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	s := open(t, dir)
	id, _ := create(t, s, "live", "ada")
	createDead(t, s, newID(), "ada")
	damaged, _ := create(t, s, "damaged", "bob")
	writeFile(t, recordPath(t, dir, damaged), []byte("not a record"))
	shard := filepath.Dir(recordPath(t, dir, id))
	writeFile(t, shard+"/ORPHAN.tmp", []byte("half a rec"))

	foreign := []string{shard + "/notes.txt", shard + "/" + newID(), shard + "/" + newID() + ".old", dir + "/subjects/README"}
	for _, path := range foreign {
		writeFile(t, path, nil)
	}
	// A record's name in another shard is not that of a record.
	live := 1
	for moved := false; !moved; live++ {
		id, _ := create(t, s, "elsewhere", "")
		path := recordPath(t, dir, id)
		if moved = filepath.Dir(path) != shard; moved {
			foreign = append(foreign, shard+"/"+filepath.Base(path))
			writeFile(t, shard+"/"+filepath.Base(path), nil)
		}
	}

	if n, err := s.DeleteAll(t.Context()); n != live || err != nil {
		t.Errorf("DeleteAll = %d, %v, want %d", n, err, live)
	}
	left := files(t, dir, func(name string) bool { return filepath.Base(name) != "lock" && name != "FORMAT" })
	for i, path := range foreign {
		name, err := filepath.Rel(dir, path)
		if err != nil {
			t.Fatal(err)
		}
		foreign[i] = filepath.ToSlash(name)
	}
	if slices.Sort(foreign); !slices.Equal(left, foreign) {
		t.Errorf("left: %v, want %v", left, foreign)
	}
}

func TestDeleteAllGoesOnAfterAnError(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	s := open(t, dir)
	stuck, _ := create(t, s, "x", "")
	path := recordPath(t, dir, stuck)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(path+"/full", 0o700); err != nil { // which can't be removed
		t.Fatal(err)
	}
	for range 100 {
		create(t, s, "x", "ada")
	}
	n, err := s.DeleteAll(t.Context())
	if n != 100 || err == nil || !strings.HasPrefix(err.Error(), "filestore: ") {
		t.Errorf("DeleteAll = %d, %v, want 100 and the error", n, err)
	}
	if entries, err := s.ListSubject(t.Context(), "ada"); len(entries) > 0 || err != nil {
		t.Errorf("ListSubject = %v, %v, want none", entries, err)
	}
}

func TestProcessesShareTheWorkOfDeleteAll(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	s := open(t, dir)
	for range 200 {
		create(t, s, "x", "")
	}
	var deleted atomic.Int64
	var wg sync.WaitGroup
	for range 4 {
		other := open(t, dir)
		wg.Go(func() {
			n, err := sessionstore.DeleteAll(t.Context(), other)
			if err != nil {
				t.Error(err)
			}
			deleted.Add(int64(n))
		})
	}
	wg.Wait()
	if n := deleted.Load(); n != 200 {
		t.Errorf("deleted %d together, want 200", n)
	}
}

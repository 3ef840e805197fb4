package filestore_test

import (
	"os"
	"testing"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
	filestore "github.com/cloakroom-go/cloakroom/store-file"
)

// wantCorrupt checks that what is under id is reported as damage, kept as it is
// by all methods but Delete, and removed by Delete.
func wantCorrupt(t *testing.T, s *filestore.Store, dir, id string) {
	t.Helper()
	for _, name := range []string{"Load", "Create", "Update", "Touch"} {
		wantError(t, name, calls[name](t.Context(), s, id), sessionstore.ErrCorrupt)
	}
	if n, err := s.Prune(t.Context()); n != 0 || err != nil {
		t.Errorf("Prune = %d, %v, want 0 and no error", n, err)
	}
	recordPath(t, dir, id)
	if err := s.Delete(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	wantError(t, "Load after Delete", calls["Load"](t.Context(), s, id), sessionstore.ErrNotFound)
}

func TestEveryFlippedBitIsFound(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	s := open(t, dir)
	id, _ := create(t, s, "some data", "ada")
	path := recordPath(t, dir, id)
	whole := readFile(t, path)
	for i := range whole {
		for bit := range 8 {
			damaged := append([]byte(nil), whole...)
			damaged[i] ^= 1 << bit
			writeFile(t, path, damaged)
			wantError(t, "Load", calls["Load"](t.Context(), s, id), sessionstore.ErrCorrupt)
		}
		if i < sessionstore.RecordHeaderLen { // what Prune reads
			if n, err := s.Prune(t.Context()); n != 0 || err != nil {
				t.Errorf("Prune = %d, %v, want 0 and no error", n, err)
			}
		}
	}
	wantCorrupt(t, s, dir, id)
}

func TestEveryTruncationIsFound(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	s := open(t, dir)
	id, _ := create(t, s, "some data", "ada")
	path := recordPath(t, dir, id)
	whole := readFile(t, path)
	for n := range whole {
		writeFile(t, path, whole[:n])
		wantError(t, "Load", calls["Load"](t.Context(), s, id), sessionstore.ErrCorrupt)
	}
	writeFile(t, path, append(whole, 0))
	wantError(t, "Load of one byte more", calls["Load"](t.Context(), s, id), sessionstore.ErrCorrupt)
	writeFile(t, path, nil)
	wantCorrupt(t, s, dir, id)
}

func TestAFileOfAnotherSessionIsFound(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	s := open(t, dir)
	mine, _ := create(t, s, "mine", "ada")
	theirs, _ := create(t, s, "theirs", "bob")
	a, b := recordPath(t, dir, mine), recordPath(t, dir, theirs)
	inA, inB := readFile(t, a), readFile(t, b)
	writeFile(t, a, inB)
	writeFile(t, b, inA)
	wantCorrupt(t, s, dir, mine)
	wantCorrupt(t, s, dir, theirs)
}

func TestAFileThatIsTooLargeIsNotRead(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	s := open(t, dir)
	id, _ := create(t, s, "x", "")
	if err := os.Truncate(recordPath(t, dir, id), 1<<40); err != nil {
		t.Skipf("no sparse files here: %v", err)
	}
	wantCorrupt(t, s, dir, id)
}

func TestAFolderInARecordsPlaceIsDamage(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	s := open(t, dir)
	id, _ := create(t, s, "x", "")
	path := recordPath(t, dir, id)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(path, 0o700); err != nil {
		t.Fatal(err)
	}
	wantCorrupt(t, s, dir, id)
}

func TestAMissingShardIsNotAnEmptyOne(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	s := open(t, dir)
	for _, name := range files(t, dir, func(string) bool { return true }) {
		if err := os.RemoveAll(dir + "/" + name[:2]); err != nil {
			t.Fatal(err)
		}
	}
	wantOutage(t, s, newID(), nil)
}

func readFile(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func writeFile(t *testing.T, path string, b []byte) {
	t.Helper()
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

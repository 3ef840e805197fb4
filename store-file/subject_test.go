package filestore_test

import (
	"bytes"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
	filestore "github.com/cloakroom-go/cloakroom/store-file"
)

func wantSubject(t *testing.T, s *filestore.Store, subject string, want ...string) {
	t.Helper()
	entries, err := s.ListSubject(t.Context(), subject)
	if err != nil {
		t.Fatal(err)
	}
	got := make([]string, 0, len(entries))
	for _, e := range entries {
		if e.Record.Subject != subject {
			t.Errorf("ListSubject(%q) has a record of %q", subject, e.Record.Subject)
		}
		got = append(got, e.ID)
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("ListSubject(%q) = %v, want %v", subject, got, want)
	}
}

func TestASubjectsListIsItsLiveRecords(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	s := open(t, dir)
	long := strings.Repeat("é", sessionstore.MaxSubjectLen/2)
	one, r := create(t, s, "1", "ada")
	two, _ := create(t, s, "2", "ada")
	three, _ := create(t, s, "3", long)
	createDead(t, s, newID(), "ada")
	create(t, s, "4", "")
	wantSubject(t, s, "ada", one, two)
	wantSubject(t, s, long, three)
	wantSubject(t, s, "Ada")

	moved := newRecord("1", long)
	if err := s.Update(t.Context(), one, r.Version, moved); err != nil {
		t.Fatal(err)
	}
	wantSubject(t, s, "ada", two)
	wantSubject(t, s, long, one, three)
	if err := s.Update(t.Context(), one, moved.Version, newRecord("1", "")); err != nil {
		t.Fatal(err)
	}
	wantSubject(t, s, long, three)
	if err := s.Delete(t.Context(), three); err != nil {
		t.Fatal(err)
	}
	wantSubject(t, s, long)
}

func TestDeleteSubjectCountsTheLive(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	s := open(t, dir)
	one, _ := create(t, s, "1", "ada")
	two, _ := create(t, s, "2", "ada")
	bobs, _ := create(t, s, "3", "bob")
	createDead(t, s, newID(), "ada")
	damaged, _ := create(t, s, "4", "ada")
	writeFile(t, recordPath(t, dir, damaged), []byte("?"))

	list, err := s.ListSubject(t.Context(), "ada")
	wantError(t, "ListSubject", err, sessionstore.ErrCorrupt)
	if len(list) != 2 {
		t.Errorf("ListSubject lists %d records beside a damaged one, want 2", len(list))
	}
	if n, err := s.DeleteSubject(t.Context(), "ada"); n != 2 || err != nil {
		t.Errorf("DeleteSubject = %d, %v, want 2", n, err)
	}
	for _, id := range []string{one, two, damaged} {
		wantError(t, "Load", calls["Load"](t.Context(), s, id), sessionstore.ErrNotFound)
	}
	wantSubject(t, s, "ada")
	wantSubject(t, s, "bob", bobs)
	if n, err := s.DeleteSubject(t.Context(), "ada"); n != 0 || err != nil {
		t.Errorf("DeleteSubject = %d, %v, want 0", n, err)
	}
}

func TestAnEmptySubjectIsInvalid(t *testing.T) {
	t.Parallel()
	s := open(t, folder(t))
	_, err := s.ListSubject(t.Context(), "")
	wantError(t, "ListSubject", err, sessionstore.ErrInvalid)
	_, err = s.DeleteSubject(t.Context(), "")
	wantError(t, "DeleteSubject", err, sessionstore.ErrInvalid)
}

// A crash may leave markers that no record agrees with.
func TestStaleMarkersDisappear(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	s := open(t, dir)
	gone, _ := create(t, s, "1", "ada")
	moved, r := create(t, s, "2", "ada")
	markers := files(t, dir, isMarker)
	if err := s.Delete(t.Context(), gone); err != nil {
		t.Fatal(err)
	}
	if err := s.Update(t.Context(), moved, r.Version, newRecord("2", "bob")); err != nil {
		t.Fatal(err)
	}
	restore := func() {
		for _, name := range markers {
			writeFile(t, dir+"/"+name, nil)
		}
	}
	bobs := files(t, dir, isMarker)

	restore()
	wantSubject(t, s, "ada")
	if left := files(t, dir, isMarker); !slices.Equal(left, bobs) {
		t.Errorf("after ListSubject: %v, want %v", left, bobs)
	}
	restore()
	if n, err := s.DeleteSubject(t.Context(), "ada"); n != 0 || err != nil {
		t.Errorf("DeleteSubject = %d, %v, want 0", n, err)
	}
	if left := files(t, dir, isMarker); !slices.Equal(left, bobs) {
		t.Errorf("after DeleteSubject: %v, want %v", left, bobs)
	}
	wantSubject(t, s, "bob", moved)
}

func TestTheIndexIsCompleteAmongConcurrentWrites(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	var wg sync.WaitGroup
	for range 4 {
		s := open(t, dir)
		wg.Go(func() {
			for range 25 {
				id, r := newID(), newRecord("x", "ada")
				if err := s.Create(t.Context(), id, r); err != nil {
					t.Error(err)
					return
				}
				entries, err := s.ListSubject(t.Context(), "ada")
				if err != nil || !slices.ContainsFunc(entries, func(e sessionstore.Entry) bool { return e.ID == id }) {
					t.Errorf("%d entries, %v, without the one just created", len(entries), err)
				}
			}
		})
	}
	wg.Wait()
	if n, err := open(t, dir).DeleteSubject(t.Context(), "ada"); n != 100 || err != nil {
		t.Errorf("DeleteSubject = %d, %v, want 100", n, err)
	}
	if left := files(t, dir, isMarker); len(left) > 0 {
		t.Errorf("stale: %v", left)
	}
}

func TestTheIndexTellsNoSubject(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	create(t, open(t, dir), "x", "ada@example.org")
	for _, name := range files(t, dir, isMarker) {
		if strings.Contains(name, "ada") {
			t.Errorf("marker %q", name)
		}
		if b, err := os.ReadFile(dir + "/" + name); err != nil || !bytes.Equal(b, nil) {
			t.Errorf("marker with %q, %v", b, err)
		}
	}
}

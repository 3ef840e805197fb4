package filestore_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
	filestore "github.com/cloakroom-go/cloakroom/store-file"
)

// calls are all methods that take a context and, but for Prune and those of the
// index, an id.
var calls = map[string]func(context.Context, *filestore.Store, string) error{
	"Load": func(ctx context.Context, s *filestore.Store, id string) error {
		_, err := s.Load(ctx, id)
		return err
	},
	"Create": func(ctx context.Context, s *filestore.Store, id string) error {
		return s.Create(ctx, id, newRecord("x", ""))
	},
	"Update": func(ctx context.Context, s *filestore.Store, id string) error {
		return s.Update(ctx, id, 1, newRecord("x", ""))
	},
	"Delete": func(ctx context.Context, s *filestore.Store, id string) error { return s.Delete(ctx, id) },
	"Touch": func(ctx context.Context, s *filestore.Store, id string) error {
		return s.Touch(ctx, id, 1, time.Now().Add(time.Hour))
	},
}

var callsOnAll = map[string]func(context.Context, *filestore.Store) error{
	"Prune": func(ctx context.Context, s *filestore.Store) error {
		_, err := s.Prune(ctx)
		return err
	},
	"DeleteAll": func(ctx context.Context, s *filestore.Store) error {
		_, err := s.DeleteAll(ctx)
		return err
	},
	"ListSubject": func(ctx context.Context, s *filestore.Store) error {
		_, err := s.ListSubject(ctx, "ada")
		return err
	},
	"DeleteSubject": func(ctx context.Context, s *filestore.Store) error {
		_, err := s.DeleteSubject(ctx, "ada")
		return err
	},
}

func TestRecordsOutliveTheStore(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	s := open(t, dir)
	id, r := create(t, s, "first", "ada")
	old := r.Version
	r.Data, r.Version = []byte("second"), newVersion()
	if err := s.Update(t.Context(), id, old, r); err != nil {
		t.Fatal(err)
	}
	wantRecord(t, open(t, dir), id, r)
}

func TestAWriteMadeBeforeHasSucceeded(t *testing.T) {
	t.Parallel()
	s := open(t, folder(t))
	id, r := create(t, s, "x", "")
	if err := s.Create(t.Context(), id, r); err != nil {
		t.Errorf("Create again: %v", err)
	}
	if err := s.Update(t.Context(), id, newVersion(), r); err != nil {
		t.Errorf("Update again: %v", err)
	}
	wantError(t, "Create", s.Create(t.Context(), id, newRecord("y", "")), sessionstore.ErrExists)
	wantError(t, "Update", s.Update(t.Context(), id, newVersion(), newRecord("y", "")), sessionstore.ErrConflict)
	wantRecord(t, s, id, r)
}

func TestTouchChangesTheExpiryOnly(t *testing.T) {
	t.Parallel()
	s := open(t, folder(t))
	id, r := create(t, s, "x", "ada")
	for _, lifetime := range []time.Duration{time.Minute, 400 * 24 * time.Hour} {
		r.Expires = time.Now().Add(lifetime)
		if err := s.Touch(t.Context(), id, r.Version, r.Expires); err != nil {
			t.Fatal(err)
		}
		wantRecord(t, s, id, r)
	}
	wantError(t, "Touch", s.Touch(t.Context(), newID(), r.Version, r.Expires), sessionstore.ErrNotFound)
}

func TestAnExpiredRecordIsAsGoodAsAbsent(t *testing.T) {
	t.Parallel()
	s := open(t, folder(t))
	id := newID()
	createDead(t, s, id, "ada")
	for _, name := range []string{"Load", "Update", "Touch"} {
		wantError(t, name, calls[name](t.Context(), s, id), sessionstore.ErrNotFound)
	}
	r := newRecord("new", "bob")
	if err := s.Create(t.Context(), id, r); err != nil {
		t.Fatal(err)
	}
	wantRecord(t, s, id, r)
}

func TestIdsThatDifferInCaseAreTwo(t *testing.T) {
	t.Parallel()
	s := open(t, folder(t))
	ids := []string{strings.Repeat("a", sessionstore.IDLen), strings.Repeat("A", sessionstore.IDLen)}
	for _, id := range ids {
		if err := s.Create(t.Context(), id, newRecord(id, "ada")); err != nil {
			t.Fatal(err)
		}
	}
	for _, id := range ids {
		if r, err := s.Load(t.Context(), id); err != nil || string(r.Data) != id {
			t.Errorf("Load = %q, %v, want %q", r.Data, err, id)
		}
	}
	if entries, err := s.ListSubject(t.Context(), "ada"); err != nil || len(entries) != 2 {
		t.Errorf("ListSubject = %d entries, %v, want 2", len(entries), err)
	}
}

func TestAnInvalidIdTouchesNothing(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	s := open(t, dir)
	everything := func(string) bool { return true }
	before := files(t, dir, everything)
	for _, id := range []string{
		"", ".", "..", "/", "../../../etc/passwd", "..\\..\\..\\windows\\system.ini", "FORMAT", "00/lock", "CON", "NUL.txt",
		strings.Repeat("a", sessionstore.IDLen-1), strings.Repeat("a", sessionstore.IDLen+1),
		strings.Repeat("../", 14) + "a", "/" + strings.Repeat("a", sessionstore.IDLen-1),
		strings.Repeat("a", sessionstore.IDLen-4) + ".tmp",
		strings.Repeat("a", sessionstore.IDLen-1) + "\x00", strings.Repeat("a", sessionstore.IDLen-1) + ":",
		strings.Repeat("a", sessionstore.IDLen-2) + "é",
	} {
		for name, call := range calls {
			wantError(t, fmt.Sprintf("%s(%q)", name, id), call(t.Context(), s, id), sessionstore.ErrInvalid)
		}
	}
	if after := files(t, dir, everything); strings.Join(after, " ") != strings.Join(before, " ") {
		t.Errorf("files changed from %v to %v", before, after)
	}
}

func TestALargeRecordIsRefusedBeforeItIsWritten(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	s, err := filestore.New(dir, filestore.Options{MaxData: 100})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	id, r := create(t, s, strings.Repeat("x", 100), "")
	large := newRecord(strings.Repeat("x", 101), "ada")
	wantError(t, "Create", s.Create(t.Context(), newID(), large), sessionstore.ErrTooLarge)
	wantError(t, "Update", s.Update(t.Context(), id, r.Version, large), sessionstore.ErrTooLarge)
	wantRecord(t, s, id, r)

	id, r = create(t, open(t, dir), strings.Repeat("x", 1<<20), "")
	wantRecord(t, s, id, r)
}

func TestOfConcurrentUpdatesOneSucceeds(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	stores := []*filestore.Store{open(t, dir), open(t, dir)}
	id, r := create(t, stores[0], "x", "")
	results := make([]error, 16)
	var wg sync.WaitGroup
	for i := range results {
		wg.Go(func() { results[i] = stores[i%2].Update(t.Context(), id, r.Version, newRecord("y", "")) })
	}
	wg.Wait()
	var won int
	for _, err := range results {
		switch {
		case err == nil:
			won++
		case !errors.Is(err, sessionstore.ErrConflict):
			t.Error(err)
		}
	}
	if won != 1 {
		t.Errorf("%d of %d updates succeeded, want 1", won, len(results))
	}
}

func TestADoneContextIsAnError(t *testing.T) {
	t.Parallel()
	s := open(t, folder(t))
	id, r := create(t, s, "x", "ada")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for name, call := range calls {
		wantError(t, name, call(ctx, s, id), context.Canceled)
	}
	for name, call := range callsOnAll {
		wantError(t, name, call(ctx, s), context.Canceled)
	}
	wantRecord(t, s, id, r)
}

func TestAClosedStoreIsNotAnEmptyOne(t *testing.T) {
	t.Parallel()
	s := open(t, folder(t))
	id, _ := create(t, s, "x", "ada")
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	wantOutage(t, s, id, os.ErrClosed)
}

func TestAFolderThatIsGoneIsNotAnEmptyStore(t *testing.T) {
	t.Parallel()
	for name, lose := range map[string]func(dir string) error{
		"removed": os.RemoveAll,
		"emptied": func(dir string) error {
			entries, err := os.ReadDir(dir)
			for _, e := range entries {
				err = errors.Join(err, os.RemoveAll(dir+"/"+e.Name()))
			}
			return err
		},
		"replaced": func(dir string) error {
			return errors.Join(os.Rename(dir, dir+"-before"), os.Mkdir(dir, 0o700))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := filepath.Join(folder(t), "store")
			if err := os.Mkdir(dir, 0o700); err != nil {
				t.Fatal(err)
			}
			s := open(t, dir)
			if err := lose(dir); keepsOpenFolders && err != nil {
				return // it can't be lost
			} else if err != nil {
				t.Fatal(err)
			}
			wantOutage(t, s, newID(), nil)
			if _, err := s.Load(t.Context(), newID()); !strings.Contains(err.Error(), dir) {
				t.Errorf("error does not name the folder: %v", err)
			}
		})
	}
}

func TestARenamedFolderIsReadAndNotChanged(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(folder(t), "store")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	s := open(t, dir)
	id, r := create(t, s, "x", "ada")
	if err := os.Rename(dir, dir+"-away"); keepsOpenFolders && err != nil {
		return // it can't be renamed
	} else if err != nil {
		t.Fatal(err)
	}
	wantRecord(t, s, id, r)
	wantOutage(t, s, newID(), nil)
	next := r
	next.Version++
	for name, err := range map[string]error{
		"Update": s.Update(t.Context(), id, r.Version, next),
		"Delete": s.Delete(t.Context(), id),
	} {
		if err == nil {
			t.Errorf("%s in a renamed folder succeeds", name)
		}
	}
	if err := os.Rename(dir+"-away", dir); err != nil {
		t.Fatal(err)
	}
	wantRecord(t, s, id, r)
}

// wantOutage checks that every method returns an error that is want, if that
// isn't nil, and none that tells something about a record.
func wantOutage(t *testing.T, s *filestore.Store, id string, want error) {
	t.Helper()
	check := func(name string, err error) {
		t.Helper()
		if err == nil || !strings.HasPrefix(err.Error(), "filestore: ") || want != nil && !errors.Is(err, want) {
			t.Errorf("%s: error is %v, want filestore's, of %v", name, err, want)
		}
		for _, certain := range []error{
			sessionstore.ErrNotFound, sessionstore.ErrExists, sessionstore.ErrConflict, sessionstore.ErrCorrupt, sessionstore.ErrInvalid,
		} {
			if errors.Is(err, certain) {
				t.Errorf("%s: error is %v, want none that is certain", name, err)
			}
		}
	}
	for name, call := range calls {
		check(name, call(t.Context(), s, id))
	}
	for name, call := range callsOnAll {
		check(name, call(t.Context(), s))
	}
}

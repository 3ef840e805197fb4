package filestore_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
	filestore "github.com/cloakroom-go/cloakroom/store-file"
)

func TestNewRefusesWithAReason(t *testing.T) {
	t.Parallel()
	unix := runtime.GOOS != "windows"
	for _, c := range []struct {
		name    string
		prepare func(dir string) error // what makes the folder wrong
		options filestore.Options
		says    string // what the error has to say
		skip    bool
	}{
		{name: "missing", prepare: os.Remove, says: "does not exist: create it with mode 0700"},
		{name: "a file", prepare: func(dir string) error {
			return errors.Join(os.Remove(dir), os.WriteFile(dir, nil, 0o600))
		}, says: "is not a folder"},
		{name: "a symbolic link", prepare: func(dir string) error {
			return errors.Join(os.Rename(dir, dir+"-real"), os.Symlink(dir+"-real", dir))
		}, says: "is a symbolic link", skip: !unix},
		{name: "a dangling link", prepare: func(dir string) error {
			return errors.Join(os.Remove(dir), os.Symlink("nowhere", dir))
		}, says: "is a symbolic link", skip: !unix},
		{name: "open to the group", prepare: func(dir string) error {
			return os.Chmod(dir, 0o750)
		}, says: "change it to 0700", skip: !unix},
		{name: "open to everybody", prepare: func(dir string) error {
			return os.Chmod(dir, 0o777)
		}, options: filestore.Options{FileMode: 0o660}, says: "change it to 0770", skip: !unix},
		{name: "somebody else's", prepare: func(dir string) error {
			return os.WriteFile(dir+"/letter.txt", nil, 0o600)
		}, says: "give the store a folder of its own"},
		{name: "of a later format", prepare: func(dir string) error {
			return os.WriteFile(dir+"/FORMAT", []byte("cloakroom file store, format 2\n"), 0o600)
		}, says: "another version"},
		{name: "with another FORMAT", prepare: func(dir string) error {
			return os.WriteFile(dir+"/FORMAT", nil, 0o600)
		}, says: "not a store's"},
		{name: "a shard is a file", prepare: func(dir string) error {
			return errors.Join(os.WriteFile(dir+"/FORMAT", []byte("cloakroom file store, format 1\n"), 0o600),
				os.WriteFile(dir+"/7f", nil, 0o600))
		}, says: "7f in the store's folder is not a folder"},
		{name: "a shard is a link", prepare: func(dir string) error {
			return errors.Join(os.WriteFile(dir+"/FORMAT", []byte("cloakroom file store, format 1\n"), 0o600),
				os.Symlink("/tmp", dir+"/7f"))
		}, says: "7f in the store's folder is not a folder", skip: !unix},
		{name: "mode for everybody", options: filestore.Options{FileMode: 0o604}, says: "every user"},
		{name: "mode with execution", options: filestore.Options{FileMode: 0o700}, says: "read and write only"},
		{name: "mode with more bits", options: filestore.Options{FileMode: 0o600 | fs.ModeSetuid}, says: "read and write only"},
		{name: "mode without the owner", options: filestore.Options{FileMode: 0o440}, says: "the owner must"},
		{name: "negative limit", options: filestore.Options{MaxData: -1}, says: "MaxData is -1: want 1 to"},
		{name: "limit too high", options: filestore.Options{MaxData: 64<<20 + 1}, says: "0 for the default"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if c.skip {
				t.Skip("means nothing on Windows")
			}
			dir := filepath.Join(t.TempDir(), "sessions")
			if err := os.Mkdir(dir, 0o700); err != nil {
				t.Fatal(err)
			}
			if c.prepare != nil {
				if err := c.prepare(dir); err != nil {
					t.Fatal(err)
				}
			}
			s, err := filestore.New(dir, c.options)
			if err == nil {
				t.Fatalf("New succeeded; Close: %v", s.Close())
			}
			if !strings.HasPrefix(err.Error(), "filestore: ") || !strings.Contains(err.Error(), c.says) {
				t.Errorf("error is %q, want filestore's that says %q", err, c.says)
			}
		})
	}
	if _, err := filestore.New("", filestore.Options{}); err == nil {
		t.Error("New without a folder succeeded")
	}
}

func TestNewFindsAFolderByARelativePath(t *testing.T) {
	dir := folder(t)
	t.Chdir(dir)
	s := open(t, ".")
	t.Chdir(t.TempDir())
	id, r := create(t, s, "x", "")
	wantRecord(t, s, id, r)
}

func TestNewMakesFoldersThatAreMissing(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	s := open(t, dir)
	id, r := create(t, s, "x", "")
	if err := os.RemoveAll(dir + "/subjects"); err != nil {
		t.Fatal(err)
	}
	s = open(t, dir)
	wantRecord(t, s, id, r)
	create(t, s, "y", "ada")
}

func TestManyMayMakeTheSameFolderAStore(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			s, err := filestore.New(dir, filestore.Options{})
			if err == nil {
				err = s.Close()
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if temps := files(t, dir, isTemp); len(temps) > 0 {
		t.Errorf("left behind: %v", temps)
	}
}

// A shard's folder stays open: it must not be taken for the one that has come in its place.
func TestAShardThatIsReplacedIsNoticed(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	s := open(t, dir)
	id, r := create(t, s, "x", "ada")
	shard := filepath.Dir(recordPath(t, dir, id))
	if err := os.Rename(shard, dir+"-away"); keepsOpenFolders && err != nil {
		return // nothing can come in its place
	} else if err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(shard, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := s.Update(t.Context(), id, r.Version, r); err == nil || errors.Is(err, sessionstore.ErrNotFound) {
		t.Errorf("Update while the shard is another: %v", err)
	}
	wantError(t, "Load", calls["Load"](t.Context(), s, id), sessionstore.ErrNotFound)
	if err := s.Create(t.Context(), id, r); err != nil {
		t.Errorf("Create: %v", err)
	}
	wantRecord(t, s, id, r)
}

func TestDeleteSubjectTakesManyInEveryShard(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	s := open(t, dir)
	var ids []string
	for range 70 { // more than are deleted in one go
		id := idIn(7)
		ids = append(ids, id, newID())
	}
	for _, id := range ids {
		if err := s.Create(t.Context(), id, newRecord("x", "ada")); err != nil {
			t.Fatal(err)
		}
	}
	other, r := create(t, s, "x", "bob")
	if n, err := s.DeleteSubject(t.Context(), "ada"); n != len(ids) || err != nil {
		t.Errorf("DeleteSubject = %d, %v, want %d", n, err, len(ids))
	}
	wantRecord(t, s, other, r)
	if markers := files(t, dir, isMarker); len(markers) != 1 {
		t.Errorf("left: %v", markers)
	}
}

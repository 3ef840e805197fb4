package filestore_test

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
	filestore "github.com/cloakroom-go/cloakroom/store-file"
)

// keepsOpenFolders says that the system does not let go of a folder that is open: what
// comes of a lost one can't be tried there.
const keepsOpenFolders = runtime.GOOS == "windows"

// children are what this test binary does when a test starts it again as
// another process, by name. They return the exit status.
var children = map[string]func(args []string) int{}

const childVariable = "CLOAKROOM_TEST_CHILD"

func TestMain(m *testing.M) {
	if run := children[os.Getenv(childVariable)]; run != nil {
		os.Exit(run(os.Args[1:]))
	}
	os.Exit(leavesNothing(m))
}

// childCommand returns a command that runs a child, to be started by the test.
func childCommand(t *testing.T, name string, args ...string) *exec.Cmd {
	t.Helper()
	if children[name] == nil {
		t.Fatalf("no child %q", name)
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0], args...)
	cmd.Env = append(os.Environ(), childVariable+"="+name)
	cmd.Stderr = os.Stderr
	return cmd
}

// folder returns an empty folder that New accepts.
func folder(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	return dir
}

func open(t *testing.T, dir string) *filestore.Store {
	t.Helper()
	s, err := filestore.New(dir, filestore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func newID() string {
	b := make([]byte, 32)
	_, _ = rand.Read(b)
	return base64.RawURLEncoding.EncodeToString(b)
}

// idIn returns an id whose record is in this shard.
func idIn(shard uint32) string {
	for {
		if id := newID(); crc32.Checksum([]byte(id), crc32.MakeTable(crc32.Castagnoli))%256 == shard {
			return id
		}
	}
}

func exists(t *testing.T, path string) bool {
	t.Helper()
	_, err := os.Lstat(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	return err == nil
}

func newVersion() sessionstore.Version {
	b := make([]byte, 8)
	_, _ = rand.Read(b)
	return sessionstore.Version(binary.BigEndian.Uint64(b) | 1)
}

func newRecord(data, subject string) sessionstore.Record {
	return sessionstore.Record{
		Data:    []byte(data),
		Subject: subject,
		Expires: time.Now().Add(time.Hour).UTC(),
		Version: newVersion(),
	}
}

// create creates a record under a new id.
func create(t *testing.T, s sessionstore.Store, data, subject string) (string, sessionstore.Record) {
	t.Helper()
	id, r := newID(), newRecord(data, subject)
	if err := s.Create(t.Context(), id, r); err != nil {
		t.Fatal(err)
	}
	return id, r
}

// createDead creates a record that expired long ago: the clock of a synctest
// bubble starts in the year 2000.
func createDead(t *testing.T, s sessionstore.Store, id, subject string) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		if err := s.Create(t.Context(), id, newRecord("dead", subject)); err != nil {
			t.Fatal(err)
		}
	})
}

func wantRecord(t *testing.T, s sessionstore.Store, id string, want sessionstore.Record) {
	t.Helper()
	got, err := s.Load(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got.Data, want.Data) || got.Subject != want.Subject ||
		got.Version != want.Version || !got.Expires.Equal(want.Expires) {
		t.Fatalf("Load = %.20q of %d bytes, %q, %v, %d, want %.20q of %d bytes, %q, %v, %d",
			got.Data, len(got.Data), got.Subject, got.Expires, got.Version,
			want.Data, len(want.Data), want.Subject, want.Expires, want.Version)
	}
}

func wantError(t *testing.T, what string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%s: error is %v, want %v", what, err, want)
	}
}

// recordPath returns where the record under id is.
func recordPath(tb testing.TB, dir, id string) string {
	tb.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, "??", id+".*"))
	if err != nil || len(paths) != 1 {
		tb.Fatalf("files of one record: %v, %v", paths, err)
	}
	return paths[0]
}

// files returns the names of the files in dir, relative to it, that keep tells to.
func files(t *testing.T, dir string, keep func(name string) bool) []string {
	t.Helper()
	var names []string
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		name, relErr := filepath.Rel(dir, path)
		if err = errors.Join(err, relErr); err == nil && !e.IsDir() && keep(filepath.ToSlash(name)) {
			names = append(names, filepath.ToSlash(name))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(names)
	return names
}

func isTemp(name string) bool   { return strings.HasSuffix(name, ".tmp") }
func isMarker(name string) bool { return strings.HasPrefix(name, "subjects/") }

// fail prints why a child failed and returns its exit status, which is not the one of
// a process that was killed.
func fail(err error) int {
	_, _ = fmt.Fprintln(os.Stderr, "child:", err)
	return 2
}

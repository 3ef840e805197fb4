package stores_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/cloakroom-go/cloakroom/conformance"
	"github.com/cloakroom-go/cloakroom/core/sessionstore"
	filestore "github.com/cloakroom-go/cloakroom/store-file"
)

func TestFile(t *testing.T) {
	t.Parallel()
	describe(t, "file", "", "")
	const maxData = 1 << 20
	dir := privateDir(t)
	open := func(t *testing.T) sessionstore.Store {
		t.Helper()
		return openFile(t, dir, filestore.Options{MaxData: maxData})
	}
	conformance.Run(t, conformance.Harness{
		Deadline: patience, // a busy machine is no store that hangs
		Open:     open,
		Peer:     open,
		Require:  every,
		MaxData:  maxData,
		Corrupt: func(tb testing.TB, id string) {
			tb.Helper()
			writeFile(tb, fileOf(tb, dir, id), []byte("not a record"))
		},
		Misplace: func(tb testing.TB, from, to string) {
			tb.Helper()
			b, err := os.ReadFile(fileOf(tb, dir, from))
			if err != nil {
				tb.Fatal(err)
			}
			writeFile(tb, fileOf(tb, dir, to), b)
		},
		Outage: func(tb testing.TB) (sessionstore.Store, error) {
			tb.Helper()
			s := openFile(tb, dir, filestore.Options{})
			if err := s.Close(); err != nil {
				tb.Fatal(err)
			}
			return s, fs.ErrClosed
		},
		Isolated: func(tb testing.TB) sessionstore.Store {
			tb.Helper()
			return openFile(tb, privateDir(tb), filestore.Options{})
		},
		Pair: func(tb testing.TB) (store, peer sessionstore.Store) {
			tb.Helper()
			dir := privateDir(tb)
			return openFile(tb, dir, filestore.Options{}), openFile(tb, dir, filestore.Options{})
		},
		Full:  fullFolder,
		Stall: stalledFolder,
	})
}

// privateDir returns a folder such as the file store demands.
func privateDir(tb testing.TB) string {
	tb.Helper()
	dir := filepath.Join(tb.TempDir(), "sessions")
	if err := os.Mkdir(dir, 0o700); err != nil {
		tb.Fatal(err)
	}
	return dir
}

func openFile(tb testing.TB, dir string, o filestore.Options) *filestore.Store {
	tb.Helper()
	s, err := filestore.New(dir, o)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = s.Close() }) // a test may have closed it
	return s
}

// fileOf returns the path of the file that the record under id has, and makes
// sure that there is one.
func fileOf(tb testing.TB, dir, id string) string {
	tb.Helper()
	find := func() []string {
		paths, err := filepath.Glob(filepath.Join(dir, "??", id+".*"))
		if err != nil {
			tb.Fatal(err)
		}
		return paths
	}
	paths := find()
	if len(paths) == 0 {
		s := openFile(tb, dir, filestore.Options{})
		r := sessionstore.Record{Expires: time.Now().Add(time.Hour), Version: 1}
		if err := s.Create(tb.Context(), id, r); err != nil {
			tb.Fatal(err)
		}
		paths = find()
	}
	if len(paths) != 1 {
		tb.Fatalf("files of one record: %v", paths)
	}
	return paths[0]
}

func writeFile(tb testing.TB, path string, b []byte) {
	tb.Helper()
	if err := os.WriteFile(path, b, 0o600); err != nil {
		tb.Fatal(err)
	}
}

package main

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cloakroom-go/cloakroom/core/session"
)

func TestKeysFromTheEnvironment(t *testing.T) {
	want := session.GenerateKey()
	t.Setenv(keysVariable, session.FormatKey(want)+","+session.FormatKey(session.GenerateKey()))
	keys, err := environmentKeys()
	if err != nil || len(keys) != 2 || !bytes.Equal(keys[0], want) {
		t.Errorf("%d keys, error %v; want the two from the environment", len(keys), err)
	}
	for _, bad := range []string{"", " ", "secret", session.FormatKey(want[:31]), "!!!!"} {
		t.Setenv(keysVariable, bad)
		err := run(t.Context(), []string{"-store", "memory:"}, io.Discard)
		if err == nil || !strings.Contains(err.Error(), keysVariable) {
			t.Errorf("%s=%q: error %v", keysVariable, bad, err)
		}
	}
	if err := os.Unsetenv(keysVariable); err != nil {
		t.Fatal(err)
	}
	if keys, err := environmentKeys(); keys != nil || err != nil {
		t.Errorf("without the variable: %d keys, error %v", len(keys), err)
	}
}

func TestGivenKeysTakePrecedence(t *testing.T) {
	t.Parallel()
	dir, keys := t.TempDir(), newKeys()
	for _, name := range []string{"memory:", "file:" + dir} {
		st := newStorage(t, name, keys)
		if len(st.keys) != 1 || !bytes.Equal(st.keys[0], keys[0]) {
			t.Errorf("-store %s has other keys", name)
		}
		if got := strings.Join(st.about(), "\n"); !strings.Contains(got, "from "+keysVariable) {
			t.Errorf("-store %s does not say where the key is from: %s", name, got)
		}
	}
	if _, err := os.Lstat(filepath.Join(dir, "key")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a key file was made: %v", err)
	}
}

func TestStorageSaysWhereThingsAre(t *testing.T) {
	t.Parallel()
	got := strings.Join(newStorage(t, "memory:", nil).about(), "\n")
	if !strings.Contains(got, "end with this process") || !strings.Contains(got, "in memory only") {
		t.Errorf("memory: says %s", got)
	}
	dir := filepath.Join(t.TempDir(), "new", "shop")
	sessions, key := filepath.Join(dir, "sessions"), filepath.Join(dir, "key")
	for _, want := range []string{"  made now, in ", "  in "} {
		got := strings.Join(newStorage(t, "file:"+dir, nil).about(), "\n")
		if !strings.Contains(got, sessions) || !strings.Contains(got, want+key) {
			t.Errorf("file: says %s, want %q", got, want)
		}
	}
	for _, path := range []string{dir, sessions, key} {
		info, err := os.Lstat(path)
		if err != nil {
			t.Fatal(err)
		}
		if hasModes && info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %v", path, info.Mode())
		}
	}
}

func TestStartsAtTheSameTimeAgreeOnOneKey(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "key")
	var mu sync.Mutex
	seen := make(map[string]bool)
	together(t, 32, func() error {
		keys, _, err := fileKeys(path)
		if err != nil {
			return err
		}
		mu.Lock()
		defer mu.Unlock()
		seen[session.FormatKey(keys[0])] = true
		return nil
	})
	if len(seen) != 1 {
		t.Errorf("%d keys, want 1", len(seen))
	}
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(files) != 1 {
		t.Errorf("files left: %v", files)
	}
}

func TestAKeyFileThatCanNotBeUsedStaysAsItIs(t *testing.T) {
	t.Parallel()
	key := session.FormatKey(session.GenerateKey())
	for _, c := range []struct {
		text string
		mode os.FileMode
		want string
	}{
		{"", 0o600, "no key"},
		{key[:20], 0o600, "at least 32"},
		{key, 0o644, "nobody else can read"},
	} {
		if c.mode != 0o600 && !hasModes {
			continue
		}
		path := filepath.Join(t.TempDir(), "key")
		if err := os.WriteFile(path, []byte(c.text), c.mode); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, c.mode); err != nil { // whatever the umask
			t.Fatal(err)
		}
		if _, _, err := fileKeys(path); err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), path) {
			t.Errorf("error %v, want %q and the path", err, c.want)
		} else if c.text != "" && strings.Contains(err.Error(), c.text) {
			t.Errorf("the error shows the key: %v", err)
		}
		if got, err := os.ReadFile(path); err != nil || string(got) != c.text {
			t.Errorf("the file was changed: %v", err)
		}
	}
}

func newStorage(t *testing.T, name string, keys [][]byte) *storage {
	t.Helper()
	st, err := openStorage(t.Context(), name, keys, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := st.close(); err != nil {
			t.Error(err)
		}
	})
	return st
}

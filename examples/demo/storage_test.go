package main

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

func TestStoreNamesThatAreNone(t *testing.T) {
	t.Parallel()
	for _, name := range []string{
		"", "file", "file:", "memory", "memory:x", "redis:localhost", "File:x", ":x", "redis:", "cookie:x",
		"sql://x", "sqlite:", "sqlite://x",
	} {
		st, err := openStorage(t.Context(), name, nil, time.Minute)
		if err == nil {
			t.Errorf("-store %q opens %v", name, st.about())
			continue
		}
		if !strings.Contains(err.Error(), "file:FOLDER") || !strings.Contains(err.Error(), "memory:") {
			t.Errorf("-store %q: %q does not say what is possible", name, err)
		}
	}
}

func TestErrorsAndGreetingsShowNoPassword(t *testing.T) {
	t.Parallel()
	var l net.ListenConfig
	ln, err := l.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed := ln.Addr().String() // nobody answers there once it is closed
	if err := ln.Close(); err != nil {
		t.Fatal(err)
	}
	for _, address := range []string{
		"redis://user:secret@" + closed,
		"redis://user:secret@host:port:x",
		"redis://user:se%zzcret@" + closed,
		"rediss://user:secret@" + closed,
		"postgres://user:secret@" + closed + "/db?connect_timeout=2",
		"postgres://user:secret@host:port/db",
		"mongodb://user:secret@" + closed + "/db?serverSelectionTimeoutMS=200",
		"mongodb://user:sec/ret:secret@host/db",
		"mysql://user:secret@" + closed + "/db",
		"mysql://user:secret@host:port/db",
		"memcache://secret@" + closed,
		"memcache://localhost",
		"sql://user:secret@host/",
	} {
		st, err := openStorage(t.Context(), address, nil, time.Minute)
		if err == nil {
			t.Errorf("%s opens %v", address, st.about())
			continue
		}
		if text := err.Error(); strings.Contains(text, "secret") || strings.Contains(text, "se%zz") {
			t.Errorf("the error shows the password: %s", text)
		}
	}
	if got := withoutPassword("redis://user:se@cret@host:1/2?x=secret"); got != "redis://host:1/2" {
		t.Errorf("withoutPassword returns %s", got)
	}
}

func TestAnAddressNamesItsDatabase(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{
		"mongodb://a:1,b:2/shop?x=y": "shop",
		"mongodb://u:p@a/shop":       "shop",
		"mongodb://a:1":              "cloakroom_demo",
		"mongodb://a:1/?x=y":         "cloakroom_demo",
	} {
		if got := mongoDatabase(address); got != want {
			t.Errorf("%s names the database %q, want %q", address, got, want)
		}
	}
}

func TestACookieNeedsNoStore(t *testing.T) {
	t.Parallel()
	keys := newKeys()
	st := newStorage(t, "cookie:", keys)
	if st.store != nil || !strings.Contains(strings.Join(st.about(), "\n"), "cookies") {
		t.Errorf("store %v, says %q", st.store, st.about())
	}
}

func TestASQLiteFileIsForItsOwnerAlone(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "the shop.db")
	st := newStorage(t, "sqlite:"+path, newKeys())
	id := strings.Repeat("A", sessionstore.IDLen)
	r := sessionstore.Record{Expires: time.Now().Add(time.Hour), Version: 1}
	if err := st.store.Create(t.Context(), id, r); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(path + "*")
	if err != nil || len(files) == 0 {
		t.Fatalf("files %v, %v", files, err)
	}
	for _, file := range files {
		info, err := os.Stat(file)
		if err != nil || hasModes && info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v, %v; want 0600", file, info.Mode(), err)
		}
	}
}

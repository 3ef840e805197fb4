package filestore_test

import (
	"os"
	"path/filepath"
	"testing"

	filestore "github.com/cloakroom-go/cloakroom/store-file"
)

// Each benchmark stands beside the bare operations of package os that it can't
// do without.

const benchmarkData = 300 // bytes

func benchmarkStore(b *testing.B) *filestore.Store {
	b.Helper()
	dir := b.TempDir()
	if err := os.Chmod(dir, 0o700); err != nil {
		b.Fatal(err)
	}
	s, err := filestore.New(dir, filestore.Options{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = s.Close() })
	return s
}

func BenchmarkLoad(b *testing.B) {
	s := benchmarkStore(b)
	id := newID()
	if err := s.Create(b.Context(), id, newRecord(string(make([]byte, benchmarkData)), "")); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.Load(b.Context(), id); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkLoadBare(b *testing.B) {
	path := filepath.Join(b.TempDir(), "file")
	if err := os.WriteFile(path, make([]byte, benchmarkData), 0o600); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := os.ReadFile(path); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkCreate(b *testing.B) {
	for name, subject := range map[string]string{"WithoutSubject": "", "WithSubject": "ada"} {
		b.Run(name, func(b *testing.B) {
			s := benchmarkStore(b)
			b.ReportAllocs()
			for b.Loop() {
				if err := s.Create(b.Context(), newID(), newRecord(string(make([]byte, benchmarkData)), subject)); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkUpdate(b *testing.B) {
	s := benchmarkStore(b)
	id, r := newID(), newRecord(string(make([]byte, benchmarkData)), "")
	if err := s.Create(b.Context(), id, r); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		old := r.Version
		r.Version = newVersion()
		if err := s.Update(b.Context(), id, old, r); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkReplaceBare makes a write durable: temporary file, flush, rename,
// flush of the folder.
func BenchmarkReplaceBare(b *testing.B) {
	dir := b.TempDir()
	folder, err := os.Open(dir)
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = folder.Close() }()
	b.ReportAllocs()
	for b.Loop() {
		f, err := os.CreateTemp(dir, "")
		if err != nil {
			b.Fatal(err)
		}
		_, err = f.Write(make([]byte, benchmarkData))
		for _, step := range []func() error{
			f.Sync, f.Close, func() error { return os.Rename(f.Name(), filepath.Join(dir, "file")) }, folder.Sync,
		} {
			if err == nil {
				err = step()
			}
		}
		if err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkPrune(b *testing.B) {
	s := benchmarkStore(b)
	for range 1000 {
		if err := s.Create(b.Context(), newID(), newRecord(string(make([]byte, benchmarkData)), "")); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.Prune(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkNew(b *testing.B) {
	dir := b.TempDir()
	if err := os.Chmod(dir, 0o700); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		s, err := filestore.New(dir, filestore.Options{})
		if err != nil {
			b.Fatal(err)
		}
		_ = s.Close()
	}
}

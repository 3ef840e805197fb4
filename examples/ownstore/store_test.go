package ownstore_test

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"

	"github.com/cloakroom-go/cloakroom/conformance"
	"github.com/cloakroom-go/cloakroom/core/sessionstore"
	"github.com/cloakroom-go/cloakroom/examples/ownstore"
)

var bucket = []byte("sessions")

func open(tb testing.TB) (*bbolt.DB, *ownstore.Store) {
	tb.Helper()
	db, err := bbolt.Open(filepath.Join(tb.TempDir(), "sessions.db"), 0o600, &bbolt.Options{NoSync: true})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = db.Close() }) // a test may have closed it
	store, err := ownstore.New(db)
	if err != nil {
		tb.Fatal(err)
	}
	return db, store
}

func TestConformance(t *testing.T) {
	t.Parallel()
	t.Attr("cloakroom.store", "bbolt, an example") // its line in what make test reports
	db, store := open(t)
	conformance.Run(t, conformance.Harness{
		Open:    func(*testing.T) sessionstore.Store { return store },
		Require: []conformance.Capability{conformance.Toucher, conformance.Pruner},
		Corrupt: func(tb testing.TB, id string) {
			tb.Helper()
			put(tb, db, id, func(*bbolt.Bucket) []byte { return []byte("no record of ours") })
		},
		Misplace: func(tb testing.TB, from, to string) {
			tb.Helper()
			put(tb, db, to, func(b *bbolt.Bucket) []byte { return b.Get([]byte(from)) })
		},
		Outage: func(tb testing.TB) (sessionstore.Store, error) {
			tb.Helper()
			db, store := open(tb)
			if err := db.Close(); err != nil {
				tb.Fatal(err)
			}
			return store, berrors.ErrDatabaseNotOpen
		},
	})
}

// put stores what value returns under id, past the store.
func put(tb testing.TB, db *bbolt.DB, id string, value func(*bbolt.Bucket) []byte) {
	tb.Helper()
	err := db.Update(func(tx *bbolt.Tx) error {
		b := tx.Bucket(bucket)
		return b.Put([]byte(id), append([]byte(nil), value(b)...))
	})
	if err != nil {
		tb.Fatal(err)
	}
}

// Harness.Stall can't be had: nothing makes bbolt's readers wait.
func TestAWriteObeysItsContextWhileAnotherTransactionIsOpen(t *testing.T) {
	t.Parallel()
	db, store := open(t)
	tx, err := db.Begin(true)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	err = store.Delete(ctx, newID())
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Delete behind another transaction: %v, want the context's error", err)
	}
	if err := tx.Rollback(); err != nil {
		t.Fatal(err)
	}
}

func TestPruneGoesThroughAllBatches(t *testing.T) {
	t.Parallel()
	db, store := open(t)
	const dead, living = 1200, 300
	err := db.Update(func(tx *bbolt.Tx) error {
		for i := range dead + living {
			id, r := newID(), sessionstore.Record{Version: 1, Expires: time.Now().Add(time.Hour)}
			if i < dead {
				r.Expires = time.Now().Add(-time.Second)
			}
			if err := tx.Bucket(bucket).Put([]byte(id), sessionstore.AppendRecord(nil, id, r)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []int{dead, 0} {
		if n, err := store.Prune(t.Context()); n != want || err != nil {
			t.Errorf("Prune: %d, %v; want %d", n, err, want)
		}
	}
	err = db.View(func(tx *bbolt.Tx) error {
		if n := tx.Bucket(bucket).Stats().KeyN; n != living {
			t.Errorf("%d records are left, want %d", n, living)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func newID() string {
	id := make([]byte, 32)
	_, _ = rand.Read(id)
	return base64.RawURLEncoding.EncodeToString(id)
}

package memcachestore

import (
	"context"
	"crypto/rand"
	"errors"
	"testing"
	"time"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

func newID() string { return (rand.Text() + rand.Text())[:sessionstore.IDLen] }

func newRecord(v sessionstore.Version) sessionstore.Record {
	return sessionstore.Record{Data: []byte("data"), Expires: time.Now().Add(time.Hour), Version: v}
}

// calls are the methods of a store, each with arguments that are right.
func calls(s *Store) map[string]func(context.Context) error {
	return map[string]func(context.Context) error{
		"Load":   func(ctx context.Context) error { _, err := s.Load(ctx, newID()); return err },
		"Create": func(ctx context.Context) error { return s.Create(ctx, newID(), newRecord(1)) },
		"Update": func(ctx context.Context) error { return s.Update(ctx, newID(), 1, newRecord(2)) },
		"Delete": func(ctx context.Context) error { return s.Delete(ctx, newID()) },
		"Touch":  func(ctx context.Context) error { return s.Touch(ctx, newID(), 1, time.Now().Add(time.Hour)) },
	}
}

func wantError(t *testing.T, what string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%s: error is %v, want %v", what, err, want)
	}
}

package redisstore

import (
	"context"
	"crypto/rand"
	"errors"
	"testing"
	"time"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

func newID() string { return (rand.Text() + rand.Text())[:sessionstore.IDLen] }

func newRecord(subject string) sessionstore.Record {
	return sessionstore.Record{Data: []byte("data"), Subject: subject, Expires: time.Now().Add(time.Hour), Version: 2}
}

// calls are the methods of a store, each with arguments that are right.
func calls(s *Store) map[string]func(context.Context) error {
	return map[string]func(context.Context) error{
		"Load":   func(ctx context.Context) error { _, err := s.Load(ctx, newID()); return err },
		"Create": func(ctx context.Context) error { return s.Create(ctx, newID(), newRecord("")) },
		"Create of a subject's": func(ctx context.Context) error {
			return s.Create(ctx, newID(), newRecord("visitor"))
		},
		"Update":        func(ctx context.Context) error { return s.Update(ctx, newID(), 1, newRecord("visitor")) },
		"Delete":        func(ctx context.Context) error { return s.Delete(ctx, newID()) },
		"Touch":         func(ctx context.Context) error { return s.Touch(ctx, newID(), 1, time.Now().Add(time.Hour)) },
		"ListSubject":   func(ctx context.Context) error { _, err := s.ListSubject(ctx, "visitor"); return err },
		"DeleteSubject": func(ctx context.Context) error { _, err := s.DeleteSubject(ctx, "visitor"); return err },
		"DeleteAll":     func(ctx context.Context) error { _, err := s.DeleteAll(ctx); return err },
		"Scan": func(ctx context.Context) (failed error) {
			for _, failed = range s.Scan(ctx) {
				break
			}
			return failed
		},
	}
}

func wantError(t *testing.T, what string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%s: error is %v, want %v", what, err, want)
	}
}

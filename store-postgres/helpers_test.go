package postgresstore

import (
	"context"
	"errors"
	"time"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

const (
	someID  = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
	otherID = "BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBB"
)

func record() sessionstore.Record {
	return sessionstore.Record{Data: []byte("secret"), Subject: "alice", Expires: time.Now().Add(time.Hour), Version: 7}
}

// calls are the methods of a store, each with arguments that are right.
func calls(s *Store) map[string]func(context.Context) error {
	return map[string]func(context.Context) error{
		"Load":          func(ctx context.Context) error { _, err := s.Load(ctx, someID); return err },
		"Create":        func(ctx context.Context) error { return s.Create(ctx, someID, record()) },
		"Update":        func(ctx context.Context) error { return s.Update(ctx, someID, 6, record()) },
		"Delete":        func(ctx context.Context) error { return s.Delete(ctx, someID) },
		"Touch":         func(ctx context.Context) error { return s.Touch(ctx, someID, 1, record().Expires) },
		"Prune":         func(ctx context.Context) error { _, err := s.Prune(ctx); return err },
		"ListSubject":   func(ctx context.Context) error { _, err := s.ListSubject(ctx, "alice"); return err },
		"DeleteSubject": func(ctx context.Context) error { _, err := s.DeleteSubject(ctx, "alice"); return err },
		"DeleteAll":     func(ctx context.Context) error { _, err := s.DeleteAll(ctx); return err },
		"Scan": func(ctx context.Context) (failed error) {
			for _, failed = range s.Scan(ctx) {
				break
			}
			return failed
		},
		"Migrate": s.Migrate,
	}
}

var errNetwork = errors.New("connection reset")

package conformance

import (
	"context"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// A method is one of the contract's, for the rules that hold for all of them.
type method struct {
	name  string
	needs Capability
	byID  bool // takes an id
	call  func(ctx context.Context, s sessionstore.Store, id string, r sessionstore.Record) error
}

func methods() []method {
	return []method{
		{"Load", "", true, func(ctx context.Context, s sessionstore.Store, id string, _ sessionstore.Record) error {
			_, err := s.Load(ctx, id)
			return err
		}},
		{"Create", "", true, func(ctx context.Context, s sessionstore.Store, id string, r sessionstore.Record) error {
			return s.Create(ctx, id, r)
		}},
		{"Update", "", true, func(ctx context.Context, s sessionstore.Store, id string, r sessionstore.Record) error {
			return s.Update(ctx, id, r.Version-1, r)
		}},
		{"Delete", "", true, func(ctx context.Context, s sessionstore.Store, id string, _ sessionstore.Record) error {
			return s.Delete(ctx, id)
		}},
		{"Touch", "", true, func(ctx context.Context, s sessionstore.Store, id string, r sessionstore.Record) error {
			return sessionstore.Touch(ctx, s, id, r.Version, r.Expires)
		}},
		{"Prune", Pruner, false, func(ctx context.Context, s sessionstore.Store, _ string, _ sessionstore.Record) error {
			_, err := sessionstore.Prune(ctx, s)
			return err
		}},
		{"ListSubject", SubjectIndex, false, func(ctx context.Context, s sessionstore.Store, _ string, r sessionstore.Record) error {
			_, err := sessionstore.ListSubject(ctx, s, r.Subject)
			return err
		}},
		{"DeleteSubject", SubjectIndex, false, func(ctx context.Context, s sessionstore.Store, _ string, r sessionstore.Record) error {
			_, err := sessionstore.DeleteSubject(ctx, s, r.Subject)
			return err
		}},
		{"DeleteAll", AllDeleter, false, func(ctx context.Context, s sessionstore.Store, _ string, _ sessionstore.Record) error {
			_, err := sessionstore.DeleteAll(ctx, s)
			return err
		}},
		{"Scan", Scanner, false, func(ctx context.Context, s sessionstore.Store, _ string, _ sessionstore.Record) error {
			return scanned(sessionstore.Scan(ctx, s))
		}},
		{"Watch", Watcher, false, func(ctx context.Context, s sessionstore.Store, _ string, _ sessionstore.Record) error {
			return sessionstore.Watch(ctx, s, func(string) {})
		}},
	}
}

// usable returns the methods that the store under test has.
func (s *suite) usable() []method {
	var usable []method
	for _, m := range methods() {
		if m.needs == "" || s.has(m.needs) {
			usable = append(usable, m)
		}
	}
	return usable
}

// sentinels are the errors that say what happened for certain.
func sentinels() []error {
	return []error{
		sessionstore.ErrNotFound, sessionstore.ErrExists, sessionstore.ErrConflict, sessionstore.ErrTooLarge,
		sessionstore.ErrCorrupt, sessionstore.ErrUnsupported, sessionstore.ErrInvalid,
	}
}

package mongostore

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/event"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

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
		"EnsureIndexes": s.EnsureIndexes,
	}
}

// unreachable is a port that nobody can listen on.
func unreachable() *options.ClientOptions {
	return options.Client().SetHosts([]string{"127.0.0.1:1"}).SetServerSelectionTimeout(50 * time.Millisecond)
}

func newStore(t *testing.T, o *options.ClientOptions) *Store {
	t.Helper()
	s, err := New(collection(t, o), Options{})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestNoServerIsAnErrorOfTheDriver(t *testing.T) {
	t.Parallel()
	for name, call := range calls(newStore(t, unreachable())) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := call(t.Context())
			if err == nil || !strings.HasPrefix(err.Error(), "mongostore: server selection error") {
				t.Errorf("got error %v, want the driver's", err)
			}
			if errors.Is(err, sessionstore.ErrNotFound) || strings.Contains(err.Error(), "secret") {
				t.Errorf("got error %v, want neither a sentinel nor data", err)
			}
		})
	}
}

func TestADoneContextIsFoundInTheError(t *testing.T) {
	t.Parallel()
	for name, call := range calls(newStore(t, unreachable().SetServerSelectionTimeout(time.Hour))) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			before, cancel := context.WithCancel(t.Context())
			cancel()
			if err := call(before); !errors.Is(err, context.Canceled) {
				t.Errorf("done before: got error %v, want %v", err, context.Canceled)
			}
			during, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
			defer cancel()
			if err := call(during); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("done during: got error %v, want %v", err, context.DeadlineExceeded)
			}
		})
	}
}

func TestNothingIsSentForWhatIsInvalid(t *testing.T) {
	t.Parallel()
	s := newStore(t, unreachable().SetMonitor(&event.CommandMonitor{
		Started: func(_ context.Context, e *event.CommandStartedEvent) { t.Errorf("sent %s", e.CommandName) },
	}))
	large, zero := record(), record()
	large.Data = make([]byte, 16<<20-1<<10+1)
	zero.Version = 0
	_, errSubject := s.ListSubject(t.Context(), "")
	for _, c := range []struct {
		what      string
		err, want error
	}{
		{"Create of a large record", s.Create(t.Context(), someID, large), sessionstore.ErrTooLarge},
		{"Update to a large record", s.Update(t.Context(), someID, 6, large), sessionstore.ErrTooLarge},
		{"Create with version zero", s.Create(t.Context(), someID, zero), sessionstore.ErrInvalid},
		{"Delete of a bad id", s.Delete(t.Context(), "../"+someID[3:]), sessionstore.ErrInvalid},
		{"Touch into the past", s.Touch(t.Context(), someID, 1, time.Now().Add(-time.Hour)), sessionstore.ErrInvalid},
		{"ListSubject of nobody", errSubject, sessionstore.ErrInvalid},
	} {
		if !errors.Is(c.err, c.want) {
			t.Errorf("%s: got error %v, want %v", c.what, c.err, c.want)
		}
	}
}

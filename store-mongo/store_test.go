package mongostore

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/event"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

func TestNoServerIsAnErrorOfTheDriver(t *testing.T) {
	t.Parallel()
	for name, call := range calls(open(t, unreachable())) {
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
	for name, call := range calls(open(t, unreachable().SetServerSelectionTimeout(time.Hour))) {
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
	s := open(t, unreachable().SetMonitor(&event.CommandMonitor{
		Started: func(_ context.Context, e *event.CommandStartedEvent) { t.Errorf("sent %s", e.CommandName) },
	}))
	large, zero := record(), record()
	large.Data = make([]byte, sessionstore.DefaultMaxData+1)
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

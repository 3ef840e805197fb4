package stores_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/cloakroom-go/cloakroom/core/memstore"
	"github.com/cloakroom-go/cloakroom/core/session"
	"github.com/cloakroom-go/cloakroom/core/sessionstore"
	filestore "github.com/cloakroom-go/cloakroom/store-file"
)

// TestSessionsAreCopiedToAnotherStore is what docs/choosing-a-store.md proposes: a record
// is the same in every store, so that nobody signs in again.
func TestSessionsAreCopiedToAnotherStore(t *testing.T) {
	t.Parallel()
	from := memstore.New(memstore.Options{})
	folder := filepath.Join(t.TempDir(), "sessions")
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	to, err := filestore.New(folder, filestore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	o := lifeOptions()
	before, after := manager(t, from, o), manager(t, to, o)
	_, cookie := send(t, before, nil, func(ctx context.Context, s *session.Session) {
		s.Authenticate("ann")
		count(ctx, s)
	})
	for range 2 { // an interrupted copy goes on by running again
		for e, err := range sessionstore.Scan(t.Context(), from) {
			if err != nil {
				t.Fatal(err)
			}
			if err := to.Create(t.Context(), e.ID, e.Record); err != nil && !errors.Is(err, sessionstore.ErrExists) {
				t.Fatal(err)
			}
		}
	}
	wantSubject(t, after, cookie, "ann")
	wantCount(t, after, cookie, 1)
	if list, err := after.List(t.Context(), "ann"); len(list) != 1 || err != nil {
		t.Errorf("%d sessions, error %v, want 1", len(list), err)
	}
}

package sessionstore

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"time"
)

// probeLife is how long the record of a Probe lives that can't delete it.
const probeLife = time.Minute

// Probe makes a record of nobody under a random id, changes and deletes it, and returns
// an error that says which step has failed: for health checks, and for an operator who
// wants to know whether a store is set up. A store whose clock is over a minute
// ahead fails it.
func Probe(ctx context.Context, s Store) error {
	sum := sha256.Sum256([]byte("cloakroom probe\x00" + rand.Text()))
	id := base64.RawURLEncoding.EncodeToString(sum[:])
	r := Record{Data: []byte("probe"), Expires: time.Now().Add(probeLife), Version: NewVersion()}
	if err := s.Create(ctx, id, r); err != nil {
		return fmt.Errorf("probe: creating a record: %w", err)
	}
	err := probe(ctx, s, id, r)
	if deleted := s.Delete(ctx, id); err == nil && deleted != nil {
		return fmt.Errorf("probe: deleting a record: %w", deleted)
	}
	return err
}

func probe(ctx context.Context, s Store, id string, r Record) error {
	got, err := s.Load(ctx, id)
	switch {
	case errors.Is(err, ErrNotFound):
		return fmt.Errorf("probe: what was written is not there: is the store's clock ahead, or does it read from a replica? %w", err)
	case err != nil:
		return fmt.Errorf("probe: loading a record: %w", err)
	case !bytes.Equal(got.Data, r.Data) || got.Version != r.Version:
		return fmt.Errorf("probe: %w: what was read is not what was written", ErrCorrupt)
	}
	old := r.Version
	r.Version = NewVersion()
	if err := s.Update(ctx, id, old, r); err != nil {
		return fmt.Errorf("probe: updating a record: %w", err)
	}
	r.Version = NewVersion()
	switch err := s.Update(ctx, id, old, r); {
	case err == nil:
		return errBlind
	case !errors.Is(err, ErrConflict):
		return fmt.Errorf("probe: updating another version: %w", err)
	}
	return nil
}

var errBlind = errors.New("probe: the store replaces a record whatever its version: updates are lost")

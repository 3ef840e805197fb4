package otelsession

import (
	"context"
	"time"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// The optional capabilities, one type for each with its methods only. Its value
// is used if the store has the capability, and never otherwise.
type (
	touch struct {
		rec *recorder
		s   sessionstore.Toucher
	}
	prune struct {
		rec *recorder
		s   sessionstore.Pruner
	}
	subjects struct {
		rec *recorder
		s   sessionstore.SubjectIndex
	}
	all struct {
		rec *recorder
		s   sessionstore.AllDeleter
	}
)

// Touch implements [sessionstore.Toucher].
func (t touch) Touch(ctx context.Context, id string, version sessionstore.Version, expires time.Time) error {
	ctx, end := t.rec.start(ctx, "touch")
	err := t.s.Touch(ctx, id, version, expires)
	end(err)
	return err
}

// Prune implements [sessionstore.Pruner].
func (p prune) Prune(ctx context.Context) (int, error) {
	ctx, end := p.rec.start(ctx, "prune")
	n, err := p.s.Prune(ctx)
	end(err, recordsKey.Int(n))
	return n, err
}

// ListSubject implements [sessionstore.SubjectIndex].
func (x subjects) ListSubject(ctx context.Context, subject string) ([]sessionstore.Entry, error) {
	ctx, end := x.rec.start(ctx, "list_subject")
	entries, err := x.s.ListSubject(ctx, subject)
	end(err, recordsKey.Int(len(entries)))
	return entries, err
}

// DeleteSubject implements [sessionstore.SubjectIndex].
func (x subjects) DeleteSubject(ctx context.Context, subject string) (int, error) {
	ctx, end := x.rec.start(ctx, "delete_subject")
	n, err := x.s.DeleteSubject(ctx, subject)
	end(err, recordsKey.Int(n))
	return n, err
}

// DeleteAll implements [sessionstore.AllDeleter].
func (a all) DeleteAll(ctx context.Context) (int, error) {
	ctx, end := a.rec.start(ctx, "delete_all")
	n, err := a.s.DeleteAll(ctx)
	end(err, recordsKey.Int(n))
	return n, err
}

package conformance

import (
	"context"
	"time"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// Where a context ends, drivers end a result as if it were whole, and a transaction as if it
// were written. What a call says then is true all the same, or an error that is not Certain.

func cutTruthCases() []testCase {
	return []testCase{
		{
			name: "writes say what is so",
			rule: "A write whose context ends meanwhile reports success only if it has happened. Its error is never Certain: it is refused for no reason.",
			run:  cutWritesTruth,
		},
		{
			name: "reads say what is so",
			rule: "A Load or ListSubject whose context ends meanwhile finds what is there, or returns an error that is not Certain: a live record is never absent.",
			run:  cutReadsTruth,
		},
	}
}

func cutWritesTruth(t *tester) {
	attempt := func(call string, do func(ctx context.Context) error) {
		t.Helper()
		if !t.cutOrDone(call, do) {
			t.again(call, do)
		}
	}
	for range cuts / 2 {
		id, r, next := t.newID(), t.record(), t.record()
		attempt("Create", func(ctx context.Context) error { return t.store.Create(ctx, id, r) })
		t.wantFound("Create", id, &r)
		attempt("Update", func(ctx context.Context) error { return t.store.Update(ctx, id, r.Version, next) })
		t.wantFound("Update", id, &next)
		if t.has(Toucher) { // the fallback is two calls
			next.Expires = next.Expires.Add(time.Hour)
			attempt("Touch", func(ctx context.Context) error {
				return sessionstore.Touch(ctx, t.store, id, next.Version, next.Expires)
			})
			t.wantFound("Touch", id, &next)
		}
		deleted, _ := t.created() // a Create that was cut short may still happen, after a Delete
		attempt("Delete", func(ctx context.Context) error { return t.store.Delete(ctx, deleted) })
		t.wantFound("Delete", deleted, nil)
	}
}

// wantFound fails the case unless Load finds r, or nothing if r is nil.
func (t *tester) wantFound(call, id string, r *sessionstore.Record) {
	t.Helper()
	var got sessionstore.Record
	found := false
	t.again("Load", func(ctx context.Context) (err error) {
		got, err = t.store.Load(ctx, id)
		found = err == nil
		return unless(err, sessionstore.ErrNotFound)
	})
	switch {
	case found != (r != nil):
		t.Fatalf("%s, whose context ended meanwhile, reports success, and Load finds a record: %v", call, found)
	case found && (got.Version != r.Version || got.Expires.Before(r.Expires)):
		t.Fatalf("%s, whose context ended meanwhile, reports success, and Load finds version %s until %s, want %s until %s",
			call, name(got.Version), got.Expires.Format(clock), name(r.Version), r.Expires.Format(clock))
	}
}

func cutReadsTruth(t *tester) {
	id, r := t.created()
	for range cuts {
		var got sessionstore.Record
		done := t.cutOrDone("Load", func(ctx context.Context) (err error) {
			got, err = t.store.Load(ctx, id)
			return err
		})
		if done && got.Version != r.Version {
			t.Fatalf("Load, whose context ended meanwhile, returns version %s without an error, want %s",
				name(got.Version), name(r.Version))
		}
		if !t.has(SubjectIndex) {
			continue
		}
		var list []sessionstore.Entry
		done = t.cutOrDone("ListSubject", func(ctx context.Context) (err error) {
			list, err = sessionstore.ListSubject(ctx, t.store, r.Subject)
			return err
		})
		if done && len(list) != 1 {
			t.Fatalf("ListSubject, whose context ended meanwhile, returns %d records without an error, want 1", len(list))
		}
	}
}

package conformance

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

func corruptionMutants() []mutant {
	foreign := func(m *mutated, err error) {
		m.load = func(ctx context.Context, id string) (sessionstore.Record, error) {
			if m.ref.foreign.has(id) {
				return sessionstore.Record{}, err
			}
			return m.next.Load(ctx, id)
		}
	}
	return []mutant{
		{
			"what isn't a record is not found",
			[]string{
				"corruption/is reported", "corruption/is left by load", "corruption/is not updated",
				"corruption/is not created over", "corruption/another's record", "corruption/another's record is left",
			},
			func(m *mutated) { foreign(m, sessionstore.ErrNotFound) },
		},
		{
			"what isn't a record is an unknown error",
			[]string{
				"corruption/is reported", "corruption/is not updated",
				"corruption/is not created over", "corruption/another's record", "corruption/another's record is left",
			},
			func(m *mutated) { foreign(m, errors.New("memstore: unexpected end of JSON input")) },
		},
		{"Load sweeps what isn't a record", []string{
			"corruption/is left by load", "corruption/another's record is left",
		}, func(m *mutated) {
			m.load = func(ctx context.Context, id string) (sessionstore.Record, error) {
				r, err := m.next.Load(ctx, id)
				if errors.Is(err, sessionstore.ErrCorrupt) {
					return r, errors.Join(err, m.next.Delete(ctx, id))
				}
				return r, err
			}
		}},
		{"Update replaces what isn't a record", []string{
			"corruption/is not updated", "corruption/another's record is left",
		}, func(m *mutated) {
			m.update = func(ctx context.Context, id string, old sessionstore.Version, r sessionstore.Record) error {
				if m.ref.foreign.has(id) {
					return m.overwrite(ctx, id, r)
				}
				return m.next.Update(ctx, id, old, r)
			}
		}},
		{"Update takes damage for version zero", []string{"corruption/is not updated"}, func(m *mutated) {
			m.update = func(ctx context.Context, id string, old sessionstore.Version, r sessionstore.Record) error {
				if old == 0 && m.ref.foreign.has(id) {
					return m.overwrite(ctx, id, r)
				}
				return m.next.Update(ctx, id, old, r)
			}
		}},
		{"Touch takes damage for version zero", []string{"corruption/is not updated"}, func(m *mutated) {
			m.touch = func(ctx context.Context, id string, version sessionstore.Version, expires time.Time) error {
				if version == 0 && m.ref.foreign.has(id) {
					return nil
				}
				return m.next.Touch(ctx, id, version, expires)
			}
		}},
		{"Update reports a conflict with what isn't a record", []string{
			"corruption/is not updated", "corruption/another's record is left",
		}, func(m *mutated) {
			m.update = func(ctx context.Context, id string, old sessionstore.Version, r sessionstore.Record) error {
				if m.ref.foreign.has(id) {
					return sessionstore.ErrConflict
				}
				return m.next.Update(ctx, id, old, r)
			}
		}},
		{"Create replaces what isn't a record", []string{
			"corruption/is not created over", "corruption/another's record is left",
		}, func(m *mutated) {
			m.create = func(ctx context.Context, id string, r sessionstore.Record) error {
				if m.ref.foreign.has(id) {
					return m.overwrite(ctx, id, r)
				}
				return m.next.Create(ctx, id, r)
			}
		}},
		{"Update goes by the version alone", []string{"corruption/another's record is left"}, func(m *mutated) {
			var versions memory[sessionstore.Version]
			misplace := m.Misplace
			m.Misplace = func(tb testing.TB, from, to string) {
				tb.Helper()
				misplace(tb, from, to)
				r, err := m.ref.Load(tb.Context(), from)
				if err != nil {
					tb.Fatal(err)
				}
				versions.put(to, r.Version)
			}
			m.update = func(ctx context.Context, id string, old sessionstore.Version, r sessionstore.Record) error {
				if v, ok := versions.get(id); ok && v == old {
					return m.overwrite(ctx, id, r)
				}
				return m.next.Update(ctx, id, old, r)
			}
		}},
		{"Delete refuses what isn't a record", []string{"corruption/is deleted"}, func(m *mutated) {
			m.remove = func(ctx context.Context, id string) error {
				if m.ref.foreign.has(id) {
					return sessionstore.ErrCorrupt
				}
				return m.next.Delete(ctx, id)
			}
		}},
		{"ListSubject lists nothing beside what isn't a record", []string{"corruption/another's record is not listed"}, func(m *mutated) {
			m.list = func(ctx context.Context, subject string) ([]sessionstore.Entry, error) {
				if len(m.ref.foreign.all()) > 0 {
					return nil, sessionstore.ErrCorrupt
				}
				return m.next.ListSubject(ctx, subject)
			}
		}},
		{"Load returns another's record", []string{
			"corruption/another's record", "corruption/another's record is left", "scan/names another's record",
		}, func(m *mutated) {
			m.Misplace = func(tb testing.TB, from, to string) {
				tb.Helper()
				r, err := m.ref.Load(tb.Context(), from)
				if err = errors.Join(err, m.ref.Create(tb.Context(), to, r)); err != nil {
					tb.Fatal(err)
				}
			}
		}},
	}
}

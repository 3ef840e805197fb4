package conformance

import (
	"context"
	"iter"
	"time"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

func wrapperMutants() []mutant {
	const unwraps, unsupported = "wrapper/unwraps", "wrapper/says what it can't do"
	// around has a mutant wrap a store without capabilities. What it does with them
	// is then no matter of any other case.
	around := func(m *mutated) {
		bare := struct{ sessionstore.Store }{m.next}
		m.Require = nil
		m.unwrap = func() sessionstore.Store { return bare }
		m.prune = func(ctx context.Context) (int, error) { return sessionstore.Prune(ctx, bare) }
		m.list = func(ctx context.Context, subject string) ([]sessionstore.Entry, error) {
			return sessionstore.ListSubject(ctx, bare, subject)
		}
		m.purge = func(ctx context.Context, subject string) (int, error) {
			return sessionstore.DeleteSubject(ctx, bare, subject)
		}
		m.wipe = func(ctx context.Context) (int, error) { return sessionstore.DeleteAll(ctx, bare) }
		m.scan = func(ctx context.Context) iter.Seq2[sessionstore.Entry, error] { return sessionstore.Scan(ctx, bare) }
		m.watch = func(ctx context.Context, changed func(string)) error { return sessionstore.Watch(ctx, bare, changed) }
	}
	return []mutant{
		{"Unwrap returns nothing", []string{unwraps}, func(m *mutated) {
			around(m)
			m.unwrap = func() sessionstore.Store { return nil }
		}},
		{"Touch is not supported around a store that is no Toucher", []string{unsupported}, func(m *mutated) {
			around(m)
			m.touch = func(context.Context, string, sessionstore.Version, time.Time) error {
				return sessionstore.ErrUnsupported
			}
		}},
		{"Prune has nothing to do that is not supported", []string{unsupported}, func(m *mutated) {
			around(m)
			m.prune = func(context.Context) (int, error) { return 0, nil }
		}},
		{"ListSubject is empty where it is not supported", []string{unsupported}, func(m *mutated) {
			around(m)
			m.list = func(context.Context, string) ([]sessionstore.Entry, error) { return nil, nil }
		}},
		{"DeleteSubject finds nobody where it is not supported", []string{unsupported}, func(m *mutated) {
			around(m)
			m.purge = func(context.Context, string) (int, error) { return 0, nil }
		}},
		{"DeleteAll deletes nothing where it is not supported", []string{unsupported}, func(m *mutated) {
			around(m)
			m.wipe = func(context.Context) (int, error) { return 0, nil }
		}},
		{"Scan finds nothing where it is not supported", []string{unsupported}, func(m *mutated) {
			around(m)
			m.scan = func(context.Context) iter.Seq2[sessionstore.Entry, error] {
				return func(func(sessionstore.Entry, error) bool) {}
			}
		}},
		{"Watch waits where it is not supported", []string{unsupported}, func(m *mutated) {
			around(m)
			m.watch = func(ctx context.Context, _ func(string)) error {
				<-ctx.Done()
				return ctx.Err()
			}
		}},
	}
}

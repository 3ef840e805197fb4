package conformance

import (
	"context"
	"errors"
	"iter"
	"time"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// movedMutants go by an expiry that a record no longer has.
func movedMutants() []mutant {
	const forward, back = "expiry/moved forward, for ", "expiry/moved back, for "
	return []mutant{
		{"Create goes by the first expiry", []string{forward + "create"}, func(m *mutated) {
			created := m.created()
			create := m.create
			m.create = func(ctx context.Context, id string, r sessionstore.Record) error {
				if first, ok := created.get(id); ok && !dead(first) && sessionstore.CheckRecord(r) == nil {
					if _, err := m.ref.Load(ctx, id); errors.Is(err, sessionstore.ErrNotFound) {
						return sessionstore.ErrExists
					}
				}
				return create(ctx, id, r)
			}
		}},
		{"Update brings back what Touch has ended", []string{forward + "update and touch"}, func(m *mutated) {
			created := m.created()
			m.update = func(ctx context.Context, id string, old sessionstore.Version, r sessionstore.Record) error {
				err := m.next.Update(ctx, id, old, r)
				if first, ok := created.get(id); ok && !dead(first) && errors.Is(err, sessionstore.ErrNotFound) {
					return m.next.Create(ctx, id, r)
				}
				return err
			}
		}},
		{"Touch brings back what Update has ended", []string{forward + "update and touch"}, func(m *mutated) {
			var updated memory[sessionstore.Record]
			update := m.update
			m.update = func(ctx context.Context, id string, old sessionstore.Version, r sessionstore.Record) error {
				err := update(ctx, id, old, r)
				if err == nil {
					updated.put(id, r)
				}
				return err
			}
			m.touch = func(ctx context.Context, id string, version sessionstore.Version, expires time.Time) error {
				err := m.next.Touch(ctx, id, version, expires)
				if r, ok := updated.get(id); ok && dead(r) && errors.Is(err, sessionstore.ErrNotFound) {
					r.Expires = expires
					return m.next.Create(ctx, id, r)
				}
				return err
			}
		}},
		{"ListSubject goes by the first expiry of what Touch has ended", []string{forward + "a list"}, func(m *mutated) {
			created := m.created()
			m.list = listWith(m, touchedTo(m, created), func(_ string, r sessionstore.Record) bool { return dead(r) })
		}},
		{"DeleteSubject counts what Touch has ended", []string{forward + "a list"}, func(m *mutated) {
			ended := touchedTo(m, m.created())
			m.purge = func(ctx context.Context, subject string) (int, error) {
				n, err := m.next.DeleteSubject(ctx, subject)
				return n + len(ended.keys(func(r sessionstore.Record) bool { return r.Subject == subject && dead(r) })), err
			}
		}},
		{"Scan goes by the first expiry of what Touch has ended", []string{forward + "a scan"}, isolated(func(own *mutated) {
			ended := touchedTo(own, own.created())
			own.scan = func(ctx context.Context) iter.Seq2[sessionstore.Entry, error] {
				all := own.next.Scan(ctx)
				for _, id := range ended.keys(dead) {
					r, _ := ended.get(id)
					all = also(all, sessionstore.Entry{ID: id, Record: r})
				}
				return all
			}
		})},
		{"DeleteAll counts what Touch has ended", []string{forward + "the deletion of all"}, isolated(func(own *mutated) {
			ended := touchedTo(own, own.created())
			own.wipe = func(ctx context.Context) (int, error) {
				n, err := own.next.DeleteAll(ctx)
				return n + len(ended.keys(dead)), err
			}
		})},
		{"Create replaces what was put off", []string{back + "create"}, func(m *mutated) {
			created := m.created()
			create := m.create
			m.create = func(ctx context.Context, id string, r sessionstore.Record) error {
				if first, ok := created.get(id); ok && dead(first) && sessionstore.CheckRecord(r) == nil {
					_ = m.next.Delete(ctx, id)
				}
				return create(ctx, id, r)
			}
		}},
		{"Update goes by the first expiry", []string{back + "update and touch"}, func(m *mutated) {
			created := m.created()
			m.update = func(ctx context.Context, id string, old sessionstore.Version, r sessionstore.Record) error {
				if first, ok := created.get(id); ok && dead(first) && sessionstore.CheckRecord(r) == nil && ctx.Err() == nil {
					return sessionstore.ErrNotFound
				}
				return m.next.Update(ctx, id, old, r)
			}
		}},
		{"Touch goes by the first expiry", []string{back + "update and touch"}, func(m *mutated) {
			created := m.created()
			m.touch = func(ctx context.Context, id string, version sessionstore.Version, expires time.Time) error {
				if first, ok := created.get(id); ok && dead(first) {
					return sessionstore.ErrNotFound
				}
				return m.next.Touch(ctx, id, version, expires)
			}
		}},
		{"DeleteSubject spares what was put off", []string{back + "a list"}, func(m *mutated) {
			created := m.created()
			m.purge = purgeIf(m, func(_ int, e sessionstore.Entry) bool {
				first, ok := created.get(e.ID)
				return !ok || !dead(first)
			})
		}},
		{"Scan passes over what was put off", []string{back + "a scan"}, isolated(func(own *mutated) {
			created := own.created()
			own.scan = scanning(own, keeping(func(_ int, e sessionstore.Entry) bool {
				first, ok := created.get(e.ID)
				return !ok || !dead(first)
			}))
		})},
		wipeIf("DeleteAll spares what was put off", func(_ int, created, _ sessionstore.Record) bool { return !dead(created) },
			back+"the deletion of all"),
		{"records die a part of a millisecond early", []string{"expiry/none is early"}, func(m *mutated) {
			m.load = func(ctx context.Context, id string) (sessionstore.Record, error) {
				r, err := m.next.Load(ctx, id)
				if err == nil && !time.Now().Before(r.Expires.Truncate(time.Millisecond)) {
					return sessionstore.Record{}, sessionstore.ErrNotFound
				}
				return r, err
			}
		}},
		{"what was touched dies a part of a millisecond early", []string{"expiry/none is early"}, func(m *mutated) {
			var touched set
			m.touch = func(ctx context.Context, id string, version sessionstore.Version, expires time.Time) error {
				touched.add(id)
				return m.next.Touch(ctx, id, version, expires)
			}
			m.load = func(ctx context.Context, id string) (sessionstore.Record, error) {
				r, err := m.next.Load(ctx, id)
				if err == nil && touched.has(id) && !time.Now().Before(r.Expires.Truncate(time.Millisecond)) {
					return sessionstore.Record{}, sessionstore.ErrNotFound
				}
				return r, err
			}
		}},
		slides("Load slides an expiry that is near", func(left time.Duration) bool { return left < shortLife/2 },
			"expiry/none slides", "expiry/live until then", "expiry/none is early"),
		{"ListSubject slides an expiry that is near", []string{"expiry/none slides"}, func(m *mutated) {
			m.list = func(ctx context.Context, subject string) ([]sessionstore.Entry, error) {
				list, err := m.next.ListSubject(ctx, subject)
				for _, e := range list {
					if time.Until(e.Record.Expires) < shortLife/2 {
						_ = m.next.Touch(ctx, e.ID, e.Record.Version, inAnHour())
					}
				}
				return list, err
			}
		}},
		{"a write sweeps what expires within a minute", []string{"expiry/none is swept early"}, func(m *mutated) {
			created := m.created()
			update := m.update
			m.update = func(ctx context.Context, id string, old sessionstore.Version, r sessionstore.Record) error {
				for _, other := range created.keys(func(r sessionstore.Record) bool {
					left := time.Until(r.Expires)
					return left > 10*time.Second && left < time.Minute
				}) {
					_ = m.next.Delete(ctx, other)
				}
				return update(ctx, id, old, r)
			}
		}},
		pruneOf("Prune removes what expires within a minute", func(h *written) bool {
			left := time.Until(h.first.Expires)
			return left > 10*time.Second && left < time.Minute
		}, "prune/leaves live records"),
		pruneOf("Prune removes what is nobody's", func(h *written) bool {
			return h.first.Subject == "" && !dead(h.first) && h.creates > 0 && h.changes == 0
		}, "prune/leaves live records"),
	}
}

// touchedTo remembers what Touch has brought forward, with the expiry that it has then.
func touchedTo(m *mutated, created *memory[sessionstore.Record]) *memory[sessionstore.Record] {
	var ended memory[sessionstore.Record]
	m.touch = func(ctx context.Context, id string, version sessionstore.Version, expires time.Time) error {
		err := m.next.Touch(ctx, id, version, expires)
		if r, ok := created.get(id); ok && err == nil && expires.Before(r.Expires) {
			r.Expires = expires
			ended.put(id, r)
		}
		return err
	}
	return &ended
}

// slides returns a mutant whose Load prolongs a life that is near its end.
func slides(name string, near func(left time.Duration) bool, breaks ...string) mutant {
	return mutant{name, breaks[:1], func(m *mutated) {
		m.load = func(ctx context.Context, id string) (sessionstore.Record, error) {
			r, err := m.next.Load(ctx, id)
			if err == nil && near(time.Until(r.Expires)) {
				_ = m.next.Touch(ctx, id, r.Version, inAnHour())
			}
			return r, err
		}
	}}
}

func retryMutants() []mutant {
	const r = "retries/"
	// created and updated remember every version that a write has had success with.
	onSuccess := func(m *mutated, method string, again func(ctx context.Context, id string, r sessionstore.Record) bool) {
		var made memory[bool]
		create, update := m.create, m.update
		key := func(id string, v sessionstore.Version) string { return id + name(v) }
		if method == "Create" {
			m.create = func(ctx context.Context, id string, r sessionstore.Record) error {
				if ok, _ := made.get(key(id, r.Version)); ok && again(ctx, id, r) {
					return nil
				}
				err := create(ctx, id, r)
				if err == nil {
					made.put(key(id, r.Version), true)
				}
				return err
			}
			return
		}
		m.update = func(ctx context.Context, id string, old sessionstore.Version, r sessionstore.Record) error {
			if ok, _ := made.get(key(id, r.Version)); ok && again(ctx, id, r) {
				return nil
			}
			err := update(ctx, id, old, r)
			if err == nil {
				made.put(key(id, r.Version), true)
			}
			return err
		}
	}
	there := func(m *mutated, want bool) func(ctx context.Context, id string, r sessionstore.Record) bool {
		return func(ctx context.Context, id string, _ sessionstore.Record) bool {
			_, err := m.ref.Load(ctx, id)
			return err == nil == want
		}
	}
	return []mutant{
		{
			"Create remembers its writes while a record is there",
			[]string{r + "create after an update", r + "create after delete and create"},
			func(m *mutated) { onSuccess(m, "Create", there(m, true)) },
		},
		{"Create remembers its writes beyond a Delete", []string{r + "create after a delete"}, func(m *mutated) {
			var deleted set
			remove := m.remove
			m.remove = func(ctx context.Context, id string) error { deleted.add(id); return remove(ctx, id) }
			onSuccess(m, "Create", func(ctx context.Context, id string, r sessionstore.Record) bool {
				return deleted.has(id) && there(m, false)(ctx, id, r)
			})
		}},
		{
			"Update remembers its writes while a record is there",
			[]string{r + "update after an update", r + "update after delete and create"},
			func(m *mutated) { onSuccess(m, "Update", there(m, true)) },
		},
		{"Update takes its own version only with the right old one", []string{r + "update with any old version"}, func(m *mutated) {
			var olds memory[sessionstore.Version]
			m.update = func(ctx context.Context, id string, old sessionstore.Version, r sessionstore.Record) error {
				stored, err := m.ref.Load(ctx, id)
				if was, ok := olds.get(id); err == nil && ok && stored.Version == r.Version && was != old {
					return sessionstore.ErrConflict
				}
				err = m.next.Update(ctx, id, old, r)
				if err == nil && stored.Version == old {
					olds.put(id, old)
				}
				return err
			}
		}},
		{"a write that is made again writes", []string{r + "a write after a touch"}, func(m *mutated) {
			again := func(ctx context.Context, id string, r sessionstore.Record, err error) error {
				stored, loadErr := m.ref.Load(ctx, id)
				if err == nil && loadErr == nil && stored.Version == r.Version && !stored.Expires.Equal(r.Expires) {
					return m.next.Touch(ctx, id, r.Version, r.Expires)
				}
				return err
			}
			create := m.create
			m.create = func(ctx context.Context, id string, r sessionstore.Record) error {
				return again(ctx, id, r, create(ctx, id, r))
			}
		}},
		{"Touch remembers its calls", []string{r + "touch after an update"}, func(m *mutated) {
			var made set
			m.touch = func(ctx context.Context, id string, version sessionstore.Version, expires time.Time) error {
				key := id + name(version) + expires.String()
				if made.has(key) && ctx.Err() == nil {
					return nil
				}
				err := m.next.Touch(ctx, id, version, expires)
				if err == nil {
					made.add(key)
				}
				return err
			}
		}},
	}
}

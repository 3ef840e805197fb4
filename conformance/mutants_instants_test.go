package conformance

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// instantMutants have one method go by an idea of its own of when a record is over.
func instantMutants() []mutant {
	const far, zone = "clock/far off, for each method", "clock/in a zone, for each method"
	const pastZone = "clock/past in a zone, for each method"
	const second, last = "clock/past a whole second, for each method", "clock/deleted at the last moment"
	methods := []string{"ListSubject", "Scan", "Prune", "DeleteSubject", "DeleteAll", "Create", "Update", "Touch"}
	var all []mutant
	for _, method := range methods {
		all = append(all,
			judges(method+" has 31 bits for seconds", far, method, func(expires, _ time.Time) bool { return expires.Unix() >= 1<<31 }),
			judges(method+" has 32 bits for seconds", far, method, func(expires, _ time.Time) bool { return expires.Unix() >= 1<<32 }),
			judges(method+" goes by the clock on the wall", zone, method, func(expires, now time.Time) bool {
				return !onTheWall(expires).After(now)
			}))
	}
	for _, method := range []string{"ListSubject", "DeleteSubject", "Create", "Update", "Touch"} {
		all = append(all,
			outlives(method+" goes by the clock on the wall for longer", pastZone, method, func(expires, now time.Time) bool {
				return onTheWall(expires).After(now)
			}),
			outlives(method+" compares text that has a fraction or none", second, method, func(expires, now time.Time) bool {
				return expires.UTC().Format(time.RFC3339Nano) > now.UTC().Format(time.RFC3339Nano)
			}))
	}
	return append(all,
		judges("DeleteSubject counts in seconds", last, "DeleteSubject", func(expires, now time.Time) bool {
			return expires.Unix() <= now.Unix()
		}),
		judges("DeleteSubject counts in milliseconds", last, "DeleteSubject", func(expires, now time.Time) bool {
			return expires.UnixMilli() <= now.UnixMilli()
		}))
}

// onTheWall returns what a clock in UTC shows when one in the zone of t shows what it does at t.
func onTheWall(t time.Time) time.Time {
	_, offset := t.Zone()
	return t.Add(time.Duration(offset) * time.Second)
}

// expiries keeps each expiry as it was written, with its zone.
func (m *mutated) expiries() *memory[time.Time] {
	var all memory[time.Time]
	create, update, touch := m.create, m.update, m.touch
	note := func(id string, expires time.Time, err error) error {
		if err == nil {
			all.put(id, expires)
		}
		return err
	}
	m.create = func(ctx context.Context, id string, r sessionstore.Record) error {
		return note(id, r.Expires, create(ctx, id, r))
	}
	m.update = func(ctx context.Context, id string, old sessionstore.Version, r sessionstore.Record) error {
		return note(id, r.Expires, update(ctx, id, old, r))
	}
	m.touch = func(ctx context.Context, id string, version sessionstore.Version, expires time.Time) error {
		return note(id, expires, touch(ctx, id, version, expires))
	}
	return &all
}

// judges returns a mutant in which one method takes live records for dead.
func judges(name, breaks, method string, dead func(expires, now time.Time) bool) mutant {
	return mutant{name, []string{breaks}, func(m *mutated) {
		expiries := m.expiries()
		over := func(id string) bool {
			expires, ok := expiries.get(id)
			return ok && dead(expires, time.Now())
		}
		live := func(e sessionstore.Entry) bool { return !over(e.ID) }
		create, update, touch := m.create, m.update, m.touch
		switch method {
		case "ListSubject":
			m.list = func(ctx context.Context, subject string) ([]sessionstore.Entry, error) {
				list, err := m.next.ListSubject(ctx, subject)
				return slices.DeleteFunc(list, func(e sessionstore.Entry) bool { return over(e.ID) }), err
			}
		case "Scan":
			m.scan = scanning(m, keeping(func(_ int, e sessionstore.Entry) bool { return live(e) }))
		case "Prune":
			m.prune = func(ctx context.Context) (int, error) {
				for _, id := range expiries.all() {
					if over(id) {
						_ = m.next.Delete(ctx, id) // there is no other error than the context's
					}
				}
				return m.next.Prune(ctx)
			}
		case "DeleteSubject":
			m.purge = purgeIf(m, func(_ int, e sessionstore.Entry) bool { return live(e) })
		case "DeleteAll":
			m.wipe = func(ctx context.Context) (int, error) {
				dead := len(slices.DeleteFunc(collected(m.next.Scan(ctx)), live))
				n, err := m.next.DeleteAll(ctx)
				return max(0, n-dead), err
			}
		case "Create":
			m.create = func(ctx context.Context, id string, r sessionstore.Record) error {
				if over(id) && writable(r) {
					_ = m.next.Delete(ctx, id) // the same
				}
				return create(ctx, id, r)
			}
		case "Update":
			m.update = func(ctx context.Context, id string, old sessionstore.Version, r sessionstore.Record) error {
				if over(id) {
					return sessionstore.ErrNotFound
				}
				return update(ctx, id, old, r)
			}
		case "Touch":
			m.touch = func(ctx context.Context, id string, version sessionstore.Version, expires time.Time) error {
				if over(id) {
					return sessionstore.ErrNotFound
				}
				return touch(ctx, id, version, expires)
			}
		}
	}}
}

// outlives returns a mutant in which one method takes dead records for live.
func outlives(name, breaks, method string, live func(expires, now time.Time) bool) mutant {
	return mutant{name, []string{breaks}, func(m *mutated) {
		expiries, records := m.expiries(), m.created()
		still := func(id string) bool {
			expires, ok := expiries.get(id)
			return ok && dead(sessionstore.Record{Expires: expires}) && live(expires, time.Now())
		}
		of := func(subject string) (ids []string) {
			for _, id := range records.keys(func(r sessionstore.Record) bool { return r.Subject == subject }) {
				if still(id) {
					ids = append(ids, id)
				}
			}
			return ids
		}
		create, update, touch := m.create, m.update, m.touch
		switch method {
		case "ListSubject":
			m.list = func(ctx context.Context, subject string) ([]sessionstore.Entry, error) {
				list, err := m.next.ListSubject(ctx, subject)
				for _, id := range of(subject) {
					r, _ := records.get(id)
					list = append(list, sessionstore.Entry{ID: id, Record: r})
				}
				return list, err
			}
		case "DeleteSubject":
			m.purge = func(ctx context.Context, subject string) (int, error) {
				n, err := m.next.DeleteSubject(ctx, subject)
				return n + len(of(subject)), err
			}
		case "Create":
			m.create = func(ctx context.Context, id string, r sessionstore.Record) error {
				if still(id) {
					return sessionstore.ErrExists
				}
				return create(ctx, id, r)
			}
		case "Update":
			m.update = func(ctx context.Context, id string, old sessionstore.Version, r sessionstore.Record) error {
				err := update(ctx, id, old, r)
				if still(id) && errors.Is(err, sessionstore.ErrNotFound) {
					return sessionstore.ErrConflict
				}
				return err
			}
		case "Touch":
			m.touch = func(ctx context.Context, id string, version sessionstore.Version, expires time.Time) error {
				err := touch(ctx, id, version, expires)
				if still(id) && errors.Is(err, sessionstore.ErrNotFound) {
					return nil
				}
				return err
			}
		}
	}}
}

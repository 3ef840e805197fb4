package conformance

import (
	"bytes"
	"context"
	"errors"
	"math"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// besideMutants are right as long as there is no damage, no second batch, no large version and
// no write that was refused, or made again, beside what they do.
func besideMutants() []mutant {
	const refused, anew = "subjects/lists nothing that was refused", "prune/leaves what is created anew meanwhile"
	const damaged, beside, known = "pages/scans past what is damaged", "prune/removes what is beside damage", "versions/any number"
	const writes, sees = "peer/writes by what is there", "peer/sees a touch"
	return slices.Concat([]mutant{
		{"Create does not know its own version of 64 bits", []string{known}, func(m *mutated) {
			m.create = func(ctx context.Context, id string, r sessionstore.Record) error {
				if was, err := m.ref.Load(ctx, id); err == nil && r.Version > math.MaxInt64 && was.Version == r.Version {
					return sessionstore.ErrExists
				}
				return m.next.Create(ctx, id, r)
			}
		}},
		{"Update does not know its own version of 64 bits", []string{known}, func(m *mutated) {
			m.update = func(ctx context.Context, id string, old sessionstore.Version, r sessionstore.Record) error {
				if was, err := m.ref.Load(ctx, id); err == nil && r.Version > math.MaxInt64 && was.Version == r.Version {
					return sessionstore.ErrConflict
				}
				return m.next.Update(ctx, id, old, r)
			}
		}},
		removesOwnEntry("create/writes again what has expired"), removesOwnEntry("prune/forgets what it has removed"),
		{"what takes its own place after Delete is in no list", []string{"retries/create after a delete"}, func(m *mutated) {
			deleted := m.deleted()
			var lost set
			create := m.create
			m.create = func(ctx context.Context, id string, r sessionstore.Record) error {
				if was, ok := deleted.get(id); ok && was.Version == r.Version {
					lost.add(id)
				}
				return create(ctx, id, r)
			}
			m.list = func(ctx context.Context, subject string) (found, error) {
				list, err := m.next.ListSubject(ctx, subject)
				return slices.DeleteFunc(list, func(e sessionstore.Entry) bool { return lost.has(e.ID) }), err
			}
		}},
		{"DeleteSubject deletes what a refused Update has wanted for the subject", []string{refused}, func(m *mutated) {
			wanted := m.wanted(sessionstore.ErrConflict)
			m.purge = func(ctx context.Context, subject string) (int, error) {
				n, err := m.next.DeleteSubject(ctx, subject)
				for _, key := range wanted.keys(func(s string) bool { return s == subject }) {
					_ = m.next.Delete(ctx, key[:sessionstore.IDLen]) // there is no other error than the context's
				}
				return n, err
			}
		}},
		{"a list has what was created where an Update was refused", []string{refused}, func(m *mutated) {
			wanted := m.wanted(sessionstore.ErrNotFound)
			m.list = func(ctx context.Context, subject string) (found, error) {
				list, err := m.next.ListSubject(ctx, subject)
				for _, key := range wanted.keys(func(s string) bool { return s == subject }) {
					id := key[:sessionstore.IDLen]
					if r, e := m.ref.Load(ctx, id); err == nil && e == nil && r.Subject != subject {
						list = append(list, sessionstore.Entry{ID: id, Record: r})
					}
				}
				return list, err
			}
		}},
		{"Touch takes the largest record for too large", []string{"limits/largest data"}, func(m *mutated) {
			m.touch = func(ctx context.Context, id string, version sessionstore.Version, expires time.Time) error {
				if r, err := m.ref.Load(ctx, id); err == nil && len(r.Data)+sessionstore.RecordHeaderLen > referenceMaxData {
					return sessionstore.ErrTooLarge
				}
				return m.next.Touch(ctx, id, version, expires)
			}
		}},
		{"Prune ends at what is damaged", []string{beside}, func(m *mutated) {
			m.prune = func(ctx context.Context) (int, error) {
				if len(m.ref.foreign.all()) > 0 {
					return 0, ctx.Err()
				}
				return m.next.Prune(ctx)
			}
		}},
		{"Prune removes what has the version that it has seen", []string{anew}, func(m *mutated) {
			created := m.created()
			m.prune = func(ctx context.Context) (int, error) {
				var seen []sessionstore.Entry
				for _, id := range created.keys(dead) {
					r, _ := created.get(id)
					seen = append(seen, sessionstore.Entry{ID: id, Record: r})
				}
				n, err := m.next.Prune(ctx)
				pause(500 * time.Microsecond)
				for _, e := range seen {
					if r, e2 := m.ref.Load(ctx, e.ID); e2 == nil && r.Version == e.Record.Version {
						_ = m.next.Delete(ctx, e.ID) // the same
					}
				}
				return n, err
			}
		}},
		{"Prune tidies entries by the expiry from before Touch", []string{"prune/leaves what was prolonged"}, func(m *mutated) {
			created := m.created()
			var lost set
			m.prune = func(ctx context.Context) (int, error) {
				for _, id := range created.keys(dead) {
					lost.add(id)
				}
				return m.next.Prune(ctx)
			}
			m.list = func(ctx context.Context, subject string) (found, error) {
				list, err := m.next.ListSubject(ctx, subject)
				return slices.DeleteFunc(list, func(e sessionstore.Entry) bool { return lost.has(e.ID) }), err
			}
		}},
		{"Prune counts its last batch", []string{"pages/prunes many"}, isolated(func(own *mutated) {
			own.prune = func(ctx context.Context) (int, error) {
				n, err := own.next.Prune(ctx)
				return n % 500, err
			}
		})},
		{"a page of Scan ends at what is damaged", []string{damaged}, func(m *mutated) {
			m.scan = m.scanPaged(func(page found) found {
				if at := slices.IndexFunc(page, func(e sessionstore.Entry) bool { return m.ref.foreign.has(e.ID) }); at >= 0 {
					return page[:at+1]
				}
				return page
			}, false)
		}},
		{"a page of Scan that has damage is the last", []string{damaged}, func(m *mutated) {
			m.scan = m.scanPaged(func(page found) found { return page }, true)
		}},
		{"Watch passes over a report that is like the last", []string{"watch/reports it again"}, isolated(func(own *mutated) {
			own.watch = func(ctx context.Context, changed func(string)) error {
				last := ""
				return own.next.Watch(ctx, func(id string) {
					if id != last || id == "" {
						changed(id)
					}
					last = id
				})
			}
		})},
		{"Watch keeps a thousand reports", []string{"pages/deletes a subject", "pages/deletes all"}, func(m *mutated) {
			drops(m, 1000, 0)
		}},
		onPeer("Watch goes by the expiry that its own process has written", []string{"watch/reports what a peer does"}, func(m *mutated) {
			var own memory[time.Time]
			var passed set
			m.update = func(ctx context.Context, id string, old sessionstore.Version, r sessionstore.Record) error {
				was, ok := own.get(id)
				own.put(id, r.Expires)
				if there, err := m.ref.Load(ctx, id); ok && err == nil && there.Subject == r.Subject && !r.Expires.Before(was) {
					passed.add(id)
				}
				return m.next.Update(ctx, id, old, r)
			}
			m.watch = watching(m, func(id string) bool { return !passed.has(id) })
		}),
		onPeer("a process takes a Touch to the expiry that it has seen for made", []string{sees}, func(m *mutated) {
			seen := remembers(m.peer)
			m.peer.touch = func(ctx context.Context, id string, version sessionstore.Version, expires time.Time) error {
				if r, ok := seen.get(id); ok && r.Version == version && r.Expires.Equal(expires) {
					return nil
				}
				return m.next.Touch(ctx, id, version, expires)
			}
		}),
		onPeer("a process leaves out data that it has written before", []string{writes}, func(m *mutated) {
			wrote := m.peerWrites()
			update := m.peer.update
			m.peer.update = func(ctx context.Context, id string, old sessionstore.Version, r sessionstore.Record) error {
				was, ok := wrote.get(id)
				if there, err := m.ref.Load(ctx, id); ok && err == nil && bytes.Equal(was.Data, r.Data) {
					r.Data = there.Data
				}
				return update(ctx, id, old, r)
			}
		}),
		onPeer("a process leaves out the subject that it has written before", []string{writes}, func(m *mutated) {
			wrote := m.peerWrites()
			update := m.peer.update
			m.peer.update = func(ctx context.Context, id string, old sessionstore.Version, r sessionstore.Record) error {
				was, ok := wrote.get(id)
				if there, err := m.ref.Load(ctx, id); ok && err == nil && was.Subject == r.Subject {
					r.Subject = there.Subject
				}
				return update(ctx, id, old, r)
			}
		}),
		onPeer("a process refuses a Touch by the version that it has written", []string{writes}, func(m *mutated) {
			wrote := m.peerWrites()
			m.peer.touch = func(ctx context.Context, id string, version sessionstore.Version, expires time.Time) error {
				err := m.next.Touch(ctx, id, version, expires)
				if was, ok := wrote.get(id); ok && err == nil && was.Version != version {
					return sessionstore.ErrConflict
				}
				return err
			}
		}),
		{"Load of damage keeps a lock", []string{"corruption/is deleted"}, func(m *mutated) { keepsOnDamage(m, 1) }},
		{"Load of damage keeps one of ten connections", []string{"corruption/is deleted"}, func(m *mutated) { keepsOnDamage(m, 10) }},
	}, onView("misses what has a version of 64 bits", func(*mutated) func(found) found {
		return func(list found) found {
			return slices.DeleteFunc(list, func(e sessionstore.Entry) bool { return e.Record.Version > math.MaxInt64 })
		}
	}, views("what is there now")))
}

// removesOwnEntry has Create remove the entry of an expired record, after it has added its own,
// which is the same if the version is.
func removesOwnEntry(breaks string) mutant {
	return mutant{"what takes its own place after expiry is in no list: " + breaks, []string{breaks}, func(m *mutated) {
		created := m.created()
		var lost set
		create := m.create
		m.create = func(ctx context.Context, id string, r sessionstore.Record) error {
			was, ok := created.get(id)
			lost.remove(id)
			if ok && was.Version == r.Version && dead(was) {
				lost.add(id)
			}
			return create(ctx, id, r)
		}
		m.list = func(ctx context.Context, subject string) (found, error) {
			list, err := m.next.ListSubject(ctx, subject)
			return slices.DeleteFunc(list, func(e sessionstore.Entry) bool { return lost.has(e.ID) }), err
		}
	}}
}

// wanted returns the subjects that an Update, which was refused with this error, has wanted for
// records, under the record's id and the subject.
func (m *mutated) wanted(refused error) *memory[string] {
	var wanted memory[string]
	update := m.update
	m.update = func(ctx context.Context, id string, old sessionstore.Version, r sessionstore.Record) error {
		err := update(ctx, id, old, r)
		if errors.Is(err, refused) && r.Subject != "" && sessionstore.CheckID(id) == nil {
			wanted.put(id+r.Subject, r.Subject)
		}
		return err
	}
	return &wanted
}

// peerWrites returns what the peer has written last under each id.
func (m *mutated) peerWrites() *memory[sessionstore.Record] {
	var wrote memory[sessionstore.Record]
	note := func(id string, r sessionstore.Record, err error) error {
		if r.Data = bytes.Clone(r.Data); err == nil {
			wrote.put(id, r)
		}
		return err
	}
	m.peer.create = func(ctx context.Context, id string, r sessionstore.Record) error {
		return note(id, r, m.next.Create(ctx, id, r))
	}
	m.peer.update = func(ctx context.Context, id string, old sessionstore.Version, r sessionstore.Record) error {
		return note(id, r, m.next.Update(ctx, id, old, r))
	}
	return &wrote
}

// scanPaged returns a Scan by pages in the order of ids, of which cut makes less. It ends with a
// page that has damage if that is the last.
func (m *mutated) scanPaged(cut func(page found) found, last bool) func(context.Context) entries {
	return func(ctx context.Context) entries {
		return func(y yield) {
			all := collected(m.next.Scan(ctx))
			for _, id := range m.ref.foreign.all() {
				all = append(all, sessionstore.Entry{ID: id})
			}
			slices.SortFunc(all, func(a, b sessionstore.Entry) int { return strings.Compare(a.ID, b.ID) })
			for page := range slices.Chunk(all, 100) {
				over := false
				for _, e := range cut(page) {
					var err error
					if m.ref.foreign.has(e.ID) {
						err, over = sessionstore.ErrCorrupt, last
					}
					if !y(e, err) {
						return
					}
				}
				if over {
					return
				}
			}
			if err := ctx.Err(); err != nil {
				y(sessionstore.Entry{}, err)
			}
		}
	}
}

// keepsOnDamage has each Load that meets damage keep one of some connections.
func keepsOnDamage(m *mutated, connections int) {
	var mu sync.Mutex
	kept := make(map[string]int)
	m.around = func(ctx context.Context, method, id string, next func(context.Context) error) error {
		mu.Lock()
		full := kept[id] >= connections
		mu.Unlock()
		if full {
			return errors.New("memstore: no connection is free")
		}
		err := next(ctx)
		if method == "Load" && errors.Is(err, sessionstore.ErrCorrupt) {
			mu.Lock()
			defer mu.Unlock()
			kept[id]++
		}
		return err
	}
}

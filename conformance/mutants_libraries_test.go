package conformance

import (
	"context"
	"errors"
	"iter"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// libraryMutants do what a column type, an ORM, a compression or a library in between does
// by itself.
func libraryMutants() []mutant {
	const (
		lists     = "text/lists differ in "
		subjects  = "text/subjects come back"
		data      = "text/data comes back"
		list      = "subjects/lists what is there now"
		early     = "expiry/none is early"
		separator = lists + "patterns and separators"
	)
	spelled := func(from, to string) func(string) string {
		return func(s string) string { return strings.ReplaceAll(s, from, to) }
	}
	return []mutant{
		writes("null is nobody", func(r *sessionstore.Record) {
			if r.Subject == "null" {
				r.Subject = ""
			}
		}, subjects),
		writes("zero is nobody", func(r *sessionstore.Record) {
			if r.Subject == "0" {
				r.Subject = ""
			}
		}, subjects),
		writes("a byte order mark is dropped", func(r *sessionstore.Record) {
			r.Data = []byte(strings.TrimPrefix(string(r.Data), "\ufeff"))
		}, data),
		writes("what begins as gzip does is unpacked", func(r *sessionstore.Record) {
			if strings.HasPrefix(string(r.Data), "\x1f\x8b") {
				r.Data = nil
			}
		}, data),
		alike("a hash tag is all that counts", func(s string) string {
			if _, rest, ok := strings.Cut(s, "{"); ok {
				if tag, _, closed := strings.Cut(rest, "}"); closed && tag != "" {
					return tag
				}
			}
			return s
		}, separator),
		alike("an escaped space is one", spelled("%20", " "), separator),
		alike("an entity is its character", spelled("&lt;", "<"), separator),
		alike("the domain of an address is folded", func(s string) string {
			user, domain, ok := strings.Cut(s, "@")
			if !ok {
				return s
			}
			return user + "@" + strings.ToLower(domain)
		}, lists+"addresses"),
		alike("what follows a plus in an address is dropped", func(s string) string {
			user, domain, ok := strings.Cut(s, "@")
			if !ok {
				return s
			}
			user, _, _ = strings.Cut(user, "+")
			return user + "@" + domain
		}, lists+"addresses"),
		{"Update leaves data as it is if there is none", []string{data}, func(m *mutated) {
			onUpdate(m, func(from sessionstore.Record, r *sessionstore.Record) {
				if r.Data == nil {
					r.Data = from.Data
				}
			})
		}},
		{"Update refuses data that is nil", []string{data}, func(m *mutated) {
			m.update = func(ctx context.Context, id string, old sessionstore.Version, r sessionstore.Record) error {
				if r.Data == nil {
					return errors.New("a column is not null")
				}
				return m.next.Update(ctx, id, old, r)
			}
		}},
		{"ListSubject passes over empty data", []string{list}, func(m *mutated) {
			m.list = func(ctx context.Context, subject string) ([]sessionstore.Entry, error) {
				found, err := m.next.ListSubject(ctx, subject)
				return slices.DeleteFunc(found, func(e sessionstore.Entry) bool { return len(e.Record.Data) == 0 }), err
			}
		}},
		{"Delete takes _ for a wildcard", []string{"ids/differ in one character"}, func(m *mutated) {
			created := m.created()
			m.remove = func(ctx context.Context, id string) error {
				for _, other := range created.all() {
					if len(other) == len(id) && alikeIDs(id, other) {
						_ = m.next.Delete(ctx, other) // the outcome is that of the last one
					}
				}
				return m.next.Delete(ctx, id)
			}
		}},
		{"Load strips padding from ids", []string{"ids/Load refuses others"}, func(m *mutated) {
			m.load = func(ctx context.Context, id string) (sessionstore.Record, error) {
				return m.next.Load(ctx, strings.TrimRight(id, "="))
			}
		}},
		{"Update to the same version has always happened", []string{"update/refuses another version"}, func(m *mutated) {
			m.update = func(ctx context.Context, id string, old sessionstore.Version, r sessionstore.Record) error {
				err := m.next.Update(ctx, id, old, r)
				if old == r.Version && errors.Is(err, sessionstore.ErrConflict) {
					return nil
				}
				return err
			}
		}},
		{"the key of a list expires with what was written last", []string{"subjects/not what has expired"}, indexExpires},
		{"ListSubject returns entries one behind the other", []string{"ownership/listed data is the caller's"}, func(m *mutated) {
			m.list = func(ctx context.Context, subject string) ([]sessionstore.Entry, error) {
				found, err := m.next.ListSubject(ctx, subject)
				inOnePiece(found)
				return found, err
			}
		}},
		{"Scan yields entries one behind the other", []string{"ownership/scanned data is the caller's"}, isolated(func(own *mutated) {
			own.scan = func(ctx context.Context) iter.Seq2[sessionstore.Entry, error] {
				return func(yield func(sessionstore.Entry, error) bool) {
					var found []sessionstore.Entry
					for e, err := range own.next.Scan(ctx) {
						if err == nil {
							found = append(found, e)
						}
					}
					inOnePiece(found)
					for _, e := range found {
						if !yield(e, ctx.Err()) {
							return
						}
					}
				}
			}
		})},
		{"Unwrap wraps anew", []string{"wrapper/unwraps"}, func(m *mutated) {
			m.unwrap = func() sessionstore.Store { return newBroken(m.next) }
		}},
		{"ListSubject joins another's", []string{"concurrency/listed under writes"}, joinedList},
		{"ListSubject loads what it has found, whoever's it is by then", []string{"concurrency/listed under writes"}, func(m *mutated) {
			m.list = func(ctx context.Context, subject string) ([]sessionstore.Entry, error) {
				found, err := m.next.ListSubject(ctx, subject)
				var there []sessionstore.Entry
				for _, e := range found {
					pause(50 * time.Microsecond)
					if r, gone := m.next.Load(ctx, e.ID); gone == nil {
						there = append(there, sessionstore.Entry{ID: e.ID, Record: r})
					}
				}
				return there, err
			}
		}},
		{"Watch reports late", []string{"watch/ends with its context"}, func(m *mutated) {
			m.watch = func(ctx context.Context, changed func(string)) error {
				return m.next.Watch(ctx, func(id string) {
					if id == "" {
						changed(id)
						return
					}
					time.AfterFunc(time.Millisecond, func() { changed(id) })
				})
			}
		}},
		{"Create takes the last moment for the end", []string{early}, func(m *mutated) {
			m.create = func(ctx context.Context, id string, r sessionstore.Record) error {
				if m.ending(ctx, id) && writable(r) {
					_ = m.next.Delete(ctx, id) // Create reports what is wrong
				}
				return m.next.Create(ctx, id, r)
			}
		}},
		{"Update takes the last moment for the end", []string{early}, func(m *mutated) {
			m.update = func(ctx context.Context, id string, old sessionstore.Version, r sessionstore.Record) error {
				if m.ending(ctx, id) {
					return sessionstore.ErrNotFound
				}
				return m.next.Update(ctx, id, old, r)
			}
		}},
		{"Touch takes the last moment for the end", []string{early}, func(m *mutated) {
			m.touch = func(ctx context.Context, id string, version sessionstore.Version, expires time.Time) error {
				if m.ending(ctx, id) {
					return sessionstore.ErrNotFound
				}
				return m.next.Touch(ctx, id, version, expires)
			}
		}},
		{"ListSubject takes the last moment for the end", []string{early}, func(m *mutated) {
			m.list = func(ctx context.Context, subject string) ([]sessionstore.Entry, error) {
				found, err := m.next.ListSubject(ctx, subject)
				soon := time.Now().Add(time.Millisecond)
				return slices.DeleteFunc(found, func(e sessionstore.Entry) bool { return e.Record.Expires.Before(soon) }), err
			}
		}},
	}
}

// writes returns a mutant that changes what is written.
func writes(name string, change func(r *sessionstore.Record), breaks ...string) mutant {
	return mutant{name, breaks, func(m *mutated) {
		onWrite := func(r sessionstore.Record) sessionstore.Record {
			if sessionstore.CheckRecord(r) == nil {
				change(&r)
			}
			return r
		}
		m.create = func(ctx context.Context, id string, r sessionstore.Record) error {
			return m.next.Create(ctx, id, onWrite(r))
		}
		m.update = func(ctx context.Context, id string, old sessionstore.Version, r sessionstore.Record) error {
			return m.next.Update(ctx, id, old, onWrite(r))
		}
	}}
}

// alikeIDs compares as LIKE does, with _ for any character.
func alikeIDs(pattern, s string) bool {
	for i := range len(pattern) {
		if pattern[i] != '_' && pattern[i] != s[i] {
			return false
		}
	}
	return true
}

// ending reports whether the record has less than a millisecond to live.
func (m *mutated) ending(ctx context.Context, id string) bool {
	r, err := m.ref.Load(ctx, id)
	return err == nil && time.Until(r.Expires) < time.Millisecond
}

// inOnePiece has the data of all entries in one piece of memory, as they arrive in an answer.
func inOnePiece(entries []sessionstore.Entry) {
	var all []byte
	for _, e := range entries {
		all = append(all, e.Record.Data...)
	}
	for i, e := range entries {
		n := len(e.Record.Data)
		entries[i].Record.Data, all = all[:n], all[n:]
	}
}

// indexExpires has the list of a subject in one key, to which each write gives the expiry
// of its record.
func indexExpires(m *mutated) {
	var ends memory[time.Time]
	m.create = func(ctx context.Context, id string, r sessionstore.Record) error {
		err := m.next.Create(ctx, id, r)
		if err == nil {
			ends.put(r.Subject, r.Expires)
		}
		return err
	}
	m.list = func(ctx context.Context, subject string) ([]sessionstore.Entry, error) {
		found, err := m.next.ListSubject(ctx, subject)
		if end, ok := ends.get(subject); ok && err == nil && !end.After(time.Now()) {
			return nil, nil
		}
		return found, err
	}
}

// joinedList gives whoever asks for a list while another waits for the same one that answer.
func joinedList(m *mutated) {
	type flight struct {
		done  chan struct{}
		found []sessionstore.Entry
		err   error
	}
	var mu sync.Mutex
	flights := make(map[string]*flight)
	m.list = func(ctx context.Context, subject string) ([]sessionstore.Entry, error) {
		mu.Lock()
		f, ok := flights[subject]
		if !ok {
			f = &flight{done: make(chan struct{})}
			flights[subject] = f
		}
		mu.Unlock()
		if ok {
			<-f.done
			return slices.Clone(f.found), f.err
		}
		f.found, f.err = m.next.ListSubject(ctx, subject)
		pause(200 * time.Microsecond)
		mu.Lock()
		delete(flights, subject)
		mu.Unlock()
		close(f.done)
		return slices.Clone(f.found), f.err
	}
}

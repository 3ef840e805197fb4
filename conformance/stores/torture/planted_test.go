package torture

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/cloakroom-go/cloakroom/conformance/stores/internal/backends"
	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// A bug is what is wrong with a store. Its nil methods are right.
type bug struct {
	load   func(s *broken, ctx context.Context, id string) (sessionstore.Record, error)
	create func(s *broken, ctx context.Context, id string, r sessionstore.Record) error
	update func(s *broken, ctx context.Context, id string, old sessionstore.Version, r sessionstore.Record) error
	list   func(list []sessionstore.Entry) []sessionstore.Entry
	found  []string // one of these violations has to be found, and ends the run
	slow   bool     // it takes a minute or more to be found
	needs  string   // a server that fails
}

// planted are the bugs by name.
var planted = map[string]*bug{
	"a blind write": {
		update: func(s *broken, ctx context.Context, id string, old sessionstore.Version, r sessionstore.Record) error {
			err := s.Store.Update(ctx, id, old, r)
			for errors.Is(err, sessionstore.ErrConflict) {
				var there sessionstore.Record
				if there, err = s.Store.Load(ctx, id); err == nil {
					err = s.Store.Update(ctx, id, there.Version, r)
				}
			}
			return err
		},
		found: []string{"lost"},
	},
	"an update that creates": {
		update: func(s *broken, ctx context.Context, id string, old sessionstore.Version, r sessionstore.Record) error {
			err := s.Store.Update(ctx, id, old, r)
			if errors.Is(err, sessionstore.ErrNotFound) {
				err = s.Store.Create(ctx, id, r)
			}
			return err
		},
		found: []string{"resurrected"}, slow: true,
	},
	"an error that is ignored": {
		update: func(s *broken, ctx context.Context, id string, old sessionstore.Version, r sessionstore.Record) error {
			err := s.Store.Update(ctx, id, old, r)
			if !sessionstore.Certain(err) {
				return nil
			}
			return err
		},
		found: []string{"lost", "signed out", "resurrected"}, needs: "redis",
	},
	"an outage that is no session": {
		load: func(s *broken, ctx context.Context, id string) (sessionstore.Record, error) {
			r, err := s.Store.Load(ctx, id)
			if !sessionstore.Certain(err) {
				return r, sessionstore.ErrNotFound
			}
			return r, err
		},
		found: []string{"signed out"}, needs: "redis",
	},
	"answers that are swapped": {
		load: func(s *broken, ctx context.Context, id string) (sessionstore.Record, error) {
			r, err := s.Store.Load(ctx, id)
			if err == nil && r.Subject != "" {
				s.mu.Lock()
				defer s.mu.Unlock()
				if s.last.Subject != "" && rand.IntN(20) == 0 {
					r, s.last = s.last, r
				} else {
					s.last = r
				}
			}
			return r, err
		},
		found: []string{"crossed", "signed out", "lost"},
	},
	"a list that is incomplete": {
		list: func(list []sessionstore.Entry) []sessionstore.Entry {
			return slices.DeleteFunc(list, func(sessionstore.Entry) bool { return rand.IntN(3) == 0 })
		},
		found: []string{"resurrected", "lost"},
	},
	"a write that is acknowledged and not made": {
		update: func(s *broken, ctx context.Context, id string, old sessionstore.Version, r sessionstore.Record) error {
			if rand.IntN(20) == 0 {
				return nil
			}
			return s.Store.Update(ctx, id, old, r)
		},
		found: []string{"lost", "signed out", "resurrected", "twice"}, // a change, a login, an end, a message
	},
	"a session that is not written and has a ticket": {
		create: func(s *broken, ctx context.Context, id string, r sessionstore.Record) error {
			if rand.IntN(5) == 0 {
				return nil
			}
			return s.Store.Create(ctx, id, r)
		},
		found: []string{"lost"},
	},
	"an error that is an empty session": {
		load: func(s *broken, ctx context.Context, id string) (sessionstore.Record, error) {
			r, err := s.Store.Load(ctx, id)
			if !sessionstore.Certain(err) {
				return sessionstore.Record{Expires: time.Now().Add(time.Hour), Version: 1}, nil
			}
			return r, err
		},
		found: []string{"signed out"}, needs: "redis",
	},
	"a read from a replica that is behind": {
		load: func(s *broken, ctx context.Context, id string) (sessionstore.Record, error) {
			r, err := s.Store.Load(ctx, id)
			s.mu.Lock()
			defer s.mu.Unlock()
			if old, ok := s.old[id]; ok && err == nil && rand.IntN(10) == 0 {
				return old, nil
			}
			if err == nil {
				s.old[id] = r
			}
			return r, err
		},
		found: []string{"lost", "signed out", "resurrected"},
	},
}

// broken is a store with a bug.
type broken struct {
	sessionstore.Store

	bug *bug

	mu   sync.Mutex
	last sessionstore.Record
	old  map[string]sessionstore.Record
}

func (s *broken) Unwrap() sessionstore.Store { return s.Store }

func (s *broken) Load(ctx context.Context, id string) (sessionstore.Record, error) {
	if s.bug.load != nil {
		return s.bug.load(s, ctx, id)
	}
	return s.Store.Load(ctx, id)
}

func (s *broken) Create(ctx context.Context, id string, r sessionstore.Record) error {
	if s.bug.create != nil {
		return s.bug.create(s, ctx, id, r)
	}
	return s.Store.Create(ctx, id, r)
}

func (s *broken) Update(ctx context.Context, id string, old sessionstore.Version, r sessionstore.Record) error {
	if s.bug.update != nil {
		return s.bug.update(s, ctx, id, old, r)
	}
	return s.Store.Update(ctx, id, old, r)
}

func (s *broken) Touch(ctx context.Context, id string, version sessionstore.Version, expires time.Time) error {
	return sessionstore.Touch(ctx, s.Store, id, version, expires)
}

func (s *broken) ListSubject(ctx context.Context, subject string) ([]sessionstore.Entry, error) {
	list, err := sessionstore.ListSubject(ctx, s.Store, subject)
	if s.bug.list != nil {
		list = s.bug.list(list)
	}
	return list, err
}

func (s *broken) DeleteSubject(ctx context.Context, subject string) (int, error) {
	return sessionstore.DeleteSubject(ctx, s.Store, subject)
}

// TestPlantedBugsAreFound runs the visitors on stores that are broken.
//
//nolint:paralleltest // each keeps the machine busy
func TestPlantedBugsAreFound(t *testing.T) {
	_, measured := howLong(t)
	for name, bug := range planted {
		if bug.slow && !measured {
			continue
		}
		t.Run(name, func(t *testing.T) {
			backend := bug.needs
			if backend == "" {
				backend = "sqlite"
			}
			// Somebody who has signed out everywhere does not wonder at a session that is gone. A
			// while after the beginning nearly everybody has, so that some bugs are found then or not
			// at all: another run begins anew. A busy machine does little in a second.
			const runs = 10
			long, found := 30*time.Second, false
			if bug.slow {
				long = 5 * time.Minute
			}
			for n := 0; n < runs && !found && !t.Failed(); n++ {
				t.Run(strconv.Itoa(n), func(t *testing.T) {
					r := tortured(t, backends.Named(t, backend), name)
					r.enough = bug.found
					r.torture(long)
					found = r.noticed.Load()
					t.Logf("found: %v", r.kinds())
				})
			}
			if !found {
				t.Errorf("nobody has noticed, want one of %v", bug.found)
			}
		})
	}
}

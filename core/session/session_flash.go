package session

import (
	"context"
	"slices"
)

// A Flash is a message for the visitor's next page.
type Flash struct {
	Category string // "success" or "error", for instance
	Message  string
}

// Flash leaves a message for the next page that the visitor sees. Messages are not
// values: Clear leaves them. Those that nobody reads count for [Options].MaxSize.
func (s *Session) Flash(category, message string) {
	s.change(func(v *view) error {
		v.flashes = append(v.flashes, Flash{category, message})
		return nil
	})
}

// Flashes takes the messages of some categories, oldest first; of all if none is named.
// Each message is read once: if several requests ask at the same time, one of them gets
// it. That has to be certain before it is shown, so Flashes commits the session if there
// is a message. It returns the error of [Session.Commit]. The messages are then there for
// another request, unless the outcome is unknown. A request whose answer no visitor sees,
// HEAD or a prefetch, takes none; see [Speculative].
func (s *Session) Flashes(ctx context.Context, categories ...string) ([]Flash, error) {
	wanted := func(f Flash) bool { return len(categories) == 0 || slices.Contains(categories, f.Category) }
	if Speculative(s.x.r) {
		return nil, nil
	}
	s.mu.Lock()
	if !slices.ContainsFunc(s.cur.flashes, wanted) {
		s.mu.Unlock()
		return nil, nil
	}
	var taken []Flash
	var from publicID
	s.changeLocked(func(v *view) error {
		taken, from = nil, v.id // what was taken before a conflict, another request may have
		v.flashes = slices.DeleteFunc(v.flashes, func(f Flash) bool {
			if wanted(f) {
				taken = append(taken, f)
				return true
			}
			return false
		})
		return nil
	})
	given := s.givenUp
	s.mu.Unlock()
	err := s.Commit(ctx)
	s.commitMu.Lock() // a commit that is under way may be taking them
	defer s.commitMu.Unlock()
	if err == nil {
		return taken, nil
	}
	if s.givenUp != given { // with all that the request has changed: the session is as it is stored
		return nil, err
	}
	s.change(func(v *view) error {
		if v.id == from {
			v.flashes = slices.Concat(taken, v.flashes)
		}
		return nil
	})
	return nil, err
}

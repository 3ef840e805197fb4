package main

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/cloakroom-go/cloakroom/core/session"
)

// A journal remembers what has happened to sessions lately, for the
// administrator's page. It is safe for concurrent use.
type journal struct {
	mu     sync.Mutex
	events []happened
}

type happened struct {
	session.Event

	At time.Time
}

const journalLength = 20

// note is what Options.OnEvent calls: it holds a visitor up, so it is short.
func (j *journal) note(_ context.Context, e session.Event) {
	if e.Kind == session.EventConflict { // as it should be, and often
		return
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if len(j.events) == journalLength {
		j.events = slices.Delete(j.events, 0, 1)
	}
	j.events = append(j.events, happened{e, time.Now()})
}

// latest returns the events, the latest first.
func (j *journal) latest() []happened {
	j.mu.Lock()
	defer j.mu.Unlock()
	events := slices.Clone(j.events)
	slices.Reverse(events)
	return events
}

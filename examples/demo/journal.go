package main

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/cloakroom-go/cloakroom/core/dbsc"
	"github.com/cloakroom-go/cloakroom/core/session"
)

// A journal remembers what has happened to sessions lately, for the
// administrator's page. It is safe for concurrent use.
type journal struct {
	mu     sync.Mutex
	events []happened
}

type happened struct {
	Kind    fmt.Stringer
	Reason  session.EndReason
	ID      string
	Subject string
	Actor   string // who acts as Subject, if it is somebody else
	At      time.Time
}

const journalLength = 20

// note is what Options.OnEvent calls: it holds a visitor up, so it is short.
func (j *journal) note(_ context.Context, e session.Event) {
	if e.Kind == session.EventConflict { // as it should be, and often
		return
	}
	j.add(happened{Kind: e.Kind, Reason: e.Reason, ID: e.ID, Subject: e.Subject, Actor: e.Actor})
}

// noteBinding is note for what happens to sessions that are bound to a device.
func (j *journal) noteBinding(_ context.Context, e dbsc.Event) {
	j.add(happened{Kind: e.Kind, ID: e.ID, Subject: e.Subject})
}

func (j *journal) add(h happened) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if len(j.events) == journalLength {
		j.events = slices.Delete(j.events, 0, 1)
	}
	h.At = time.Now()
	j.events = append(j.events, h)
}

// latest returns the events, the latest first.
func (j *journal) latest() []happened {
	j.mu.Lock()
	defer j.mu.Unlock()
	events := slices.Clone(j.events)
	slices.Reverse(events)
	return events
}

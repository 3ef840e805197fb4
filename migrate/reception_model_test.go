package migrate_test

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cloakroom-go/cloakroom/core/memstore"
	"github.com/cloakroom-go/cloakroom/core/session"
	"github.com/cloakroom-go/cloakroom/migrate"
)

var (
	histories    = flag.Uint64("histories", 0, "how many histories of each kind; 0: as many as usual")
	firstHistory = flag.Uint64("history", 0, "the seed of the first history")
)

// A model is browsers with several tabs that move in. Two processes of the site share a
// store, the old application runs beside them, answers are late or lost, and servers are
// down. Wherever something else may come first, a history stops: in a storm for a while, so
// that all goes on at once; in turns until it is chosen, so that anything overtakes anything.
type model struct {
	t        *testing.T
	turns    bool
	site     modelSite
	began    time.Time
	mem      *memstore.Store
	records  sync.Map // over there, by key
	express  migrate.Express
	managers []*session.Manager
	handlers []http.Handler
	browsers []*modelBrowser
	late     sync.WaitGroup // what nobody waits for
	open     atomic.Int32   // requests that are under way
	calm     atomic.Bool    // nothing fails, and nothing stops

	mu       sync.Mutex
	random   *rand.Rand
	stopped  []chan<- struct{} // until each is closed
	users    map[string]string // over there, by cookie
	requests []*modelRequest
	trace    []string
	faults   []string
}

func (m *model) n(n int) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.random.IntN(n)
}

// one is true once in n times, but never if n is 0 or all is calm.
func (m *model) one(n int) bool { return n > 0 && !m.calm.Load() && m.n(n) == 0 }

func (m *model) faultf(format string, args ...any) {
	m.faults = append(m.faults, fmt.Sprintf(format, args...))
}

// stop is where others may come first.
func (m *model) stop(ctx context.Context, longest time.Duration) {
	if m.calm.Load() {
		return
	}
	turn := make(chan struct{})
	if m.turns {
		m.mu.Lock()
		m.stopped = append(m.stopped, turn)
		m.mu.Unlock()
	} else {
		microseconds := m.n(int(longest/time.Microsecond) + 1)
		time.AfterFunc(time.Duration(microseconds)*time.Microsecond+time.Nanosecond, func() { close(turn) })
	}
	select {
	case <-ctx.Done():
	case <-turn:
	}
}

// wait is stop, and once in so many times for long.
func (m *model) wait(short time.Duration, one int, long time.Duration) {
	m.stop(m.t.Context(), short)
	if m.one(one) {
		m.stop(m.t.Context(), long)
	}
}

// goOn has one of those go on that wait for their turn. Time passes in a storm, while no request
// is under way, or if nobody waits for a turn.
func (m *model) goOn() {
	<-time.After(time.Microsecond) // everything has stopped then, and no two things happen at one time
	m.mu.Lock()
	n := len(m.stopped)
	m.mu.Unlock()
	switch {
	case !m.turns:
		<-time.After(time.Minute)
	case n == 0:
		<-time.After(50 * time.Millisecond)
	case m.open.Load() == 0 && m.one(4):
		<-time.After(40 * time.Second)
	default:
		i := m.n(n)
		m.mu.Lock()
		defer m.mu.Unlock()
		close(m.stopped[i])
		m.stopped = slices.Delete(m.stopped, i, i+1)
	}
}

// play plays the history of a seed, and looks at what is left when all is calm.
func play(t *testing.T, seed uint64, turns bool) *model {
	t.Helper()
	m := &model{
		t: t, turns: turns, random: rand.New(rand.NewPCG(seed, 0)), began: time.Now(), mem: memstore.New(memstore.Options{}),
		users: map[string]string{},
	}
	m.express = migrate.Express{Keys: []string{"a secret"}, Records: modelRecords{m}}
	m.site = m.newSite()
	key := session.GenerateKey()
	m.start(key)
	m.start(key)
	for number := range m.site.browsers {
		m.newBrowser(number)
	}
	var tabs sync.WaitGroup
	for _, b := range m.browsers {
		for range m.site.tabs {
			tabs.Go(b.tab)
			synctest.Wait() // the dice are thrown in the same order each time
		}
	}
	var done atomic.Bool
	go func() {
		tabs.Wait()
		m.late.Wait()
		done.Store(true)
	}()
	for !done.Load() {
		m.goOn()
	}
	<-time.After(2 * time.Minute)
	m.calm.Store(true)
	for _, b := range m.browsers {
		b.send("view", "")
		b.send("add", b.item())
		b.send("view", "")
	}
	m.judge()
	return m
}

// TestModelOfMovingIn has nobody signed out by an outage or a lost answer, and nobody in after
// an end that was answered; nobody sees what is another's, and no change is lost that was answered.
func TestModelOfMovingIn(t *testing.T) {
	t.Parallel()
	for kind, usual := range map[string]uint64{"turns": 1000, "storms": 200} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			for i := range cmp.Or(*histories, usual) {
				seed := *firstHistory + i
				var m *model
				synctest.Test(t, func(t *testing.T) { m = play(t, seed, kind == "turns") })
				if len(m.faults) == 0 {
					continue
				}
				t.Errorf("-history %d: %+v\n%s", seed, m.site, strings.Join(m.faults, "\n"))
				for _, q := range m.requests {
					t.Log(q)
				}
				t.Fatal("\n" + strings.Join(m.trace, "\n"))
			}
		})
	}
}

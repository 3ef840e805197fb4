package migrate_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cloakroom-go/cloakroom/core/memstore"
	"github.com/cloakroom-go/cloakroom/core/session"
	"github.com/cloakroom-go/cloakroom/migrate"
)

var (
	storms     = flag.Int("storms", 200, "how many storms")
	firstStorm = flag.Uint64("storm", 0, "the seed of the first storm")
)

// A storm is some browsers with several tabs, two processes that share a store, and the old
// application beside them, while answers are lost and servers are down.
type storm struct {
	t        *testing.T
	dice     *dice
	site     stormSite
	began    time.Time
	mem      *memstore.Store
	records  *stormRecords
	express  migrate.Express
	managers []*session.Manager
	handlers []http.Handler
	browsers []*stormBrowser
	late     sync.WaitGroup // what a store does late

	mu       sync.Mutex
	over     bool
	begun    int            // sessions over there
	signIns  map[string]int // over there, by subject
	requests []*stormRequest
	ends     []stormEnd
	faults   []string
}

// A stormEnd is one by an administrator.
type stormEnd struct {
	subject   string
	sent, end time.Time
}

func (w *storm) faulty(one int) bool {
	w.mu.Lock()
	over := w.over
	w.mu.Unlock()
	return !over && w.dice.one(one)
}

func (w *storm) faultf(format string, args ...any) {
	w.faults = append(w.faults, fmt.Sprintf(format, args...))
}

func (w *storm) endSubject(subject string) {
	e := stormEnd{subject: subject, sent: time.Now()}
	if _, err := w.managers[0].EndSubject(w.t.Context(), subject); err != nil {
		return
	}
	e.end = time.Now()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ends = append(w.ends, e)
}

func runStorm(t *testing.T, seed uint64) *storm {
	t.Helper()
	d := &dice{r: rand.New(rand.NewPCG(seed, 0))}
	w := &storm{t: t, dice: d, site: newStormSite(d), began: time.Now(), mem: memstore.New(memstore.Options{}), signIns: map[string]int{}}
	w.records = &stormRecords{w: w, m: map[string]string{}}
	w.express = migrate.Express{Keys: []string{"a secret"}, Records: w.records}
	key := session.GenerateKey()
	w.start(key)
	w.start(key)
	var tabs sync.WaitGroup
	for number := range 1 + d.n(2) {
		b := &stormBrowser{w: w, number: number, jar: map[string]string{}, user: "ann"}
		if w.site.anonymous > 0 && d.one(2) {
			b.user = ""
		}
		b.jar[oldCookie] = w.begin(b.user, b.item())
		w.browsers = append(w.browsers, b)
		for range 2 + d.n(3) {
			steps := 3 + d.n(10)
			tabs.Go(func() { b.tab(steps) })
		}
	}
	tabs.Wait()
	w.late.Wait()
	<-time.After(2 * time.Minute)
	w.mu.Lock()
	w.over = true
	w.mu.Unlock()
	for _, b := range w.browsers {
		b.send("view", "", true)
		b.send("add", b.item(), true)
		b.send("view", "", true)
	}
	w.judge()
	return w
}

// TestStormsOfMovingIn has nobody signed out by an outage or a lost answer, and nobody in after
// an end that was answered; nobody sees what is another's, and no change is lost that was answered.
func TestStormsOfMovingIn(t *testing.T) {
	t.Parallel()
	for seed := *firstStorm; seed < *firstStorm+uint64(*storms); seed++ {
		var w *storm
		synctest.Test(t, func(t *testing.T) { w = runStorm(t, seed) })
		if len(w.faults) == 0 {
			continue
		}
		t.Errorf("-storm %d: %+v\n%s", seed, w.site, strings.Join(w.faults, "\n"))
		for _, q := range w.requests {
			t.Log(q)
		}
		break
	}
}

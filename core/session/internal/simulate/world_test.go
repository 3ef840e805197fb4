package simulate_test

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/cloakroom-go/cloakroom/core/session"
)

// A world is one run: what there is, and the scheduler that decides what happens
// next. It lives in a bubble of synctest, whose time passes when the scheduler
// says so.
type world struct {
	plan plan
	rng  *rand.Rand
	step int // orders what happens

	store   *store
	servers []*server
	clients []*client
	tasks   []*task
	dropped []string   // tickets of answers that were lost
	answers []*request // that are on their way to the browser
	issued  int        // requests that count for the plan
	sent    int        // all
	orders  int        // of administrators

	judge *judge
	trace *trace

	mu       sync.Mutex // see fence
	onServer sync.Map   // from the goroutine that runs there to the server
}

// A server is one process: two Managers of the same options, one of them for
// clients that carry their ticket in a header field.
type server struct {
	name           string
	keyless        bool          // it does not know the newest key
	ahead          time.Duration // its clock, of the store's
	options        session.Options
	cookie, header *session.Manager
}

// manager returns the Manager for a client.
func (s *server) manager(c *client) *session.Manager {
	if c.plan.header {
		return s.header
	}
	return s.cookie
}

const ticketHeader = "Ticket"

func newWorld(seed uint64, requests int, traced bool) *world {
	w := &world{
		plan: newPlan(rand.New(rand.NewPCG(seed, 1))),
		rng:  rand.New(rand.NewPCG(seed, 2)),
	}
	if requests > 0 {
		w.plan.requests = requests
	}
	w.trace = &trace{start: time.Now(), on: traced, records: names{}, tickets: names{}, ids: names{}}
	if setClock != nil {
		setClock(w.now)
	}
	w.store = newStore(w)
	w.judge = newJudge(w)
	for i := range w.plan.servers {
		s := w.newServer(fmt.Sprintf("server%d", i), w.plan.servers[i])
		if w.plan.apart > 0 {
			s.ahead = w.plan.clocks[i]
		}
		w.describe(s)
		w.servers = append(w.servers, s)
	}
	for i, p := range w.plan.clients {
		w.clients = append(w.clients, &client{name: fmt.Sprintf("%s@%d", p.account, i), plan: p, agent: fmt.Sprintf("browser %d", i)})
	}
	return w
}

func (w *world) newServer(name string, o session.Options) *server {
	s := &server{name: name, options: o, keyless: len(o.Keys) < len(testKeys)}
	o.Logger = slog.New(taskLog{})
	o.OnEvent = func(ctx context.Context, e session.Event) {
		taskOf(ctx).notef("event: %v %s %s %s", e.Kind, e.ID, e.Subject, e.Reason)
	}
	s.cookie = w.manager(o)
	o.Header, o.Cookie = ticketHeader, session.Cookie{}
	s.header = w.manager(o)
	return s
}

func (w *world) describe(s *server) {
	o := s.options
	w.trace.eventf(s.name, "clock %v ahead, "+
		"renew every %v, idle %v, absolute %v, at most %d, refuse %v, binding %v, sealed %v, persistent %v",
		s.ahead, o.RenewEvery, o.IdleTimeout, o.AbsoluteTimeout, o.MaxSessions, o.RefuseNew, o.Binding.UserAgent, o.Sealer != nil,
		o.Cookie.Persistent)
}

func (w *world) manager(o session.Options) *session.Manager {
	m, err := session.New(w.store, o)
	if err != nil {
		panic(err)
	}
	return m
}

package simulate_test

import (
	"math/rand/v2"
	"net/http"
	"time"

	"github.com/cloakroom-go/cloakroom/core/session"
)

// A plan is what a seed decides before anything happens. Each run has a few
// features only, so that each gets its share of attention.
type plan struct {
	requests int
	orders   int  // of administrators
	endAll   bool // they do nothing else
	clients  []clientPlan
	servers  []session.Options
	kinds    []weighted[kind]
	ticks    []time.Duration // by how much the time goes on at once

	// Probabilities.
	fault   map[verdict]float64 // of a store's call
	twice   float64             // of a request that is sent again, after which the first is cancelled
	lost    float64             // of an answer
	cancel  float64             // of a request whose client goes away
	timeout float64             // of an http.TimeoutHandler around a request
	damage  float64             // of a step that spoils a record
	hurry   int                 // how much sooner answers arrive than others get on

	clocks []time.Duration // how far that of each server is ahead of the store's
	apart  time.Duration   // how far two clocks are apart at most

	mixedSealer bool
	keyless     int // a server that does not know the newest key, 0: none
}

// A clientPlan describes a visitor.
type clientPlan struct {
	account  string
	tabs     int
	script   []kind // what the visitor does in this order; nil: as it comes
	before   []kind // what the visitor does before anything goes wrong
	header   bool   // an API client, which keeps its ticket itself
	stubborn bool   // and never takes another than that of a login
	paths    bool   // a browser that has two cookies of the name some day
	thief    theft
}

// A theft says which ticket of the first visitor's somebody else has as well.
type theft int

const (
	honest  theft = iota
	fixed         // one from before the login, which may be of the thief's own making
	retired       // one that the visitor's browser has replaced
	stale         // likewise, once its grace is over
	banked        // one that has never reached the visitor
	current       // whichever the visitor has
)

type weighted[T any] struct {
	weight int
	value  T
}

func choose[T any](rng *rand.Rand, from []weighted[T]) T {
	total := 0
	for _, x := range from {
		total += x.weight
	}
	n := rng.IntN(total)
	for _, x := range from {
		if n -= x.weight; n < 0 {
			return x.value
		}
	}
	panic("not reached")
}

func pick[T any](rng *rand.Rand, from ...T) T { return from[rng.IntN(len(from))] }

func chance(rng *rand.Rand, p float64) bool { return rng.Float64() < p }

// Times that runs use. Those that the package fixes are ten minutes.
const (
	callTakes     = time.Millisecond       // a call of the store
	quantum       = 250 * time.Millisecond // over the longest back-off
	renewGrace    = 30 * time.Second
	lasting       = 10 * time.Minute
	lateAtMost    = 10 * time.Second // is a write that lands after its caller has given up
	shortAbsolute = 20 * time.Minute
	remembered    = 40 * time.Minute // is a visitor who wants to be
	shortIdle     = 2 * time.Minute  // that a session is given
	patience      = 8 * time.Minute  // after which a browser has given an answer up
)

var testKeys = [][]byte{
	[]byte("a key of the simulation, and it is long enough"), []byte("another key of it, which is as long as the first"),
}

func newPlan(rng *rand.Rand) plan {
	p := plan{
		requests: 4 + rng.IntN(16),
		fault:    make(map[verdict]float64),
		ticks:    []time.Duration{quantum},
		hurry:    pick(rng, 1, 3, 10),
	}
	p.planClients(rng)
	p.planServers(rng)
	p.planKinds(rng)
	if chance(rng, 0.5) { // else the store is well
		for _, v := range []verdict{refused, unheard, later, resent, stalls} {
			if chance(rng, 0.4) {
				p.fault[v] = pick(rng, 0.02, 0.05, 0.15)
			}
		}
	}
	for _, d := range []time.Duration{
		time.Second, 5 * time.Second, renewGrace / 2, renewGrace + time.Second, time.Minute, 3 * time.Minute, lasting + time.Minute,
	} {
		if chance(rng, 0.3) {
			p.ticks = append(p.ticks, d)
		}
	}
	if chance(rng, 0.3) {
		p.orders = 1 + rng.IntN(4)
	}
	sometimes(rng, &p.twice, 0.2, 0.5)
	sometimes(rng, &p.lost, 0.1, 0.3)
	sometimes(rng, &p.cancel, 0.1, 0.3)
	if chance(rng, 0.2) {
		p.timeout = 0.3
	}
	if chance(rng, 0.1) {
		p.damage = 0.02
	}
	if chance(rng, 0.2) {
		p.planThief(rng)
	}
	if p.servers[0].AbsoluteTimeout == shortAbsolute {
		p.ticks = append(p.ticks, 3*time.Minute, lasting+time.Minute)
	}
	p.dwell(rng)
	if setClock != nil {
		p.planClocks(rng)
	}
	// Without a draw of its own, so that the other seeds' runs stay as they were.
	if p.apart == 0 && p.requests%8 == 3 {
		p.planActing(rng)
	}
	return p
}

// planThief adds somebody with a ticket of the first visitor's, whose browser moves on.
func (p *plan) planThief(rng *rand.Rand) {
	p.clients = append(p.clients, clientPlan{
		account: "eve", tabs: 1, header: p.clients[0].header,
		thief: pick(rng, fixed, fixed, retired, stale, stale, banked, banked, current),
	})
	p.clients[0].before = []kind{write, login, visit}
	p.kinds = append(p.kinds, weighted[kind]{2, renew})
	p.ticks = append(p.ticks, renewGrace+time.Second)
	p.requests += 6
	if p.clients[len(p.clients)-1].thief == banked {
		p.lost = max(p.lost, 0.5)
		p.ticks = append(p.ticks, lasting+time.Minute)
	}
}

func sometimes(rng *rand.Rand, p *float64, values ...float64) {
	if chance(rng, 0.5) {
		*p = pick(rng, values...)
	}
}

func (p *plan) planClients(rng *rand.Rand) {
	for i := range pick(rng, 1, 1, 2, 3) {
		account := "ann"
		if i > 0 && chance(rng, 0.4) {
			account = "bob"
		}
		header := chance(rng, 0.2)
		p.clients = append(p.clients, clientPlan{
			account: account, tabs: 1 + rng.IntN(4), header: header, stubborn: chance(rng, 0.05), paths: !header && chance(rng, 0.05),
			before: pick(rng, nil, []kind{write}, []kind{login}, []kind{write, login}, []kind{login, visit}),
		})
	}
}

// planServers makes one server, or a few between which a deployment changes an
// option.
func (p *plan) planServers(rng *rand.Rand) {
	base := session.Options{
		Keys:            testKeys,
		Passive:         []func(*http.Request) bool{session.SkipHeader("Passive", "*")},
		IdleTimeout:     pick(rng, 10*time.Minute, 20*time.Minute),
		AbsoluteTimeout: pick(rng, shortAbsolute, time.Hour, 24*time.Hour),
		MaxSessions:     pick(rng, 0, 0, 1, 2, 3),
		Cookie:          session.Cookie{Persistent: chance(rng, 0.3)},
	}
	base.Cookie.SameSite = pick(rng, http.SameSiteLaxMode, http.SameSiteLaxMode, http.SameSiteNoneMode)
	base.RefuseNew = base.MaxSessions > 0 && chance(rng, 0.3)
	renew := func(o *session.Options) {
		o.RenewEvery, o.RenewGrace = pick(rng, time.Minute, 5*time.Minute), renewGrace
	}
	if chance(rng, 0.6) {
		renew(&base)
	}
	seal := func(o *session.Options) {
		var err error
		if o.Sealer, err = session.NewSealer(testKeys[0]); err != nil {
			panic(err)
		}
	}
	if chance(rng, 0.1) {
		seal(&base)
	}
	if chance(rng, 0.1) {
		base.Binding.UserAgent = true
	}
	p.servers = append(p.servers, base)
	for chance(rng, 0.4) && len(p.servers) < 3 {
		o := base
		switch rng.IntN(10) {
		case 0:
			o.RenewEvery, o.RenewGrace = 0, 0
		case 1:
			renew(&o)
		case 2:
			o.Keys = [][]byte{testKeys[1], testKeys[0]}
		case 3:
			o.Binding.UserAgent = !o.Binding.UserAgent
		case 4:
			o.IdleTimeout = pick(rng, 10*time.Minute, 20*time.Minute)
		case 5:
			if o.Sealer == nil {
				seal(&o)
			} else {
				o.Sealer = nil
			}
			p.mixedSealer = true
		case 6:
			if base.RefuseNew {
				continue
			}
			o.MaxSessions = pick(rng, 0, 1, 2)
		case 7:
			o.Cookie.Persistent = !o.Cookie.Persistent
		case 8:
			if p.keyless == 0 {
				o.Keys, p.keyless = testKeys[1:], len(p.servers)
			}
		case 9:
			o.AbsoluteTimeout = pick(rng, shortAbsolute, time.Hour)
		}
		p.servers = append(p.servers, o)
	}
}

func (p *plan) planKinds(rng *rand.Rand) {
	p.kinds = []weighted[kind]{{1, visit}, {1 + rng.IntN(3), write}, {1 + rng.IntN(3), login}}
	for _, k := range kinds {
		if chance(rng, 0.35) {
			p.kinds = append(p.kinds, weighted[kind]{1 + rng.IntN(3), k})
		}
	}
}

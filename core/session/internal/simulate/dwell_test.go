package simulate_test

import (
	"math/rand/v2"
	"time"

	"github.com/cloakroom-go/cloakroom/core/session"
)

// dwell has some runs dwell on what chance alone would seldom bring together.
func (p *plan) dwell(rng *rand.Rand) {
	choose(rng, []weighted[func(*rand.Rand)]{
		{33, func(*rand.Rand) {}},
		{5, p.repeatingDriver},
		{5, p.slowReaders},
		{5, p.hangingStore},
		{2, p.lateCreates},
		{2, p.staleLogout},
		{2, p.passiveLooks},
		{2, p.longStream},
		{2, p.lostLogins},
		{2, p.shorterAbsolute},
	})(rng)
}

// undisturbed takes out what would only be in the way.
func (p *plan) undisturbed() {
	p.fault = nil
	p.twice, p.lost, p.cancel, p.timeout, p.damage, p.orders = 0, 0, 0, 0, 0, 0
}

// only has one visitor, whose browser is like any other.
func (p *plan) only(tabs int, before ...kind) *clientPlan {
	p.clients = []clientPlan{{account: "ann", tabs: tabs, header: p.clients[0].header, before: before}}
	return &p.clients[0]
}

// repeatingDriver is one that repeats what is not answered, under a session that many
// write to.
func (p *plan) repeatingDriver(*rand.Rand) {
	p.clients[0].tabs, p.clients[0].before = 4, []kind{login, visit}
	p.fault = map[verdict]float64{resent: 0.3}
	p.kinds = []weighted[kind]{{4, write}, {1, visit}, {1, renew}, {1, kindNamed("leave message")}, {1, kindNamed("read messages")}}
}

// slowReaders are slower than a timeout that has become shorter.
func (p *plan) slowReaders(*rand.Rand) {
	p.clients = p.clients[:1]
	p.clients[0].tabs, p.clients[0].before = 4, []kind{login, visit}
	p.clients[0].script = []kind{kindNamed("slow read"), kindNamed("slow read"), kindNamed("public computer"), visit, visit}
	p.ticks = []time.Duration{time.Minute, 3 * time.Minute}
	p.lost, p.cancel, p.orders, p.requests = 0, 0, 0, len(p.clients[0].script)
}

// hangingStore is asked for lists.
func (p *plan) hangingStore(*rand.Rand) {
	p.fault = map[verdict]float64{stalls: 0.1}
	p.orders = 4
}

// lateCreates land when everybody's session has ended.
func (p *plan) lateCreates(*rand.Rand) {
	p.undisturbed()
	p.only(3)
	p.fault = map[verdict]float64{later: 0.3}
	p.kinds = []weighted[kind]{{2, write}, {2, login}, {1, visit}}
	p.orders, p.endAll, p.requests = 6, true, 20
	p.ticks = []time.Duration{quantum}
}

// staleLogout signs out with a ticket that was replaced long ago.
func (p *plan) staleLogout(*rand.Rand) {
	p.undisturbed()
	p.only(1, login, visit, renew, visit)
	p.clients = append(p.clients, clientPlan{
		account: "eve", tabs: 1, header: p.clients[0].header, thief: stale, script: []kind{kindNamed("logout")},
	})
	p.kinds = []weighted[kind]{{1, visit}}
	p.ticks = []time.Duration{renewGrace + time.Second}
}

// passiveLooks are all that a session gets.
func (p *plan) passiveLooks(*rand.Rand) {
	p.undisturbed()
	p.only(1, login, visit)
	p.kinds = []weighted[kind]{{4, kindNamed("peek")}, {1, visit}}
	p.ticks = []time.Duration{3 * time.Minute, 5 * time.Minute}
}

// longStream looks again when its ticket was replaced.
func (p *plan) longStream(*rand.Rand) {
	p.undisturbed()
	p.only(3, login, visit).script = []kind{kindNamed("reload"), renew, visit, visit}
	p.requests = 8
}

// lostLogins take nobody's place.
func (p *plan) lostLogins(rng *rand.Rand) {
	p.undisturbed()
	p.only(1)
	p.clients = append(p.clients, p.clients[0])
	for i := range p.servers {
		o := &p.servers[i]
		o.MaxSessions, o.RefuseNew = 1, true
		o.IdleTimeout, o.AbsoluteTimeout = 20*time.Minute, time.Hour
	}
	p.lost = 0.5
	p.kinds = []weighted[kind]{{3, login}, {1, visit}, {1, kindNamed("logout")}}
	p.ticks = []time.Duration{pick(rng, time.Minute, 5*time.Minute), lasting + time.Minute}
}

// shorterAbsolute is a deployment that makes AbsoluteTimeout shorter.
func (p *plan) shorterAbsolute(*rand.Rand) {
	p.undisturbed()
	p.only(2, login, visit)
	p.servers = p.servers[:1]
	p.servers[0].IdleTimeout, p.servers[0].AbsoluteTimeout = 10*time.Minute, time.Hour
	shorter := p.servers[0]
	shorter.AbsoluteTimeout = shortAbsolute
	p.servers = append([]session.Options{shorter}, p.servers...)
	p.keyless, p.mixedSealer = 0, false
	p.kinds = []weighted[kind]{{3, visit}, {1, write}}
	p.ticks, p.requests = []time.Duration{3 * time.Minute}, 20
}

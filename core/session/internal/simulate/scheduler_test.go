package simulate_test

import (
	"slices"
	"testing/synctest"
	"time"
)

// run lets things happen until all requests are over, and then looks at what is
// left.
func (w *world) run() {
	w.warmUp()
	const tooLong = 20_000
	for w.judge.ok() {
		w.rest()
		if w.over() {
			break
		}
		if w.step > tooLong {
			w.judge.violatedf("livelock", "the run does not come to an end")
			return
		}
		w.next()
	}
	if w.judge.ok() {
		w.finish()
	}
}

// warmUp brings some visitors in before anything goes wrong.
func (w *world) warmUp() {
	calm := w.plan
	calm.fault, calm.lost, calm.cancel, calm.twice, calm.timeout, calm.damage = nil, 0, 0, 0, 0, 0
	calm.ticks, calm.requests, calm.orders = []time.Duration{quantum}, 0, 0
	whole := w.plan
	w.plan = calm
	for _, c := range w.clients {
		for _, k := range c.plan.before {
			if c.plan.thief == honest && w.judge.ok() {
				w.open(c, k)
				w.settle()
			}
		}
	}
	w.plan = whole
	w.issued = 0
}

// rest waits until everything has stopped.
func (w *world) rest() {
	synctest.Wait()
	w.step++
	for _, t := range w.tasks {
		w.trace.drain(t)
	}
	w.tasks = slices.DeleteFunc(w.tasks, func(t *task) bool { return !t.running })
}

func (w *world) over() bool {
	return w.issued >= w.plan.requests && len(w.tasks) == 0 && len(w.answers) == 0 && len(w.store.late) == 0
}

// next does one of the things that may happen.
func (w *world) next() {
	var ended []weighted[func()]
	var may []weighted[func()]
	add := func(weight int, f func()) { may = append(may, weighted[func()]{weight, f}) }
	asleep, calling := false, false
	for _, t := range w.tasks {
		switch {
		case t.sleeps():
			asleep = true
		case t.at.ended:
			ended = append(ended, weighted[func()]{1, func() { w.goOn(t) }})
		case t.ready():
			weight := 6
			if t.at.what == streams {
				weight = 1
			}
			add(weight, func() { w.goOn(t) })
			calling = calling || t.at.call != nil
		default:
			asleep = true
		}
	}
	if len(ended) > 0 { // a store may not take longer
		choose(w.rng, ended)()
		return
	}
	w.addBrowsers(add)
	for i := range w.store.late {
		add(1, func() { w.store.land(i) })
	}
	if w.orders < w.plan.orders {
		add(1, w.administer)
	}
	if w.plan.damage > 0 && chance(w.rng, w.plan.damage) {
		add(4, w.damage)
	}
	if asleep {
		add(3, func() { w.tick(quantum) })
	} else {
		add(1, func() { w.tick(quantum) })
	}
	if !calling && !asleep || len(may) == 0 || chance(w.rng, 0.02) {
		add(2, func() { w.tick(pick(w.rng, w.plan.ticks...)) })
	}
	choose(w.rng, may)()
}

// goOn lets a task go on, and decides how the store's call that it waits for goes.
func (w *world) goOn(t *task) {
	v := works
	at := t.at
	if at.call != nil && at.until.IsZero() {
		v = w.verdict(at)
	}
	name := at.what
	if at.call != nil {
		name = at.call.name(w.trace)
	}
	if at.again {
		name += " again"
	}
	if at.ended {
		name += " (out of time)"
	}
	if v != works || at.ended && at.call != nil {
		t.faults++
	}
	if v == stalls {
		at.until = time.Now().Add(time.Minute)
		w.trace.eventf(t.name, "%s: STALLS", name)
		return
	}
	w.trace.eventf(t.name, "%s: %v", name, v)
	if at.call != nil && !at.ended { // takes its time
		w.pass(callTakes)
	}
	t.resume(v)
}

func (w *world) verdict(at *stop) verdict {
	if at.ended {
		if chance(w.rng, w.plan.fault[later]) {
			return later
		}
		return works
	}
	for _, v := range []verdict{refused, unheard, later, resent, stalls} {
		if chance(w.rng, w.plan.fault[v]) && (v == refused || v == stalls || at.call.op != "Load" && at.call.op != "List") {
			return v
		}
	}
	return works
}

// tick lets the time go on, to a multiple of the quantum.
func (w *world) tick(d time.Duration) {
	now := time.Since(w.trace.start)
	d = (now + d).Truncate(quantum) - now
	if d <= 0 {
		d += quantum
	}
	for d > lateAtMost && len(w.store.late) > 0 {
		w.store.land(0)
	}
	if d > time.Second {
		w.trace.eventf("time", "+%v", d)
	}
	for _, t := range w.tasks {
		if t.at != nil && t.at.call != nil || t.sleeps() && d > quantum {
			t.waited += d
		}
	}
	w.pass(d)
	for _, t := range w.tasks {
		if t.overdue() {
			w.judge.violatedf("unbounded", "%s has waited for the store since %v", t.name, time.Since(t.inside))
		}
	}
	for _, q := range slices.Clone(w.answers) {
		if time.Since(q.sent) > patience {
			w.drop(q, "given up")
		}
	}
	for _, t := range w.tasks {
		if q := t.request; q != nil && !q.gone && t.at != nil && t.at.what == arrives && time.Since(q.sent) > patience {
			w.leave(q, "never arrives")
		}
	}
}

// pass lets the time go on. Who sleeps may wake up.
func (w *world) pass(d time.Duration) {
	w.fence()
	<-time.After(d)
	synctest.Wait()
}

// fence tells the race detector what the bubble's time orders: what the scheduler
// has read before it lets the time go on comes before what a task does that wakes up.
func (w *world) fence() {
	w.mu.Lock()
	w.mu.Unlock() //nolint:gocritic,staticcheck // it guards nothing
}

// damage spoils a record.
func (w *world) damage() {
	var all []*life
	for _, l := range w.judge.lives {
		if w.judge.surelyAlive(l) && l.record != "" {
			all = append(all, l)
		}
	}
	if len(all) > 0 {
		l := pick(w.rng, all...)
		l.damaged = true
		w.judge.mayEndNow(l, "damage")
		err := w.store.damage(l.record)
		w.trace.eventf("store", "damages %s, the record of %s: %v", w.trace.record(l.record), w.trace.session(l.id), err)
	}
}

// abandon lets everything come to its end, so that the bubble can be left.
func (w *world) abandon() {
	for _, q := range w.answers {
		q.cancel()
	}
	for w.rest(); len(w.tasks) > 0; w.rest() {
		for _, t := range w.tasks {
			if t.at != nil {
				t.resume(refused)
				synctest.Wait()
			}
		}
		w.fence()
		<-time.After(time.Minute)
	}
}

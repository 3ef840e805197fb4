package simulate_test

import (
	"context"
	"time"
)

// finish looks at what is left when all is quiet and the store is well: each
// visitor comes once more, and the lists are compared with what they see.
func (w *world) finish() {
	w.calm()
	for _, c := range w.clients {
		for _, k := range []kind{visit, kindNamed("read messages")} {
			if !w.judge.ok() {
				return
			}
			w.open(c, k)
			w.settle()
		}
	}
	for _, subject := range subjects {
		for _, s := range w.servers {
			w.list(s, subject)
		}
	}
}

func (w *world) calm() {
	w.trace.eventf("time", "the end: all is quiet now")
	w.plan.fault = nil
	w.plan.lost, w.plan.cancel, w.plan.twice, w.plan.timeout, w.plan.damage = 0, 0, 0, 0, 0
	w.issued, w.plan.requests, w.plan.orders, w.plan.ticks = 0, 0, 0, []time.Duration{quantum}
	w.judge.draining = true
}

// settle runs until what was started is over.
func (w *world) settle() {
	for w.judge.ok() {
		w.rest()
		if len(w.tasks) == 0 && len(w.answers) == 0 {
			return
		}
		w.next()
	}
}

func (w *world) list(s *server, subject string) {
	if !w.judge.ok() {
		return
	}
	w.order(s, "lists "+subject+" on "+s.name, func(ctx context.Context, t *task) error {
		before := w.judge.surely(subject)
		list, err := s.cookie.List(ctx, subject)
		t.settle()
		if err == nil {
			w.judge.listed(s, subject, list, before, t.began)
			w.judge.leftOver(subject, list)
			w.judge.tooMany(subject, list)
		}
		return err
	})
	w.settle()
}

package simulate_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/cloakroom-go/cloakroom/core/session"
)

var subjects = []string{"ann", "bob", "carl", "eve"}

// administer starts one of the things that an administrator does.
func (w *world) administer() {
	w.orders++
	s, subject := pick(w.rng, w.servers...), pick(w.rng, subjects...)
	j := w.judge
	what := w.rng.IntN(6)
	if w.plan.endAll {
		what = 5
	}
	switch what {
	case 0, 1:
		w.order(s, "lists "+subject, func(ctx context.Context, t *task) error {
			before := j.surely(subject)
			list, err := s.cookie.List(ctx, subject)
			t.settle()
			if err == nil {
				j.listed(s, subject, list, before, t.began)
			}
			return err
		})
	case 2, 3:
		w.order(s, "ends "+subject+"'s sessions", func(ctx context.Context, t *task) error {
			e := j.ends(subject, "EndSubject", func(*life) bool { return true })
			_, err := s.cookie.EndSubject(ctx, subject)
			t.settle()
			j.over(e, err)
			return err
		})
	case 4:
		var all []*life
		for _, l := range j.lives {
			if l.mayBe(subject) {
				all = append(all, l)
			}
		}
		if len(all) > 0 {
			w.endOne(s, subject, pick(w.rng, all...))
		}
	default:
		w.order(s, "ends all sessions", func(ctx context.Context, t *task) error {
			e := j.ends("", "EndEverybody", func(*life) bool { return true })
			t.goesOn = true
			_, err := s.cookie.EndEverybody(ctx)
			t.settle()
			j.over(e, err)
			return err
		})
	}
}

func (w *world) endOne(s *server, subject string, l *life) {
	j := w.judge
	w.order(s, "ends "+w.trace.session(l.id), func(ctx context.Context, t *task) error {
		alive := j.surelyAlive(l) && l.subject() == subject && l.own == nil
		one := func(o *life) bool { return o == l }
		e := j.ends(subject, "End", one)
		e.choosy = true
		err := s.cookie.End(ctx, subject, l.id)
		t.settle()
		if errors.Is(err, session.ErrNotFound) {
			if alive && l.ended == 0 && slices.Equal(l.mayEndBy, []string{"End"}) && !w.plan.mixedSealer {
				j.violatedf("list", "%s does not find %s, which lives", s.name, w.trace.session(l.id))
			}
			e.until = w.step
			return nil
		}
		j.over(e, err)
		return err
	})
}

// order starts a task that is no request's.
func (w *world) order(s *server, what string, f func(context.Context, *task) error) {
	w.start(context.Background(), s, "admin "+what, func(ctx context.Context, t *task) {
		t.enter()
		err := f(ctx, t)
		t.leave()
		w.trace.eventf(t.name, "is done: %v", err)
		if err != nil && t.faults == 0 && t.waited < 3*time.Second {
			w.judge.violatedf("outage", "%s: %v", t.name, err)
		}
	})
}

// surely returns the sessions that are surely in a list of a subject.
func (j *judge) surely(subject string) []*life {
	var list []*life
	for _, l := range j.lives {
		if l.own == nil && l.subject() == subject && j.surelyAlive(l) && !j.w.plan.mixedSealer {
			list = append(list, l)
		}
	}
	return list
}

// listed judges a list that was asked for at a step, and of what was surely there
// then.
func (j *judge) listed(s *server, subject string, list []session.Info, before []*life, step int) {
	var in []string
	for i := range list {
		id := infoID(list[i])
		if slices.Contains(in, id) {
			j.violatedf("list", "%s lists %s twice", s.name, j.w.trace.session(id))
		}
		in = append(in, id)
		switch l := j.byID[id]; {
		case l == nil: // a login whose answer was lost, or is on its way
		case l.ended > 0 && l.ended < step && !l.ghost:
			j.violatedf("list", "%s lists %s, which was over (%s)", s.name, j.w.trace.session(id), l.mayEndBy)
		case l.own != nil && (l.own.ended > 0 && l.own.ended < step || list[i].Actor != l.own.subject()):
			j.violatedf("list", "%s lists %s of %q, whose actor's own session may be over", s.name, j.w.trace.session(id), list[i].Actor)
		case !l.mayBe(subject):
			j.violatedf("list", "%s lists %s, which is not %s's", s.name, j.w.trace.session(id), subject)
		}
	}
	for _, l := range before {
		if j.surelyAlive(l) && !slices.Contains(in, l.id) {
			j.violatedf("list", "%s does not list %s", s.name, j.w.trace.session(l.id))
		}
	}
}

// over notes that sessions have ended, unless there was an error.
func (j *judge) over(e *ending, err error) {
	e.until = j.w.step
	if err != nil || e.choosy && j.w.plan.mixedSealer { // what can't be read is not chosen
		return
	}
	for _, l := range e.lives {
		j.endedNow(l, e.by)
	}
}

// leftOver judges that MaxSessions has ended no more sessions than it has to. That
// is known of a subject whose sessions have ended for no other reason.
func (j *judge) leftOver(subject string, list []session.Info) {
	if j.w.plan.mixedSealer {
		return
	}
	evicted := 0
	list = slices.DeleteFunc(slices.Clone(list), func(i session.Info) bool { return i.Actor != "" })
	for _, l := range j.lives {
		switch {
		case l.own != nil:
		case l.subject() != subject:
			if l.mayBe(subject) {
				return
			}
		case !j.inTime(l) || l.damaged || j.mayBeLost(l):
			return
		case l.mayEnd > 0 && slices.ContainsFunc(l.mayEndBy, func(by string) bool { return !strings.HasPrefix(by, maxSessions) }):
			return
		case !slices.ContainsFunc(list, func(i session.Info) bool { return infoID(i) == l.id }):
			evicted++
		}
	}
	for _, a := range j.logins {
		if a.subject == subject && a.acked == 0 {
			return
		}
	}
	if least := j.leastLimit(); evicted > 0 && len(list) < least {
		j.violatedf("limit", "%d sessions of %s have ended, %d are left, %d are allowed", evicted, subject, len(list), least)
	}
}

// tooMany judges that a subject has no more sessions than MaxSessions, if all
// servers have it, once each visitor has come. A login that has failed may have left
// one that nobody has a ticket of. By another clock one may be over already.
func (j *judge) tooMany(subject string, list []session.Info) {
	limit, n := 0, 0
	for _, s := range j.w.servers {
		if s.options.MaxSessions == 0 {
			return
		}
		limit = max(limit, s.options.MaxSessions)
	}
	for i := range list {
		l := j.byID[infoID(list[i])]
		if l != nil && l.own == nil && l.subject() == subject && !l.ghost && (j.w.plan.apart == 0 || j.inTime(l)) {
			n++
		}
	}
	if n > limit && !j.w.plan.mixedSealer {
		j.violatedf("limit", "%s has %d sessions, %d are allowed", subject, n, limit)
	}
}

package torture

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
)

// administers lets an administrator act as one visitor after another, who goes on
// meanwhile, and may end the sessions in which others act.
func (r *run) administers(seed uint64) {
	b := &browser{account: &account{name: "administrator", run: r}, name: "administrator"}
	b.account.browsers = []*browser{b}
	for !r.over() {
		b.lives++
		rng := rand.New(rand.NewPCG(seed, uint64(b.lives)))
		if !b.begin(rng) {
			return
		}
		for range 1 + rng.IntN(3) {
			back, ok := b.acts(rng, fmt.Sprintf("visitor%d", rng.IntN(accounts)))
			if !ok {
				return
			}
			if !back {
				break // who signs out while they act signs out altogether
			}
		}
		l := b.life.Load()
		if !b.end(l, "/sign-out", b) || !b.steal(l) {
			return
		}
	}
}

// acts signs in as a visitor, changes something there, and mostly comes back. It reports
// whether it has, and whether the run goes on.
func (b *browser) acts(rng *rand.Rand, as string) (back, goesOn bool) {
	l := b.life.Load()
	a, ok := b.insist("/act", "as", as)
	if !ok {
		return false, false
	}
	b.note(l)
	own := fmt.Sprintf("acting.%d.", b.run().acted.Add(1)) // not as what is the administrator's begins
	var acked []string
	for n := range 1 + rng.IntN(4) {
		b.judgeActing(l, "acting", as, own, acked, a)
		ctx, cancel := impatient(rng)
		op := fmt.Sprint(own, n)
		if a = b.ask(ctx, "/append", "op", op); a.ok() && a.page.Subject == as {
			acked = append(acked, op)
		}
		cancel()
	}
	if a, ok = b.insist("/read"); !ok {
		return false, false
	}
	b.judgeActing(l, "read", as, own, acked, a)
	b.note(l)
	if rng.IntN(3) == 0 {
		return false, true
	}
	if a, ok = b.settle("/back"); !ok {
		return false, false
	}
	b.note(l)
	switch {
	case a.status == http.StatusConflict:
		b.violationf(l, "signed out", "/back: %s", a.reason)
		return false, true
	case a.page.Subject != b.account.name || a.page.Actor != "":
		b.violationf(l, "signed out", "back, the page is %q's, by %q", a.page.Subject, a.page.Actor)
	case slices.ContainsFunc(l.acked, func(op string) bool { return !slices.Contains(a.page.Items, op) }):
		b.violationf(l, "lost", "back, the page holds %v and not %v", a.page.Items, l.acked)
	}
	b.judge(l, "/back", a) // nothing there from where they acted
	return true, true
}

// judgeActing compares a page that an administrator sees while they act. Where the
// visitor has ended it, it is nobody's, and says who acted.
func (b *browser) judgeActing(l *life, what, as, own string, acked []string, a answer) {
	if !a.ok() {
		return
	}
	if a.page.Actor != b.account.name || a.page.Subject != as && a.page.Subject != "" {
		b.violationf(l, "signed out", "%s as %s: the page is %q's, by %q", what, as, a.page.Subject, a.page.Actor)
		return
	}
	for _, op := range a.page.Items {
		if !strings.HasPrefix(op, own) {
			b.violationf(l, "crossed", "%s as %s: the page holds %s", what, as, op)
		}
	}
	for _, op := range acked {
		if a.page.Subject != "" && !slices.Contains(a.page.Items, op) {
			b.violationf(l, "lost", "%s as %s: %s was acknowledged and is not there", what, as, op)
		}
	}
}

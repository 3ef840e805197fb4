package torture

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/cookiejar"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// An account is a person with several browsers.
type account struct {
	name     string
	run      *run
	browsers []*browser
	ends     atomic.Int64 // how many requests are under way that end its sessions
}

// A browser has one jar of cookies and several tabs.
type browser struct {
	account *account
	name    string
	client  *http.Client
	life    atomic.Pointer[life]
	lives   int
}

// A life is a session from its first value to its end, and what its visitor knows of it.
type life struct {
	name string

	mu      sync.Mutex
	acked   []string          // what must be there
	unknown map[string]string // what may be there, and why nobody knows
	shown   map[string]bool   // the messages that a page has shown
	cookies []*http.Cookie    // all that the browser has had

	begun  atomic.Bool               // its login was answered
	ending atomic.Pointer[time.Time] // since when it may have ended
	ended  atomic.Pointer[time.Time] // since when it has
	losses int64                     // what the backend had lost when it began
}

// ask sends one request to one of the applications.
func (b *browser) ask(ctx context.Context, path string, query ...string) answer {
	return b.run().ask(ctx, b.client, path, query...)
}

func (b *browser) run() *run { return b.account.run }

// impatient is a context that a visitor in a hurry cancels: the answer is lost.
func impatient(rng *rand.Rand) (context.Context, context.CancelFunc) {
	if rng.IntN(8) > 0 {
		return context.Background(), func() {}
	}
	return context.WithTimeout(context.Background(), time.Duration(rng.IntN(20_000))*time.Microsecond)
}

// insist sends a request until it is answered with 200, or the run is over. Whatever a
// backend has lost, nobody is refused for ever.
func (b *browser) insist(path string, query ...string) (answer, bool) {
	for refused := 0; !b.run().over(); {
		a := b.ask(context.Background(), path, query...)
		switch {
		case a.ok():
			return a, true
		case a.status != http.StatusConflict:
			refused = 0
		default:
			refused++
		}
		if refused == patience {
			b.run().locked(b.name, path, a.reason)
		}
		b.run().pause()
	}
	return answer{}, false
}

// settle sends a request until it is answered, also with 409: what it asks for is over.
func (b *browser) settle(path string) (answer, bool) {
	for !b.run().over() {
		if a := b.ask(context.Background(), path); a.ok() || a.status == http.StatusConflict {
			return a, true
		}
		b.run().pause()
	}
	return answer{}, false
}

// patience is how often in a row a visitor may be refused.
const patience = 100

// live lets the browser live one session after another.
func (b *browser) live(seed uint64) {
	for !b.run().over() {
		b.lives++
		rng := rand.New(rand.NewPCG(seed, uint64(b.lives)))
		if !b.begin(rng) {
			return
		}
		b.busy(rng)
		if !b.check() || !b.finish(rng) {
			return
		}
	}
}

// begin puts something into a cart, and signs in.
func (b *browser) begin(rng *rand.Rand) bool {
	jar, _ := cookiejar.New(nil) // it returns no error
	b.client = &http.Client{Jar: jar, Transport: b.run().transport, Timeout: time.Minute}
	l := &life{
		name: fmt.Sprintf("%s.%d", b.name, b.lives), unknown: make(map[string]string), shown: make(map[string]bool),
		losses: b.run().losses.Load(),
	}
	b.life.Store(l)
	if b.account.ends.Load() > 0 {
		now := time.Now()
		l.ending.Store(&now)
	}
	for n := 0; ; n++ {
		if b.run().over() {
			return false
		}
		op := fmt.Sprintf("%s.cart%d", l.name, n)
		if a := b.ask(context.Background(), "/append", "op", op); a.ok() {
			l.acked = append(l.acked, op)
			break
		}
		l.unknown[op] = "no answer"
	}
	// The form may be sent more than once, and its answer lost.
	for range rng.IntN(2) {
		ctx, cancel := impatient(rng)
		b.ask(ctx, "/sign-in", "as", b.account.name)
		cancel()
	}
	a, ok := b.insist("/sign-in", "as", b.account.name)
	if ok && a.page.Subject != b.account.name {
		b.violationf(l, "signed out", "a login as %q was answered, and the page is %q's", b.account.name, a.page.Subject)
	}
	l.begun.Store(ok)
	b.note(l)
	return ok
}

// note keeps the cookies that the browser has now, for a thief.
func (b *browser) note(l *life) {
	u := b.run().site()
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range b.client.Jar.Cookies(u) {
		if !slices.ContainsFunc(l.cookies, func(old *http.Cookie) bool { return old.Value == c.Value }) {
			l.cookies = append(l.cookies, c)
		}
	}
}

// busy lets the tabs work side by side.
func (b *browser) busy(rng *rand.Rand) {
	l := b.life.Load()
	var wg sync.WaitGroup
	for tab := range 2 + rng.IntN(3) {
		rng := rand.New(rand.NewPCG(rng.Uint64(), uint64(tab)))
		wg.Go(func() {
			for n := range 4 + rng.IntN(8) {
				if b.run().over() || !b.work(rng, fmt.Sprintf("%s.%d.%d", l.name, tab, n)) {
					return
				}
			}
		})
	}
	wg.Wait()
	b.note(l)
}

// work sends one request of a tab, and reports whether the session goes on.
func (b *browser) work(rng *rand.Rand, op string) bool {
	ctx, cancel := impatient(rng)
	defer cancel()
	path := []string{
		"/append", "/append", "/append", "/append", "/read", "/read", "/read", "/flash", "/flashes", "/flashes", "/renew", "/step-up",
	}[rng.IntN(12)]
	a := b.ask(ctx, path, "op", op)
	l := b.life.Load()
	if path == "/append" || path == "/flash" {
		b.heard(l, path, op, a)
	}
	if !a.ok() {
		return l.ending.Load() == nil
	}
	b.judge(l, path, a)
	return a.page.Subject != ""
}

// heard notes what has become of a change.
func (b *browser) heard(l *life, path, op string, a answer) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case path == "/flash": // a message may be lost with the page that has shown it
	case a.ok() && a.page.Subject != "":
		l.acked = append(l.acked, op)
	default:
		l.unknown[op] = fmt.Sprintf("status %d", a.status)
	}
}

// judge compares a page with what its visitor knows.
func (b *browser) judge(l *life, path string, a answer) {
	switch {
	case a.page.Subject == "":
		if l.ending.Load() == nil && a.took < renewGrace/2 {
			b.violationf(l, "signed out", "%s sent at %s: nobody's page", path, a.sent.Format(time.StampMicro))
		}
		l.mu.Lock()
		defer l.mu.Unlock()
		for _, op := range a.page.Items { // what was put there since may be
			if slices.Contains(l.acked, op) {
				b.violationf(l, "resurrected", "%s: nobody's page holds %s", path, op)
			}
		}
		return
	case a.page.Subject != b.account.name:
		b.violationf(l, "crossed", "%s: %q's page", path, a.page.Subject)
		return
	}
	if end := l.ended.Load(); end != nil && a.sent.After(*end) {
		b.violationf(l, "resurrected", "%s sent %v after the end is answered", path, a.sent.Sub(*end))
	}
	seen := make(map[string]bool, len(a.page.Items))
	for _, op := range a.page.Items {
		switch {
		case !strings.HasPrefix(op, l.name+"."):
			b.violationf(l, "crossed", "%s: the page holds %s", path, op)
		case seen[op]:
			b.violationf(l, "twice", "%s: the page holds %s twice", path, op)
		}
		seen[op] = true
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, op := range a.page.Flashes {
		if l.shown[op] {
			b.violationf(l, "twice", "%s: the message %s is shown again", path, op)
		}
		l.shown[op] = true
	}
}

// check looks at the session while nobody changes it.
func (b *browser) check() bool {
	l := b.life.Load()
	a, ok := b.insist("/read")
	if !ok {
		return false
	}
	b.note(l)
	b.judge(l, "/read", a)
	if a.page.Subject == "" {
		return true
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, op := range l.acked {
		// One that was ended by another browser while it signed in has begun anew.
		if !slices.Contains(a.page.Items, op) && l.ending.Load() == nil {
			b.violationf(l, "lost", "%s was acknowledged and is not there", op)
		}
	}
	for _, op := range a.page.Items {
		if _, maybe := l.unknown[op]; !maybe && !slices.Contains(l.acked, op) {
			b.violationf(l, "crossed", "%s is there and was never sent", op)
		}
	}
	b.run().checked.Add(int64(len(l.acked)))
	if !b.run().backend.Lists {
		return true
	}
	list, ok := b.insist("/list", "as", b.account.name)
	if list.page.Sessions > maxSessions {
		b.violationf(l, "over the limit", "%d sessions are listed", list.page.Sessions)
	}
	if ok && l.ending.Load() == nil && list.page.Sessions == 0 {
		b.violationf(l, "lost", "no session is listed")
	}
	return ok
}

// finish ends the session in one of the ways there are, and sees that it stays over.
func (b *browser) finish(rng *rand.Rand) bool {
	l := b.life.Load()
	ways := 3
	if !b.run().backend.Lists {
		ways = 1
	}
	switch rng.IntN(6) % (ways + 1) {
	case 0:
		return b.end(l, "/sign-out", b) && b.steal(l)
	case 1:
		now := time.Now()
		l.ending.CompareAndSwap(nil, &now)
		if _, ok := b.settle("/short"); !ok { // another browser may have ended it
			return false
		}
		b.run().later.Go(func() {
			if b.run().sleep(4 * time.Second) { // one, and what a store rounds up
				b.steal(l)
			}
		})
		return true
	case 2:
		return b.end(l, "/end-subject", b.account.browsers...) && b.steal(l)
	default:
		others := slices.DeleteFunc(slices.Clone(b.account.browsers), func(o *browser) bool { return o == b })
		return b.end(l, "/end-others", others...) && b.end(l, "/sign-out", b) && b.steal(l)
	}
}

// end ends the sessions of some of the account's browsers by a request from one of them.
func (b *browser) end(by *life, path string, browsers ...*browser) bool {
	// One that is sent again may end what begins meanwhile, and one that was given up may
	// arrive late.
	b.account.ends.Add(1)
	defer func() { time.AfterFunc(2*storeTimeout, func() { b.account.ends.Add(-1) }) }()
	var lives []*life
	for _, o := range browsers {
		if l := o.life.Load(); l != nil {
			lives = append(lives, l)
		}
	}
	begun := make([]bool, len(lives))
	now := time.Now()
	for i, l := range lives {
		begun[i] = l.begun.Load()
		l.ending.CompareAndSwap(nil, &now)
	}
	a, ok := b.insist(path, "as", b.account.name)
	if !ok {
		return false
	}
	if path == "/end-others" && (a.page.Subject == "" || by.ending.Load() != nil) {
		return true // it was ended itself, and has ended nobody
	}
	now = time.Now()
	for i, l := range lives {
		if begun[i] {
			l.ended.CompareAndSwap(nil, &now)
		}
	}
	return true
}

// steal presents every cookie of a life that is over.
func (b *browser) steal(l *life) bool {
	for _, c := range l.cookies {
		jar, _ := cookiejar.New(nil) // it returns no error
		jar.SetCookies(b.run().site(), []*http.Cookie{{Name: c.Name, Value: c.Value}})
		thief := &browser{account: b.account, client: &http.Client{Jar: jar, Transport: b.run().transport, Timeout: time.Minute}}
		a, ok := thief.insist("/read")
		if !ok {
			return false
		}
		// Where a tab went on after the end, the browser has a new session of nobody's.
		if a.page.Subject != "" || slices.ContainsFunc(a.page.Items, func(op string) bool { return slices.Contains(l.acked, op) }) {
			b.violationf(l, "resurrected", "an old cookie shows %q's page with %v after the session's end", a.page.Subject, a.page.Items)
		}
		b.run().stolen.Add(1)
	}
	return true
}

// violationf notes what must not be. What a backend has lost is no store's fault.
func (b *browser) violationf(l *life, kind, format string, args ...any) {
	b.run().violation(l, kind, fmt.Sprintf("%s: %s", l.name, fmt.Sprintf(format, args...)))
}

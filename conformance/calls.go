package conformance

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// A case's calls are noted, so that a failure can say what was asked before it, and a
// store that hangs is found out by the call that does not return.

// shownCalls is how many calls a failure shows, the last ones.
const shownCalls = 12

// calls are those that one case has made.
type calls struct {
	mu     sync.Mutex
	ids    []string // in the order in which they were met
	shown  []noted  // the last that returned
	total  int
	open   map[int]noted // those under way
	begun  int
	moved  time.Time // when a call last began or returned
	silent bool      // the case prints a history of its own
	panics []string  // of the store, the first of which is shown
	over   bool      // the case was left behind
}

// A noted call is kept as it was made: it is put into words if the case fails.
type noted struct {
	store, method, id string
	old               sessionstore.Version
	record            sessionstore.Record
	subject           string
	answer            func() string // nil if there is nothing to say
	err               error
	at                time.Time
}

// begin notes that a call is made, and returns what notes its return. It ends the goroutine
// of a case that was left behind.
func (c *calls) begin(n noted) func(answer func() string, err error) {
	n.at = time.Now()
	n.record.Data = nil // it is the caller's
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.over {
		runtime.Goexit()
	}
	if n.id != "" && !slices.Contains(c.ids, n.id) && len(c.ids) < shownCalls {
		c.ids = append(c.ids, n.id)
	}
	if c.open == nil {
		c.open = make(map[int]noted)
	}
	c.begun++
	number := c.begun
	c.open[number] = n
	c.progress(n.at)
	return func(answer func() string, err error) {
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.open, number)
		n.answer, n.err = answer, err
		c.total++
		if c.shown = append(c.shown, n); len(c.shown) > shownCalls {
			c.shown = c.shown[1:]
		}
		c.progress(time.Now())
	}
}

func (c *calls) progress(at time.Time) {
	if at.After(c.moved) {
		c.moved = at
	}
}

// panicked notes that a call has panicked, and returns what stands for its error.
func (c *calls) panicked(n noted, p any, stack []byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.panics = append(c.panics, fmt.Sprintf("%s: %v\n%s", c.asked(n), p, within(stack)))
	what, _, _ := strings.Cut(fmt.Sprint(p), "\n") // Await adds the stack of its goroutine
	return fmt.Errorf("the store has panicked: %s", what)
}

// within returns the part of a panic's stack that is between the panic and the suite.
func within(stack []byte) string {
	lines := strings.Split(string(stack), "\n")
	if at := slices.IndexFunc(lines, func(l string) bool { return strings.HasPrefix(l, "panic(") }); at >= 0 {
		lines = lines[min(at+2, len(lines)):] // without the runtime's own
	}
	if at := slices.IndexFunc(lines, func(l string) bool { return strings.Contains(l, "(*watched).") }); at >= 0 {
		lines = lines[:at]
	}
	return strings.Join(lines, "\n")
}

// firstPanic returns the first panic of the store, "" if there was none.
func (c *calls) firstPanic() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.panics) == 0 {
		return ""
	}
	return c.panics[0]
}

// waits says that the case makes no call for so long, and that nothing is amiss.
func (c *calls) waits(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.progress(time.Now().Add(d))
}

// printed says that the case itself prints the calls that matter.
func (c *calls) printed() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.silent = true
}

// end has no further call made.
func (c *calls) end() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.over = true
}

// since returns when a call last began or returned, and the call that has been under
// way for longest, "" if there is none.
func (c *calls) since() (time.Time, string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var oldest *noted
	for number := range c.open {
		// Others return while Watch goes on.
		if n := c.open[number]; oldest == nil || oldest.method == "Watch" || n.method != "Watch" && n.at.Before(oldest.at) {
			oldest = &n
		}
	}
	if oldest == nil {
		return c.moved, ""
	}
	return c.moved, c.asked(*oldest)
}

// String lists the calls that a failure shows, a line each.
func (c *calls) String() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.total == 0 || c.silent {
		return ""
	}
	var b strings.Builder
	fmt.Fprintf(&b, "the last %d of %d calls:", len(c.shown), c.total)
	if c.total == len(c.shown) {
		b.Reset()
		b.WriteString("the calls:")
	}
	for i := range c.shown {
		n := c.shown[i]
		fmt.Fprintf(&b, "\n    %s  %s: ", n.at.UTC().Format(clock), c.asked(n))
		switch {
		case n.err != nil:
			b.WriteString(n.err.Error())
		case n.answer != nil:
			b.WriteString(n.answer())
		default:
			b.WriteString("done")
		}
	}
	return b.String()
}

// clock is how times of day are printed.
const clock = "15:04:05.000000"

// moment is how an instant is printed beside now: with its date if that is another day.
func moment(now, at time.Time) string {
	if now, at = now.UTC(), at.UTC(); now.Year() == at.Year() && now.YearDay() == at.YearDay() {
		return at.Format(clock)
	}
	return at.Format(time.DateOnly + " " + clock)
}

// asked returns a call without its answer.
func (c *calls) asked(n noted) string {
	var b strings.Builder
	b.WriteString(n.store + n.method)
	switch i := slices.Index(c.ids, n.id); {
	case n.id == "":
	case i < 0:
		b.WriteString(" another id")
	default:
		fmt.Fprintf(&b, " id %d", i+1)
	}
	if n.old != 0 {
		b.WriteString(", version " + name(n.old))
	}
	if r := n.record; r.Version != 0 {
		fmt.Fprintf(&b, ", a record of version %s of %s", name(r.Version), whose(r.Subject))
	}
	if e := n.record.Expires; !e.IsZero() {
		b.WriteString(", until " + moment(n.at, e))
	}
	if n.subject != "" {
		b.WriteString(" " + whose(n.subject))
	}
	return b.String()
}

func whose(subject string) string {
	switch {
	case subject == "":
		return "nobody"
	case len(subject) > 40:
		return fmt.Sprintf("%.40q… (%d bytes)", subject, len(subject))
	}
	return fmt.Sprintf("%q", subject)
}

// watch returns s with its calls noted, under a name that tells it from others of the
// case. It is a Wrapper: it has the capabilities that s has.
func (c *calls) watch(s sessionstore.Store, name string) sessionstore.Store {
	if s == nil {
		return nil
	}
	return &watched{store: s, calls: c, name: name}
}

func records(n int) func() string {
	return func() string { return fmt.Sprintf("%d records", n) }
}

// unwatched returns the store that is under test.
func unwatched(s sessionstore.Store) sessionstore.Store {
	if w, ok := s.(*watched); ok {
		return w.store
	}
	return s
}

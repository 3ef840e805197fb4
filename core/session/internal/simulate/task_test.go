package simulate_test

import (
	"context"
	"fmt"
	"time"

	"github.com/cloakroom-go/cloakroom/core/session"
)

// A task is something under way on a server: a request, or an administrator's
// call. It runs in a goroutine of its own, until it stops: at each call of the
// store and wherever a handler takes its time. Then the scheduler decides how it
// goes on, so that one goroutine runs at a time.
type task struct {
	w       *world
	id      int
	name    string
	running bool
	at      *stop     // where it waits; nil while it runs, or sleeps
	resumed time.Time // when it last went on
	request *request  // nil: an administrator's
	notes   []string  // logged while it ran, for the trace

	record  string    // that it has loaded last
	created string    // that it has tried to create last
	began   int       // the step at which it entered the package last
	inside  time.Time // since when it is there; zero: it is not
	goesOn  bool      // it may stay there for as long as it gets on

	// What excuses an answer that says "not now".
	faults int           // calls that were disturbed
	waited time.Duration // the time that passed while it waited for the store
}

// A stop is one place where a task waits.
type stop struct {
	what   string
	call   *call           // of the store; nil: the handler takes its time
	ctx    context.Context //nolint:containedctx // the call's
	ended  bool            // ctx is done
	again  bool            // the driver sends it a second time
	until  time.Time       // the store does not answer before
	resume chan verdict
}

// A verdict is how a store's call goes.
type verdict int

const (
	works   verdict = iota
	refused         // fails, and nothing has happened
	unheard         // happens, but the answer is lost
	later           // the answer is lost, and it happens some time later
	resent          // happens, the answer is lost, and the driver sends it again
	stalls          // no answer for a long time
)

var verdicts = [...]string{
	works: "ok", refused: "FAILS", unheard: "ANSWER LOST", later: "LANDS LATE", resent: "SENT TWICE", stalls: "STALLS",
}

func (v verdict) String() string { return verdicts[v] }

type taskKey struct{}

// taskOf returns the task that ctx belongs to.
func taskOf(ctx context.Context) *task {
	t, ok := ctx.Value(taskKey{}).(*task)
	if !ok {
		panic("simulate: the store was called for nobody")
	}
	return t
}

// arrives is the first stop of every task.
const arrives = "begins"

// start runs f as a task on a server. It comes to its first stop at once.
func (w *world) start(parent context.Context, s *server, name string, f func(ctx context.Context, t *task)) *task {
	t := &task{w: w, id: len(w.tasks), name: name, running: true}
	w.tasks = append(w.tasks, t)
	ctx := context.WithValue(parent, taskKey{}, t)
	go func() {
		defer func() {
			t.w.fence()
			t.running = false
		}()
		w.enterServer(s)
		t.pause(arrives)
		f(ctx, t)
	}()
	return t
}

// pause stops the task for as long as the scheduler likes.
func (t *task) pause(what string) { t.wait(&stop{what: what, ctx: context.Background()}) }

// settle is called where a task comes back from the package, before it touches
// anything of the world. If time has passed, others may have woken up as well.
func (t *task) settle() {
	t.w.fence()
	if !time.Now().Equal(t.resumed) {
		t.pause("goes on")
	}
}

func (t *task) wait(at *stop) verdict {
	at.resume = make(chan verdict)
	t.w.fence()
	t.at = at
	select {
	case v := <-at.resume:
		return v
	case <-at.ctx.Done():
		t.w.fence()
		at.ended = true
		return <-at.resume // others may have run out of time at the same moment
	}
}

// resume lets a task go on. The caller waits until it stops again.
func (t *task) resume(v verdict) {
	at := t.at
	t.at, t.resumed = nil, time.Now()
	at.resume <- v
}

// sleeps reports whether a task waits for nothing but the time.
func (t *task) sleeps() bool { return t.at == nil && t.running }

// ready reports whether the scheduler may let the task go on.
func (t *task) ready() bool {
	return t.at != nil && (t.at.ended || !time.Now().Before(t.at.until))
}

func (t *task) notef(format string, args ...any) {
	t.w.fence()
	t.notes = append(t.notes, fmt.Sprintf(format, args...))
}

// enter and leave stand around calls of the package that have to end in time.
func (t *task) enter() {
	t.began, t.inside = t.w.step, time.Now()
}

func (t *task) leave() {
	t.w.fence()
	t.inside = time.Time{}
	t.settle()
}

// overdue reports whether the store is waited for longer than StoreTimeout, and
// than what tidying up may take.
func (t *task) overdue() bool {
	return !t.goesOn && !t.inside.IsZero() && t.at != nil && t.at.call != nil && !t.at.ended &&
		time.Since(t.inside) > session.DefaultStoreTimeout+2*time.Second
}

package simulate_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing/synctest"
	"time"
)

// A client is a visitor's browser, or a program that uses an API. It has one jar
// for all its tabs.
type client struct {
	name    string
	plan    clientPlan
	agent   string
	ticket  string    // what it sends
	expires time.Time // of the cookie; zero: with the browser
	older   string    // a cookie of the same name and another path
	open    []*request
}

// A request is one from a browser, until its answer has arrived or is lost.
type request struct {
	turn // what the server did with it

	w      *world
	no     int
	client *client
	server *server
	kind   kind

	presented string // the ticket that it was sent with
	older     string // another one that was sent as well, before it
	crossSite bool
	keptBack  bool // the cookie, by the browser
	behind    bool // a TimeoutHandler answers for it
	sent      time.Time
	cancel    context.CancelFunc
	front     *task // that answers
	task      *task // of the handler: the same, but for a TimeoutHandler
	gone      bool  // the browser waits for it no more
}

func (q *request) name() string { return fmt.Sprintf("%s #%d", q.client.name, q.no) }

// addBrowsers adds what browsers may do next.
func (w *world) addBrowsers(add func(int, func())) {
	for _, q := range w.answers {
		add(w.plan.hurry, func() {
			if chance(w.rng, w.plan.lost) {
				w.drop(q, "LOST")
			} else {
				w.deliver(q)
			}
		})
	}
	if w.issued >= w.plan.requests {
		return
	}
	for _, c := range w.clients {
		if c.plan.paths && c.older == "" && c.ticket != "" {
			add(1, func() {
				c.older = c.ticket
				w.trace.eventf(c.name, "keeps %s as a cookie of another path", w.trace.ticket(c.older))
			})
		}
		if c.plan.thief != honest && c.ticket == "" {
			add(1, func() { w.steal(c) })
		} else if len(c.open) < c.plan.tabs {
			add(2, func() { w.open(c, w.kindFor(c)) })
		}
		for _, q := range c.open {
			if !q.front.running {
				continue
			}
			if w.plan.twice > 0 && q.kind.form {
				add(1, func() {
					if chance(w.rng, w.plan.twice) {
						w.sendAgain(q)
					}
				})
			}
			if w.plan.cancel > 0 {
				add(1, func() {
					if chance(w.rng, w.plan.cancel) {
						w.leave(q, "CANCELLED")
					}
				})
			}
		}
	}
}

// open sends a request.
func (w *world) open(c *client, k kind) {
	w.issued++
	w.sent++
	if !c.expires.IsZero() && !time.Now().Before(c.expires) {
		w.judge.expired(c)
		c.ticket, c.expires = "", time.Time{}
	}
	q := &request{w: w, no: w.sent, client: c, server: w.serverFor(k), kind: k, presented: c.ticket, sent: time.Now()}
	if q.presented != "" && c.older != q.presented {
		q.older = c.older
	}
	q.crossSite = k.crossSite && !c.plan.header
	if q.crossSite && q.server.options.Cookie.SameSite == http.SameSiteLaxMode {
		q.presented, q.older, q.keptBack = "", "", true
	}
	q.behind = chance(w.rng, w.plan.timeout)
	ctx, cancel := context.WithCancel(context.Background())
	q.cancel = cancel
	c.open = append(c.open, q)
	w.judge.sent(q)
	w.trace.eventf(q.name(), "sends %s to %s with %s", k.name, q.server.name, w.trace.ticketOrNone(q.presented))
	q.front = w.start(ctx, q.server, q.name(), q.serve)
	q.task = q.front
	q.task.request = q
}

func (t *trace) ticketOrNone(value string) string {
	if value == "" {
		return "no ticket"
	}
	return t.ticket(value)
}

// serverFor returns a server. One that does not know the newest key yet is only
// asked to sign out: to have it answer others is a mistake of the operator's, which
// signs people out.
func (w *world) serverFor(k kind) *server {
	if w.plan.keyless == 0 || k.name == "logout" {
		return pick(w.rng, w.servers...)
	}
	return pick(w.rng, slices.Delete(slices.Clone(w.servers), w.plan.keyless, w.plan.keyless+1)...)
}

// kindFor returns what a client does next. A thief tries what would harm most.
func (w *world) kindFor(c *client) kind {
	if n := len(c.plan.script); n > 0 {
		return c.plan.script[min(w.issued, n-1)]
	}
	if c.plan.thief != honest && chance(w.rng, 0.7) {
		return pick(w.rng, visit, kindNamed("logout"), kindNamed("renew"), kindNamed("step up"), kindNamed("password again"))
	}
	return choose(w.rng, w.plan.kinds)
}

// steal gives a thief a ticket of the first visitor's.
func (w *world) steal(thief *client) {
	victim := w.clients[0]
	t := w.judge.tickets[victim.ticket]
	var candidates []*ticket
	switch {
	case t == nil:
	case thief.plan.thief == fixed && t.proof.subject == "", thief.plan.thief == current:
		candidates = append(candidates, t)
	case thief.plan.thief == retired, thief.plan.thief == stale:
		for t = t.parent; t != nil; t = t.parent {
			if t.retiredAt > 0 && (thief.plan.thief == retired || time.Since(t.retired) > renewGrace+quantum) {
				candidates = append(candidates, t)
			}
		}
	}
	if thief.plan.thief == banked && len(w.dropped) > 0 {
		t := w.judge.tickets[pick(w.rng, w.dropped...)]
		if !t.presented && t.dropped > 0 {
			candidates = append(candidates, t)
		}
	}
	if len(candidates) > 0 {
		thief.ticket = pick(w.rng, candidates...).value
		w.trace.eventf(thief.name, "steals %s", w.trace.ticket(thief.ticket))
	}
}

// sendAgain is a visitor who clicks twice: the browser gives the first up.
func (w *world) sendAgain(q *request) {
	w.leave(q, "CANCELLED, sent again")
	w.open(q.client, q.kind)
}

// leave has a browser give up a request that is under way.
func (w *world) leave(q *request, how string) {
	w.trace.eventf(q.name(), "%s", how)
	q.task.faults++
	w.close(q)
	w.fence()
	q.cancel() // wakes the request if it sleeps
	synctest.Wait()
}

func (w *world) close(q *request) {
	q.gone = true
	q.client.open = slices.DeleteFunc(q.client.open, func(o *request) bool { return o == q })
	w.answers = slices.DeleteFunc(w.answers, func(a *request) bool { return a == q })
}

// drop loses an answer.
func (w *world) drop(q *request, how string) {
	if ticket, _ := q.handedOut(); ticket != "" {
		w.dropped = append(w.dropped, ticket)
	}
	w.trace.eventf(q.name(), "answer %s", how)
	w.close(q)
}

// answered takes the response of a server to its way.
func (w *world) answered(q *request) {
	if !q.gone {
		w.answers = append(w.answers, q)
	}
}

// deliver brings an answer to the browser.
func (w *world) deliver(q *request) {
	w.close(q)
	c := q.client
	got, set := q.handedOut()
	switch {
	case !set || c.plan.stubborn && c.ticket != "" && got != "" && q.kind.name != "login":
		w.trace.eventf(q.name(), "answer arrives: %d", q.status)
		return
	case got == "":
		c.ticket, c.expires = "", time.Time{}
		w.trace.eventf(q.name(), "answer arrives: %d, forget the ticket", q.status)
	default:
		c.ticket, c.expires = got, q.cookieExpires()
		w.trace.eventf(q.name(), "answer arrives: %d, %s", q.status, w.trace.ticket(got))
	}
}

// handedOut returns the ticket in an answer, "" to forget it, and whether there is
// news at all.
func (q *request) handedOut() (ticket string, set bool) {
	if q.client.plan.header {
		v, ok := q.header[ticketHeader]
		if !ok {
			return "", false
		}
		return v[0], true
	}
	cookies := q.cookies()
	if len(cookies) == 0 {
		return "", false
	}
	last := cookies[len(cookies)-1]
	if last.MaxAge < 0 {
		return "", true
	}
	return last.Value, true
}

// cookies returns the session cookies that an answer sets.
func (q *request) cookies() []*http.Cookie {
	r := http.Response{Header: q.header}
	return slices.DeleteFunc(r.Cookies(), func(c *http.Cookie) bool { return !strings.HasSuffix(c.Name, "session") })
}

func (q *request) cookieExpires() time.Time {
	for _, c := range q.cookies() {
		if c.MaxAge > 0 {
			return time.Now().Add(time.Duration(c.MaxAge) * time.Second)
		}
	}
	return time.Time{}
}

// other returns the visitor's second account. A thief knows no password but its own.
func (c *client) other() string {
	if c.plan.thief != honest {
		return c.plan.account
	}
	return "carl"
}

package simulate_test

import (
	"bufio"
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/cloakroom-go/cloakroom/core/session"
)

// A turn is what a server does with a request.
type turn struct {
	s         *session.Session
	first     seen      // what the handler found
	moved     string    // the session that Impersonate, or StopImpersonating, has led to
	last      seen      // what the session was when a header left early
	got       int       // the step at which it asked
	loaded    time.Time // the time
	returned  int       // the step at which the handler was done
	changes   []*change // that the handler has made and not heard of yet
	acts      []*act    // logins and levels, in the same way
	proved    []*act    // that were acknowledged
	destroyed *ending

	authenticates bool   // the handler has called Authenticate
	secret        string // that the page's form has
	sentEarly     bool   // the header left before the handler was done
	err           error  // what the package said to a Commit, or to Get

	status int
	header http.Header
	out    *response
	r      *http.Request
	outer  *session.Manager // of two
}

// seen is what a session shows of itself.
type seen struct {
	id, subject   string
	actor         string
	authenticated time.Time
	level         bool
	values        []string
}

var (
	marks  = session.NewKey[[]string]("marks")
	levelA = "second factor"
)

func look(s *session.Session) seen {
	return seen{
		id: sessionID(s), subject: s.Subject(), actor: s.Actor(), authenticated: s.Authenticated(),
		level: s.SteppedUp(levelA), values: marks.Get(s),
	}
}

// serve is the server's part of a request, in its task.
func (q *request) serve(ctx context.Context, t *task) {
	if q.gone { // it never arrives
		return
	}
	r := httptest.NewRequestWithContext(ctx, http.MethodPost, "https://example.com/", http.NoBody)
	r.Header.Set("User-Agent", q.client.agent)
	q.carry(r)
	m := q.server.manager(q.client)
	h := m.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { q.handle(m, w, r) }))
	if q.kind.nested {
		q.outer = q.w.newServer(q.server.name, q.server.options).manager(q.client)
		h = q.outer.Handler(h)
	}
	if q.behind {
		h = q.behindTimeout(h)
	}
	q.out = &response{header: make(http.Header)}
	h.ServeHTTP(q.out, r)
	t.leave()
	q.take()
	q.w.trace.eventf(q.name(), "answers %d %s", q.status, q.news())
	q.w.judge.answered(q)
	if !q.sentEarly {
		q.w.answered(q)
	}
}

// take reads what has left the server.
func (q *request) take() {
	q.status, q.header = q.out.status, q.out.sent
	if q.out.status == 0 {
		q.status, q.header = http.StatusOK, q.out.header
	}
}

// behindTimeout has net/http answer for a handler that takes too long, which goes
// on meanwhile.
func (q *request) behindTimeout(h http.Handler) http.Handler {
	return http.TimeoutHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		q.w.enterServer(q.server)
		q.task = &task{w: q.w, id: -q.no, name: q.name() + " behind", running: true, request: q, resumed: q.front.resumed}
		defer func() { q.task.running = false }()
		q.w.tasks = append(q.w.tasks, q.task)
		h.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), taskKey{}, q.task)))
	}), 2*time.Second, "took too long")
}

// carry puts the ticket into the request.
func (q *request) carry(r *http.Request) {
	if q.crossSite {
		r.Header.Set("Sec-Fetch-Site", "cross-site")
	} else {
		r.Header.Set("Sec-Fetch-Site", "same-origin")
	}
	if q.kind.passive {
		r.Header.Set("Passive", "yes")
	}
	switch {
	case q.presented == "":
	case q.client.plan.header:
		r.Header.Set(ticketHeader, q.presented)
	default:
		if q.older != "" {
			r.AddCookie(&http.Cookie{Name: "__Host-session", Value: q.older})
		}
		r.AddCookie(&http.Cookie{Name: "__Host-session", Value: q.presented})
	}
}

// headerLeft notes that the header is on its way before the handler is done.
func (q *request) headerLeft() {
	q.task.settle()
	q.sentEarly, q.last = true, look(q.s)
	q.take()
	q.w.trace.eventf(q.name(), "answers %d %s, and goes on", q.status, q.news())
	q.w.judge.left(q)
	q.w.answered(q)
}

// atEnd returns the session as it was when the header left.
func (q *request) atEnd() seen {
	if q.sentEarly {
		return q.last
	}
	return look(q.s)
}

func (q *request) news() string {
	switch ticket, set := q.handedOut(); {
	case !set:
		return ""
	case ticket == "":
		return "and takes the ticket back"
	default:
		return "with " + q.w.trace.ticket(ticket)
	}
}

func (q *request) handle(m *session.Manager, w http.ResponseWriter, r *http.Request) {
	t := q.task
	q.r = r
	q.got, q.loaded = q.w.step, time.Now()
	t.enter()
	s, err := m.Get(r)
	t.leave()
	switch {
	case q.kind.nested && errors.Is(err, session.ErrInvalid):
		m.Fail(w, r, err)
		return
	case err != nil:
		q.w.judge.notFound(q, err)
		m.Fail(w, r, err)
		return
	}
	q.s, q.first = s, look(s)
	q.w.trace.eventf(q.name(), "sees %s", q.w.trace.seen(q.first))
	q.w.judge.found(q)
	err = q.kind.run(q, w, r)
	q.returned = q.w.step
	if err != nil {
		q.err = err
		m.Fail(w, r, err)
	}
	t.enter()
}

// A response is what has left the server.
type response struct {
	header http.Header
	status int
	sent   http.Header
}

func (w *response) Header() http.Header { return w.header }

func (w *response) WriteHeader(status int) {
	if w.status == 0 && status >= 200 || status == http.StatusSwitchingProtocols {
		w.status, w.sent = status, w.header.Clone()
	}
}

func (w *response) Write(b []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	return len(b), nil
}

func (w *response) FlushError() error {
	w.WriteHeader(http.StatusOK)
	return nil
}

// Hijack hands the connection over: the handler answers by itself, and what is in
// the header never leaves.
func (w *response) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	w.status, w.sent = http.StatusSwitchingProtocols, make(http.Header)
	return nil, nil, nil
}

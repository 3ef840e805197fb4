package migrate_test

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"time"

	"github.com/cloakroom-go/cloakroom/core/session"
)

// A modelBrowser keeps cookies for all its tabs, and a ticket, where that travels in a header.
type modelBrowser struct {
	m        *model
	number   int
	user     string // who was signed in over there from the start; "": nobody
	brought  string // what was in their cart
	requests []*modelRequest

	mu    sync.Mutex
	jar   map[string]string
	items int
}

const jarTicket = "Session-Ticket"

// asking is the key of a request's context that the *modelRequest is under.
type asking struct{}

// A modelRequest is what became of one.
type modelRequest struct {
	browser                  *modelBrowser
	number                   int
	do, with                 string
	cookies                  map[string]string
	sent, handled, delivered time.Time // delivered is zero if the answer was lost
	status                   int
	was, page                modelPage // before and after it has done anything
	away                     bool      // the browser has given it up
}

func (q *modelRequest) String() string {
	since := func(t time.Time) time.Duration { return max(t.Sub(q.browser.m.began), -1) } // -1: never
	return fmt.Sprintf("%d: browser %d: %s %s, sent %v, handled %v, delivered %v, %d %+v, was %+v, %.34s", q.number, q.browser.number,
		q.do, q.with, since(q.sent), since(q.handled), since(q.delivered), q.status, q.page, q.was, q.cookies)
}

// newBrowser opens a browser with a session over there. It may have one here that nobody is
// signed in to.
func (m *model) newBrowser(number int) {
	b := &modelBrowser{m: m, number: number, jar: map[string]string{}, user: "ann"}
	m.browsers = append(m.browsers, b)
	if m.one(m.site.anonymous) {
		b.user = ""
	}
	if m.one(m.site.here) {
		m.calm.Store(true)
		b.send("add", b.item())
		m.calm.Store(false)
		b.requests = nil
	}
	b.brought = b.item()
	b.jar[oldCookie] = m.begin(b.user, b.brought)
}

// asks notes a request that is about to be sent.
func (b *modelBrowser) asks(do, with string) *modelRequest {
	b.mu.Lock()
	q := &modelRequest{browser: b, do: do, with: with, cookies: maps.Clone(b.jar), sent: time.Now(), status: http.StatusOK}
	b.mu.Unlock()
	b.m.mu.Lock()
	defer b.m.mu.Unlock()
	q.number = len(b.m.requests)
	b.m.requests, b.requests = append(b.m.requests, q), append(b.requests, q)
	return q
}

// item returns a new one, which shows whose it is.
func (b *modelBrowser) item() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.items++
	return fmt.Sprintf("%d-%d", b.number, b.items)
}

func (b *modelBrowser) take(q *modelRequest, res *http.Response) {
	b.mu.Lock()
	defer b.mu.Unlock()
	q.delivered = time.Now()
	for _, c := range res.Cookies() {
		if delete(b.jar, c.Name); c.MaxAge >= 0 {
			b.jar[c.Name] = c.Value
		}
	}
	if ticket := res.Header.Get(jarTicket); ticket != "" {
		b.jar[jarTicket] = ticket
	}
}

// send sends a request to one of the processes. Its answer may come late, when the tab has
// gone on, or be lost.
func (b *modelBrowser) send(do, with string) {
	m := b.m
	m.open.Add(1)
	q := b.asks(do, with)
	ctx, cancel := context.WithCancel(context.WithValue(m.t.Context(), asking{}, q))
	defer cancel()
	r := httptest.NewRequestWithContext(ctx, http.MethodPost, "https://shop.example/", http.NoBody)
	for name, value := range q.cookies {
		if name == jarTicket {
			r.Header.Set("Authorization", "Bearer "+value)
		} else {
			r.AddCookie(&http.Cookie{Name: name, Value: value})
		}
	}
	if m.one(4) {
		r.Header.Set("X-Poll", "1")
	}
	m.wait(100*time.Millisecond, 15, 10*time.Second)
	if q.away = m.one(m.site.goAway); q.away {
		m.late.Go(func() {
			m.stop(ctx, 200*time.Millisecond)
			cancel()
		})
	}
	w := httptest.NewRecorder()
	m.handlers[m.n(len(m.handlers))].ServeHTTP(w, r)
	m.open.Add(-1)
	q.handled, q.status = time.Now(), w.Code
	if q.away || m.one(5) {
		return
	}
	answer := func() {
		m.wait(100*time.Millisecond, 12, 20*time.Second)
		b.take(q, w.Result())
	}
	if m.turns && !m.calm.Load() || m.one(4) {
		m.late.Go(answer)
	} else {
		answer()
	}
}

// tab does a few things.
func (b *modelBrowser) tab() {
	m := b.m
	for range m.site.steps {
		pauses := []time.Duration{0, 100 * time.Millisecond, 100 * time.Millisecond, 2 * time.Second, 2 * time.Second, 40 * time.Second}
		m.wait(pauses[m.n(len(pauses))], m.site.long, 12*time.Minute)
		do, with, _ := strings.Cut(m.site.choices[m.n(len(m.site.choices))], ":")
		switch {
		case strings.HasPrefix(do, "old "):
			b.old(do, with)
		case do == "end all":
			b.endAll(with)
		case do == "add":
			b.send(do, b.item())
		default:
			b.send(do, with)
		}
	}
}

// endAll has an administrator end all sessions of a subject.
func (b *modelBrowser) endAll(subject string) {
	q := b.asks("end all", subject)
	b.m.open.Add(1)
	defer b.m.open.Add(-1)
	if _, err := b.m.managers[0].EndSubject(b.m.t.Context(), subject); err != nil {
		q.status = session.StatusCode(err)
	}
	q.handled = time.Now()
}

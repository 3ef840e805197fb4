package migrate_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
)

// A stormBrowser keeps cookies for all its tabs, and a ticket, where that travels in a header.
type stormBrowser struct {
	w      *storm
	number int
	user   string // who was signed in over there from the start; "": nobody

	mu    sync.Mutex
	jar   map[string]string
	items int
}

const jarTicket = "Session-Ticket"

// A stormRequest is what became of one.
type stormRequest struct {
	browser                  *stormBrowser
	do, with                 string
	cookies                  map[string]string
	sent, handled, delivered time.Time // delivered is zero if the answer was lost
	status                   int
	page                     stormPage
	away                     bool // the browser has given it up
}

func (q *stormRequest) String() string {
	since := func(t time.Time) time.Duration {
		if t.IsZero() {
			return -1
		}
		return t.Sub(q.browser.w.began)
	}
	var cookies []string
	for name, value := range q.cookies {
		cookies = append(cookies, name+"="+value[:min(len(value), 34)])
	}
	slices.Sort(cookies)
	return fmt.Sprintf("browser %d: %s %s, sent %v, handled %v, delivered %v, %d %+v, %s", q.browser.number, q.do, q.with,
		since(q.sent), since(q.handled), since(q.delivered), q.status, q.page, strings.Join(cookies, "; "))
}

// asks notes a request that is about to be sent.
func (b *stormBrowser) asks(do, with string) *stormRequest {
	b.mu.Lock()
	q := &stormRequest{browser: b, do: do, with: with, cookies: maps.Clone(b.jar), sent: time.Now(), status: http.StatusOK}
	b.mu.Unlock()
	b.w.mu.Lock()
	defer b.w.mu.Unlock()
	b.w.requests = append(b.w.requests, q)
	return q
}

// item returns a new one, which shows whose it is.
func (b *stormBrowser) item() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.items++
	return fmt.Sprintf("%d-%d", b.number, b.items)
}

func (b *stormBrowser) take(res *http.Response) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, c := range res.Cookies() {
		if delete(b.jar, c.Name); c.MaxAge >= 0 {
			b.jar[c.Name] = c.Value
		}
	}
	if ticket := res.Header.Get(jarTicket); ticket != "" {
		b.jar[jarTicket] = ticket
	}
}

// send sends a request to one of the processes, on a good line or a bad one.
func (b *stormBrowser) send(do, with string, good bool) {
	w := b.w
	q := b.asks(do, with)
	ctx, cancel := context.WithCancel(w.t.Context())
	defer cancel()
	query := url.Values{"do": {do}, "with": {with}}
	r := httptest.NewRequestWithContext(ctx, http.MethodPost, "https://shop.example/?"+query.Encode(), http.NoBody)
	for name, value := range q.cookies {
		if name == jarTicket {
			r.Header.Set("Authorization", "Bearer "+value)
		} else {
			r.AddCookie(&http.Cookie{Name: name, Value: value})
		}
	}
	if w.dice.one(4) {
		r.Header.Set("X-Poll", "1")
	}
	if !good {
		w.wait(100*time.Millisecond, 15, 10*time.Second)
		if q.away = w.dice.one(w.site.goAway); q.away {
			time.AfterFunc(w.dice.upTo(200*time.Millisecond), cancel)
		}
	}
	rec := httptest.NewRecorder()
	w.handlers[w.dice.n(len(w.handlers))].ServeHTTP(rec, r)
	q.handled, q.status = time.Now(), rec.Code
	if rec.Code == http.StatusOK {
		if err := json.Unmarshal(rec.Body.Bytes(), &q.page); err != nil {
			w.t.Error(err)
		}
	}
	if !good {
		if q.away || w.dice.one(6) {
			return
		}
		w.wait(100*time.Millisecond, 12, 20*time.Second)
	}
	b.take(rec.Result())
	q.delivered = time.Now()
}

// wait waits, and once in so many times for long.
func (w *storm) wait(short time.Duration, one int, long time.Duration) {
	<-time.After(w.dice.upTo(short))
	if w.dice.one(one) {
		<-time.After(w.dice.upTo(long))
	}
}

// tab does a few things.
func (b *stormBrowser) tab(steps int) {
	w, site := b.w, b.w.site
	choices := []struct {
		times    int
		do, with string
	}{
		{10, "view", ""},
		{8, "add", ""},
		{1, "renew", ""},
		{1, "step up", ""},
		{site.signOut, "sign out", ""},
		{site.signIn, "sign in", "ann"},
		{site.signInAsBob, "sign in", "bob"},
		{site.endOthers, "end others", ""},
		{site.act, "act", ""},
		{site.act, "stop", ""},
		{site.endSubject, "end all", "ann"},
		{site.oldSignIn, "old sign in", "ann"},
		{site.oldSignOut, "old sign out", ""},
		{site.oldWrite, "old write", ""},
	}
	total := 0
	for _, c := range choices {
		total += c.times
	}
	for range steps {
		pauses := []time.Duration{0, 100 * time.Millisecond, 100 * time.Millisecond, 2 * time.Second, 2 * time.Second, 40 * time.Second}
		<-time.After(w.dice.upTo(pauses[w.dice.n(len(pauses))]))
		if site.long > 0 && w.dice.one(30) {
			<-time.After(w.dice.upTo(12 * time.Minute))
		}
		x, i := w.dice.n(total), 0
		for ; x >= choices[i].times; i++ {
			x -= choices[i].times
		}
		do, with := choices[i].do, choices[i].with
		over, there := strings.CutPrefix(do, "old ")
		switch {
		case there:
			w.old(b, over, with)
		case do == "end all":
			w.endSubject(with)
		case do == "add":
			b.send(do, b.item(), false)
		default:
			b.send(do, with, false)
		}
	}
}

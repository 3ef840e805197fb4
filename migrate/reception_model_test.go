package migrate_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cloakroom-go/cloakroom/core/memstore"
	"github.com/cloakroom-go/cloakroom/core/session"
	"github.com/cloakroom-go/cloakroom/migrate"
)

// A model is one browser that moves in. Its requests overlap: they stop at each call of a
// store, old or new, and the model decides which goes on. Answers arrive in any order, or
// never. Its judge knows three rules: nothing comes back after a logout that was
// acknowledged, nobody is signed out but by a logout, and nothing is lost that was
// acknowledged.
type model struct {
	t         *testing.T
	random    *rand.Rand
	faults    bool
	anonymous bool // the browser has a session of ours
	limited   bool // to one session of a subject
	handler   http.Handler
	inner     *memstore.Store
	cookies   map[string]string
	trace     strings.Builder
	tasks     []*task
	answers   []*task
	sent      int
	out, back bool            // a logout has begun, and was acknowledged
	switched  bool            // somebody else has signed in,
	other     bool            // and the browser may have come back with that
	added     map[string]bool // what ann's cart has, acknowledged

	mu      sync.Mutex
	calls   []*call
	records map[string]string
}

// A task is a request.
type task struct {
	id   int
	what string
	must []string // is in ann's cart
	gone bool     // ann is signed out
	done bool
	w    *httptest.ResponseRecorder
}

func newModel(t *testing.T, seed uint64) *model {
	t.Helper()
	m := &model{
		t: t, random: rand.New(rand.NewPCG(seed, 7)), faults: seed%4 == 3, anonymous: seed%5 == 4, inner: memstore.New(memstore.Options{}),
		added: map[string]bool{"coat": true}, records: map[string]string{"sess:id": `{"cookie":{},"user":"ann","cart":["coat"]}`},
	}
	options := fromFlask()
	m.cookies = map[string]string{"session": known(t)}
	if seed%2 == 1 {
		express := migrate.Express{Keys: []string{"a secret"}, Records: modelRecords{m}}
		options.Sources = []migrate.Source{express}
		m.cookies = map[string]string{"connect.sid": "s:" + express.Sign("id")}
	}
	options.KeepOldCookie = seed%16 > 11
	options.Logger = slog.New(slog.DiscardHandler)
	options.Subject = func(old migrate.Legacy) (string, error) { return migrate.Value[string](old.Values, "user") }
	options.Values = func(old migrate.Legacy, s *session.Session) error { return migrate.Move(old.Values, "cart", cart, s) }
	so := session.Options{Keys: [][]byte{session.GenerateKey()}, Logger: options.Logger}
	if m.limited = seed/4%2 == 1; m.limited {
		so.MaxSessions, so.RefuseNew = 1, seed%3 == 0
	}
	sessions, err := session.New(m, so)
	if err != nil {
		t.Fatal(err)
	}
	reception, err := migrate.NewReception(sessions, options)
	if err != nil {
		t.Fatal(err)
	}
	m.handler = sessions.Handler(reception.Handler(sessions.HandlerFunc(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		_, _ = fmt.Fprintf(answered(w), "%s %v", s.Subject(), cart.Get(s))
		switch r.URL.Path {
		case "/add":
			cart.Update(s, func(items []string) []string { return append(items, r.URL.RawQuery) })
		case "/flash":
			s.Flash("info", r.URL.RawQuery)
		case "/renew":
			s.Renew()
		case "/others":
			_, _ = s.EndOthers(r.Context())
		case "/switch":
			s.Authenticate("bob")
		case "/logout":
			if s.Destroy(); options.KeepOldCookie {
				if err := reception.End(w, r); err != nil {
					http.Error(w, "try again", http.StatusServiceUnavailable)
				}
			}
		}
	})))
	return m
}

// run plays until all requests are answered, and then looks once more.
func (m *model) run() {
	if m.anonymous { // here already
		old := m.cookies
		m.cookies = map[string]string{}
		m.send("/add")
		faults := m.faults
		m.faults = false
		for m.waiting() {
			m.goOn()
		}
		m.faults = faults
		(&browser{cookies: old}).take(m.tasks[0].w)
		m.cookies, m.tasks = old, nil
	}
	for m.sent < 7 || len(m.tasks)+len(m.answers) > 0 {
		calls := m.waiting()
		m.tasks = slices.DeleteFunc(m.tasks, func(t *task) bool {
			if t.done {
				m.judge(t)
				m.answers = append(m.answers, t)
			}
			return t.done
		})
		switch n := m.random.IntN(12); {
		case n < 3 && m.sent < 7 && len(m.tasks) < 3:
			m.send([]string{"/", "/", "/add", "/add", "/renew", "/others", "/switch", "/logout", "/flash"}[m.random.IntN(9)])
		case n < 5 && len(m.answers) > 0:
			m.arrive()
		case calls:
			m.goOn()
		case len(m.tasks) > 0:
			<-time.After(50 * time.Millisecond) // they wait for one another
		case n == 5 && len(m.answers) == 0:
			<-time.After(40 * time.Second)
		}
	}
}

// answered returns where the body of w goes, so that it is written before the header leaves.
func answered(w http.ResponseWriter) io.Writer {
	for {
		switch inner := w.(type) {
		case *httptest.ResponseRecorder:
			return inner.Body
		case interface{ Unwrap() http.ResponseWriter }:
			w = inner.Unwrap()
		default:
			panic("no recorder")
		}
	}
}

// waiting waits until everything has stopped, and reports whether there are calls.
func (m *model) waiting() bool {
	synctest.Wait()
	m.mu.Lock()
	defer m.mu.Unlock()
	slices.SortFunc(m.calls, func(a, b *call) int { return a.task - b.task })
	return len(m.calls) > 0
}

// send sends a request with what the browser has.
func (m *model) send(path string) {
	m.sent++
	t := &task{id: m.sent, what: path, gone: m.back, w: httptest.NewRecorder()}
	url := fmt.Sprintf("%s?%d", path, t.id)
	r := httptest.NewRequestWithContext(context.WithValue(m.t.Context(), taskKey{}, t.id), http.MethodGet, url, http.NoBody)
	for name, value := range m.cookies {
		r.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	t.must = slices.Collect(maps.Keys(m.added))
	m.out = m.out || path == "/logout"
	m.switched = m.switched || path == "/switch"
	m.other = m.other || m.switched && (m.limited || m.cookies[ours] != "")
	m.tasks = append(m.tasks, t)
	fmt.Fprintf(&m.trace, "%d: %s with %v\n", t.id, path, slices.Sorted(maps.Keys(m.cookies)))
	go func() {
		m.handler.ServeHTTP(t.w, r)
		t.done = true
	}()
}

// goOn lets one of the calls happen, or fail.
func (m *model) goOn() {
	m.mu.Lock()
	i := m.random.IntN(len(m.calls))
	c := m.calls[i]
	m.calls = slices.Delete(m.calls, i, i+1)
	m.mu.Unlock()
	var fault [2]error
	if m.faults && m.random.IntN(12) == 0 {
		fault[m.random.IntN(2)] = errFault
	}
	fmt.Fprintf(&m.trace, "%d: %s %v\n", c.task, c.name, fault)
	c.answer <- fault
}

// arrive has the browser take an answer, or none.
func (m *model) arrive() {
	i := m.random.IntN(len(m.answers))
	t := m.answers[i]
	m.answers = slices.Delete(m.answers, i, i+1)
	lost := m.random.IntN(3) == 0
	fmt.Fprintf(&m.trace, "%d: answer %d %q, lost %t\n", t.id, t.w.Code, t.w.Body, lost)
	if lost {
		return
	}
	(&browser{cookies: m.cookies}).take(t.w)
	as, _, _ := strings.Cut(t.w.Body.String(), " ")
	switch {
	case t.w.Code != http.StatusOK:
	case t.what == "/logout":
		m.back = m.back || as != ""
	case t.what == "/add" && as == "ann":
		m.added[strconv.Itoa(t.id)] = true
	}
}

// judge looks at a page.
func (m *model) judge(t *task) {
	as, items, _ := strings.Cut(t.w.Body.String(), " ")
	why, items := "", " "+strings.Trim(items, "[]")+" "
	switch {
	case t.w.Code == http.StatusServiceUnavailable && m.faults:
	case t.gone && as == "ann":
		why = "ann is back"
	case t.what == "/renew" && t.w.Code == http.StatusConflict: // the visitor has a newer ticket
	case !m.out && !m.other && (as == "" || t.w.Code != http.StatusOK):
		why = "ann was signed out"
	case t.w.Code == http.StatusOK && as == "ann":
		for _, item := range t.must {
			if !strings.Contains(items, " "+item+" ") {
				why = "ann has lost " + item
			}
		}
	}
	if why != "" && !m.t.Failed() {
		m.t.Errorf("%s: %d %s shows %d %q\n%s", why, t.id, t.what, t.w.Code, t.w.Body, &m.trace)
	}
}

func TestModelOfMovingIn(t *testing.T) {
	t.Parallel()
	for seed := range uint64(600) {
		synctest.Test(t, func(t *testing.T) {
			newModel(t, seed).run()
		})
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

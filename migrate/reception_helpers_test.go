package migrate_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cloakroom-go/cloakroom/core/memstore"
	"github.com/cloakroom-go/cloakroom/core/session"
	"github.com/cloakroom-go/cloakroom/core/sessionstore"
	"github.com/cloakroom-go/cloakroom/migrate"
)

var cart = session.NewKey[[]string]("cart")

// A server is an application that visitors move to.
type server struct {
	t       *testing.T
	handler http.Handler
	store   *flakyStore
	away    func() // is called by who signs out, or clears
	log     bytes.Buffer

	mu     sync.Mutex
	events []migrate.Event
}

// flakyStore is a store that can be down.
type flakyStore struct {
	*memstore.Store

	down          error
	loads         atomic.Int64
	first, update func() // are called once, before a record is created or replaced
}

func (f *flakyStore) Load(ctx context.Context, id string) (sessionstore.Record, error) {
	f.loads.Add(1)
	if f.down != nil {
		return sessionstore.Record{}, f.down
	}
	return f.Store.Load(ctx, id)
}

func (f *flakyStore) Update(ctx context.Context, id string, old sessionstore.Version, r sessionstore.Record) error {
	if update := f.update; update != nil {
		f.update = nil
		update()
	}
	if f.down != nil {
		return f.down
	}
	return f.Store.Update(ctx, id, old, r)
}

func (f *flakyStore) Create(ctx context.Context, id string, r sessionstore.Record) error {
	if first := f.first; first != nil {
		f.first = nil
		first()
	}
	if f.down != nil {
		return f.down
	}
	return f.Store.Create(ctx, id, r)
}

// newServer starts an application with a page for what tests do.
func newServer(t *testing.T, o migrate.Options, so session.Options) *server {
	t.Helper()
	srv := &server{t: t, store: &flakyStore{Store: memstore.New(memstore.Options{})}}
	logger := slog.New(slog.NewTextHandler(&srv.log, nil))
	so.Keys, so.Logger = [][]byte{session.GenerateKey()}, logger
	sessions, err := session.New(srv.store, so)
	if err != nil {
		t.Fatal(err)
	}
	o.Logger = logger
	o.OnEvent = func(_ context.Context, e migrate.Event) {
		srv.mu.Lock()
		defer srv.mu.Unlock()
		srv.events = append(srv.events, e)
	}
	if o.Subject == nil {
		o.Subject = func(old migrate.Legacy) (string, error) { return migrate.Value[string](old.Values, "user") }
	}
	if o.Values == nil {
		o.Values = func(old migrate.Legacy, s *session.Session) error { return migrate.Move(old.Values, "cart", cart, s) }
	}
	reception, err := migrate.NewReception(sessions, o)
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	page := func(pattern string, f func(http.ResponseWriter, *http.Request, *session.Session)) {
		mux.Handle(pattern, sessions.HandlerFunc(f))
	}
	page("/{$}", func(w http.ResponseWriter, _ *http.Request, s *session.Session) {
		fmt.Fprintf(w, "%s %v", s.Subject(), cart.Get(s))
	})
	page("/add", func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
		cart.Update(s, func(items []string) []string { return append(items, "hat") })
	})
	page("/save", func(w http.ResponseWriter, _ *http.Request, s *session.Session) {
		cart.Set(s, []string{"hat"})
		fmt.Fprint(w, "saved") // the header leaves
	})
	page("/bye", func(w http.ResponseWriter, _ *http.Request, s *session.Session) {
		s.Destroy()
		fmt.Fprint(w, "bye") // the header leaves
	})
	page("/logout", func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		s.Destroy()
		srv.goAway()
		if o.KeepOldCookie {
			if err := reception.End(w, r); err != nil {
				t.Error(err)
			}
		}
	})
	page("/others", func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		if _, err := s.EndOthers(r.Context()); err != nil {
			sessions.Fail(w, r, err)
		}
	})
	page("/end", func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		if err := reception.End(w, r); err != nil {
			http.Error(w, "try again", http.StatusServiceUnavailable)
			return
		}
		s.Destroy()
	})
	page("/clear", func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
		s.Clear()
		srv.goAway()
	})
	page("/wipe", func(w http.ResponseWriter, _ *http.Request, s *session.Session) {
		s.Clear()
		fmt.Fprint(w, "cleared") // the header leaves
		srv.goAway()
	})
	page("/names", func(w http.ResponseWriter, _ *http.Request, s *session.Session) {
		names := s.Names()
		if s.Has("cloakroom.migrate") {
			names = append(names, "and a note")
		}
		fmt.Fprint(w, names)
	})
	page("/switch", func(_ http.ResponseWriter, _ *http.Request, s *session.Session) { s.Authenticate("bob") })
	page("/enter", func(w http.ResponseWriter, _ *http.Request, s *session.Session) {
		s.Authenticate("bob")
		fmt.Fprint(w, "come in") // the header leaves
	})
	page("/act", func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
		if err := s.Impersonate(r.Context(), "bob", time.Minute); err != nil {
			t.Error(err)
		}
	})
	mux.HandleFunc("/panic", func(http.ResponseWriter, *http.Request) { panic("a mistake") })
	mux.HandleFunc("/static", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "no session") })
	srv.handler = recovered(sessions.Handler(reception.Handler(mux)))
	return srv
}

func (srv *server) goAway() {
	if srv.away != nil {
		srv.away()
	}
}

// recovered answers with 500 when next panics, from around all other handlers.
func recovered(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			if recover() != nil {
				w.WriteHeader(http.StatusInternalServerError)
			}
		}()
		next.ServeHTTP(w, r)
	})
}

// wantEvents compares how often which kinds of events have happened.
func (srv *server) wantEvents(want map[migrate.EventKind]int) {
	srv.t.Helper()
	srv.mu.Lock()
	defer srv.mu.Unlock()
	got := map[migrate.EventKind]int{}
	for _, e := range srv.events {
		got[e.Kind]++
	}
	if !maps.Equal(got, want) {
		srv.t.Errorf("events: %v, want %v", got, want)
	}
}

// A browser keeps cookies.
type browser struct {
	*server

	cookies map[string]string
	header  http.Header
}

func (srv *server) browser(name, value string) *browser {
	return &browser{server: srv, cookies: map[string]string{name: value}, header: http.Header{}}
}

// send sends a request, and leaves its answer to the test.
func (b *browser) send(method, path string) *httptest.ResponseRecorder {
	b.t.Helper()
	r := httptest.NewRequestWithContext(b.t.Context(), method, path, http.NoBody)
	r.Header = b.header.Clone()
	for name, value := range b.cookies {
		r.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	w := httptest.NewRecorder()
	b.handler.ServeHTTP(w, r)
	return w
}

// get sends a request, takes in its cookies, and returns the page.
func (b *browser) get(path string) string {
	b.t.Helper()
	w := b.send(http.MethodGet, path)
	b.take(w)
	return w.Body.String()
}

func (b *browser) take(w *httptest.ResponseRecorder) {
	for _, c := range w.Result().Cookies() {
		if c.MaxAge < 0 {
			delete(b.cookies, c.Name)
		} else {
			b.cookies[c.Name] = c.Value
		}
	}
}

func (b *browser) wantPage(path, want string) {
	b.t.Helper()
	if got := b.get(path); got != want {
		b.t.Errorf("%s shows %q, want %q\n%s", path, got, want, &b.log)
	}
}

func (b *browser) wantCookies(want ...string) {
	b.t.Helper()
	var got []string
	for name := range b.cookies {
		got = append(got, name)
	}
	if slices.Sort(got); !slices.Equal(got, want) {
		b.t.Errorf("the browser has %q, want %q", got, want)
	}
}

const ours = "__Host-session"

var flask = migrate.Flask{Keys: []string{"a secret"}}

func flaskCookie(t *testing.T, values migrate.Values) string {
	t.Helper()
	value, err := flask.Encode(values)
	if err != nil {
		t.Fatal(err)
	}
	return value
}

func known(t *testing.T) string {
	t.Helper()
	return flaskCookie(t, migrate.Values{"user": "ann", "cart": []any{"coat"}})
}

func fromFlask() migrate.Options { return migrate.Options{Sources: []migrate.Source{flask}} }

// legacyRecords are those of an old server that can be down.
type legacyRecords struct {
	values map[string]string
	down   error
	hangs  bool
}

func (l *legacyRecords) Load(ctx context.Context, key string) ([]byte, error) {
	if l.hangs {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	if l.down != nil {
		return nil, l.down
	}
	value, ok := l.values[key]
	if !ok {
		return nil, migrate.ErrNotFound
	}
	return []byte(value), nil
}

func (l *legacyRecords) Delete(ctx context.Context, key string) error {
	if l.down != nil {
		return l.down
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	delete(l.values, key)
	return nil
}

// fromExpress returns options, the records, and a cookie of a visitor who is signed
// in.
func fromExpress() (migrate.Options, *legacyRecords, string) {
	records := &legacyRecords{values: map[string]string{"sess:id": `{"cookie":{},"user":"ann","cart":["coat"]}`}}
	express := migrate.Express{Keys: []string{"a secret"}, Records: records}
	return migrate.Options{Sources: []migrate.Source{express}}, records, "s:" + express.Sign("id")
}

// A badLine carries a browser's requests: servers are down, time passes, and answers are
// lost or come late.
type badLine struct {
	random  *rand.Rand
	records *legacyRecords
	browser *browser
	late    []*httptest.ResponseRecorder
}

// send makes a request, with or without a fault.
func (l *badLine) send(path string) *httptest.ResponseRecorder {
	store := l.browser.store
	l.records.down, store.down = nil, nil
	switch l.random.IntN(8) {
	case 0:
		l.records.down = errors.New("down")
	case 1:
		store.down = errors.New("down")
	case 2, 3:
		<-time.After(time.Duration(l.random.IntN(100)) * time.Second)
	}
	return l.browser.send(http.MethodGet, path)
}

// answer loses an answer, delays it or delivers it, and delivers one from before.
func (l *badLine) answer(w *httptest.ResponseRecorder) {
	switch l.random.IntN(4) {
	case 0: // lost
	case 1:
		l.late = append(l.late, w)
	default:
		l.browser.take(w)
	}
	if len(l.late) > 0 && l.random.IntN(3) == 0 {
		l.browser.take(l.late[0])
		l.late = l.late[1:]
	}
}

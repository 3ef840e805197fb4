package session_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"

	"github.com/cloakroom-go/cloakroom/core/memstore"
	"github.com/cloakroom-go/cloakroom/core/session"
	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

const (
	opList          op = "ListSubject"
	opDeleteSubject op = "DeleteSubject"
)

// An indexedStore is a faultyStore that is a SubjectIndex as well.
type indexedStore struct {
	*faultyStore

	index sessionstore.SubjectIndex
}

var _ sessionstore.SubjectIndex = indexedStore{}

func (s indexedStore) ListSubject(ctx context.Context, subject string) (list []sessionstore.Entry, err error) {
	err = s.do(ctx, opList, func() (err error) {
		list, err = s.index.ListSubject(ctx, subject)
		return err
	})
	return list, err
}

func (s indexedStore) DeleteSubject(ctx context.Context, subject string) (n int, err error) {
	err = s.do(ctx, opDeleteSubject, func() (err error) {
		n, err = s.index.DeleteSubject(ctx, subject)
		return err
	})
	return n, err
}

// A ledger remembers under which ids something was stored, and all of it.
type ledger struct {
	*memstore.Store

	mu   sync.Mutex
	ids  []string
	data [][]byte
}

func (l *ledger) note(id string, r sessionstore.Record) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !slices.Contains(l.ids, id) {
		l.ids = append(l.ids, id)
	}
	l.data = append(l.data, []byte(id), []byte(r.Subject), slices.Clone(r.Data))
}

func (l *ledger) Create(ctx context.Context, id string, r sessionstore.Record) error {
	l.note(id, r)
	return l.Store.Create(ctx, id, r)
}

func (l *ledger) Update(ctx context.Context, id string, old sessionstore.Version, r sessionstore.Record) error {
	l.note(id, r)
	return l.Store.Update(ctx, id, old, r)
}

// records counts the live records but the tombstones.
func (l *ledger) records(tb testing.TB) int {
	tb.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	n := 0
	for _, id := range l.ids {
		switch r, err := l.Load(tb.Context(), id); {
		case err == nil && !session.IsTombstone(r):
			n++
		case err != nil && !errors.Is(err, session.ErrNotFound):
			tb.Fatal(err)
		}
	}
	return n
}

// newIndexedEnv is newEnv with a store that finds sessions by subject.
func newIndexedEnv(tb testing.TB, configure ...func(*session.Options)) (*env, *ledger) {
	tb.Helper()
	e := newEnv(tb)
	l := &ledger{Store: e.mem}
	e.store.inner = l
	e.m = e.manager(e.indexed(), configure...)
	return e, l
}

func (e *env) indexed() session.Store { return indexedStore{e.store, e.mem} }

// login gives a new visitor a session of subject's.
func (e *env) login(subject string, more ...handler) *visitor {
	e.tb.Helper()
	return e.seed(signIn(subject, more...))
}

// list returns a subject's sessions.
func (e *env) list(subject string) []session.Info {
	e.tb.Helper()
	list, err := e.m.List(e.tb.Context(), subject)
	if err != nil {
		e.tb.Fatal(err)
	}
	return list
}

// at plants a fault at a call of the store, counted from 1, and with outage at
// all after it. With lost the store acts, and the answer is err.
func (f *faultyStore) at(n int, lost, outage bool, err error) {
	calls := 0
	hit := func() bool { return calls == n || outage && calls > n }
	f.mu.Lock()
	defer f.mu.Unlock()
	var mu sync.Mutex
	f.before = func(context.Context, op) error {
		mu.Lock()
		defer mu.Unlock()
		if calls++; hit() && !lost {
			return err
		}
		return nil
	}
	f.after = func(_ op, answer error) error {
		mu.Lock()
		defer mu.Unlock()
		if hit() && lost {
			return err
		}
		return answer
	}
}

// meet calls f ahead of the n-th call of the store, counted from 1; what f does
// there isn't counted. It returns whether f was called.
func (f *faultyStore) meet(n int, meanwhile func()) (met func() bool) {
	var mu sync.Mutex
	calls, busy, done := 0, false, false
	f.intercept(func(context.Context, op) error {
		mu.Lock()
		if busy {
			mu.Unlock()
			return nil
		}
		calls++
		if calls != n {
			mu.Unlock()
			return nil
		}
		busy = true
		mu.Unlock()
		meanwhile()
		mu.Lock()
		busy, done = false, true
		mu.Unlock()
		return nil
	})
	return func() bool {
		mu.Lock()
		defer mu.Unlock()
		return done
	}
}

// A diary notes events.
type diary struct {
	mu     sync.Mutex
	events []session.Event
}

func (d *diary) keep(o *session.Options) {
	o.OnEvent = func(_ context.Context, e session.Event) {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.events = append(d.events, e)
	}
}

// taken returns the events since the last call.
func (d *diary) taken() []session.Event {
	d.mu.Lock()
	defer d.mu.Unlock()
	events := d.events
	d.events = nil
	return events
}

// kinds returns the events since the last call, in words.
func (d *diary) kinds() []string {
	var kinds []string
	for _, e := range d.taken() {
		kind := e.Kind.String()
		if e.Reason != "" {
			kind += ": " + string(e.Reason)
		}
		kinds = append(kinds, kind)
	}
	return kinds
}

// signIn returns a handler that authenticates subject and then does more.
func signIn(subject string, more ...handler) handler {
	return func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		s.Authenticate(subject)
		for _, f := range more {
			f(w, r, s)
		}
	}
}

func newRequest(tb testing.TB) *http.Request {
	tb.Helper()
	return httptest.NewRequestWithContext(tb.Context(), http.MethodGet, "/", http.NoBody)
}

func serveRequest(h http.Handler, r *http.Request) *http.Response {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result()
}

// idle is long enough for a touch to be due.
const idle = session.DefaultIdleTimeout / 2

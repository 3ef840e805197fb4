package session_test

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/cloakroom-go/cloakroom/core/session"
)

const crowd = 10_000

// look gets the session and reads it.
func look(_ http.ResponseWriter, _ *http.Request, s *session.Session) { counter.Get(s) }

// A headerWriter is the cheapest writer that keeps the header.
type headerWriter struct{ header http.Header }

func (w *headerWriter) Header() http.Header         { return w.header }
func (w *headerWriter) Write(b []byte) (int, error) { return len(b), nil }
func (w *headerWriter) WriteHeader(int)             {}

// crowded sends many requests with the cookies that value gives and checks that
// none gets one back.
func crowded(t *testing.T, e *env, value func() string) map[op]int {
	t.Helper()
	h := e.manager(e.store, func(o *session.Options) { o.Logger = discard }).HandlerFunc(look)
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", http.NoBody)
	for range crowd {
		w := &headerWriter{make(http.Header)}
		if v := value(); v != "" {
			r.Header.Set("Cookie", "__Host-session="+v)
		}
		h.ServeHTTP(w, r)
		if w.header["Set-Cookie"] != nil {
			t.Fatalf("Set-Cookie: %q", w.header["Set-Cookie"])
		}
	}
	calls := e.store.taken()
	if calls[opCreate]+calls[opUpdate]+calls[opTouch]+calls[opDelete] != 0 {
		t.Errorf("store calls %v: something was written", calls)
	}
	return calls
}

func TestAnonymousRequestsCostNoRecordAndNoStoreCall(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	if calls := crowded(t, e, func() string { return "" }); len(calls) != 0 {
		t.Errorf("store calls %v, want none", calls)
	}
}

func TestForgedTicketsNeverReachTheStore(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	calls := crowded(t, e, func() string {
		var token [64]byte
		_, _ = rand.Read(token[:]) // never fails
		text := base64.RawURLEncoding.EncodeToString
		return text(token[:32]) + "." + text(token[32:])
	})
	if len(calls) != 0 {
		t.Errorf("store calls %v, want none", calls)
	}
}

// forgotten returns a visitor whose session the store has lost.
func (e *env) forgotten() *visitor {
	e.tb.Helper()
	v := e.seed(count)
	if err := e.mem.Delete(e.tb.Context(), v.id()); err != nil {
		e.tb.Fatal(err)
	}
	return v
}

func TestUnknownTicketsCostALoadAndNoRecord(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	unknown := e.forgotten()
	if calls := crowded(t, e, unknown.ticket); calls[opLoad] != crowd || len(calls) != 1 {
		t.Errorf("store calls %v, want loads only", calls)
	}
}

func TestAnUnknownTicketNeverNamesANewSession(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	unknown := e.forgotten()
	planted := unknown.fork()
	wantStatus(t, planted.do(count), http.StatusOK)
	if planted.ticket() == unknown.ticket() || planted.id() == unknown.id() {
		t.Error("the new session has the ticket, or the id, that was presented")
	}
	if _, ok := read(unknown, counter); ok {
		t.Error("something is stored under the ticket that was presented")
	}
}

func TestWhatIsNoTicketIsANewSession(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	good := e.seed(count).cookie.Value
	for name, value := range map[string]string{
		"empty":              "",
		"garbage":            "%%%;\x01\"",
		"quoted":             `"` + good + `"`,
		"cut":                good[:len(good)-1],
		"longer":             good + "A",
		"token only":         good[:43],
		"token and dot":      good[:44],
		"no dot":             good[:43] + "A" + good[44:],
		"other separator":    strings.Replace(good, ".", "|", 1),
		"8 KB":               strings.Repeat("A", 8<<10),
		"8 KB after it":      good + strings.Repeat("A", 8<<10),
		"8 KB of separators": strings.Repeat(".", 8<<10),
		"traversal":          "../../../../etc/passwd",
		"padding":            good + "=",
		"not UTF-8":          strings.Repeat("\xff", 43) + "." + strings.Repeat("\xff", 43),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newEnv(t)
			e.secret(value)
			r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", http.NoBody)
			r.Header.Set("Cookie", "__Host-session="+value)
			w := httptest.NewRecorder()
			e.m.HandlerFunc(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
				if !s.IsNew() {
					t.Error("the session is not new")
				}
			}).ServeHTTP(w, r)
			wantStatus(t, w.Result(), http.StatusOK)
			if calls := e.store.taken(); len(calls) != 0 {
				t.Errorf("store calls %v, want none", calls)
			}
			if !strings.Contains(e.logs.String(), "does not verify") {
				t.Error("nothing was logged")
			}
		})
	}
}

func TestOfTwoCookiesTheOneThatLivesCounts(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	live := e.seed(count)
	second := e.seed(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) { counter.Set(s, 2) })
	dead := e.seed(count)
	dead.fork().do(destroy)
	const garbage = "garbage"
	for _, c := range []struct {
		name   string
		values []string
		want   int
	}{
		{"garbage, live", []string{garbage, live.cookie.Value}, 1},
		{"live, garbage", []string{live.cookie.Value, garbage}, 1},
		{"dead, live", []string{dead.cookie.Value, live.cookie.Value}, 1},
		{"live, dead", []string{live.cookie.Value, dead.cookie.Value}, 1},
		{"both live: the first, whose path is longer", []string{second.cookie.Value, live.cookie.Value}, 2},
		{"garbage, dead", []string{garbage, dead.cookie.Value}, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			for _, lines := range []bool{false, true} { // one Cookie field, or one each as in HTTP/2
				r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", http.NoBody)
				for _, value := range c.values {
					if lines {
						r.Header.Add("Cookie", "__Host-session="+value)
					} else {
						r.AddCookie(&http.Cookie{Name: "__Host-session", Value: value})
					}
				}
				w := httptest.NewRecorder()
				got := -1
				e.m.HandlerFunc(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) { got = counter.Get(s) }).ServeHTTP(w, r)
				wantStatus(t, w.Result(), http.StatusOK)
				if got != c.want {
					t.Errorf("counter %d, want %d", got, c.want)
				}
			}
		})
	}
}

func TestManyCookiesOfTheNameCostLittle(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	dead := e.seed(count)
	dead.fork().do(destroy)
	e.store.reset()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", http.NoBody)
	r.Header.Set("Cookie", strings.Repeat("__Host-session="+dead.cookie.Value+"; ", 1000))
	e.m.HandlerFunc(look).ServeHTTP(httptest.NewRecorder(), r)
	if calls := e.store.taken(); calls[opLoad] > 4 {
		t.Errorf("%d loads for one request", calls[opLoad])
	}
}

func TestATicketOfAnotherCookieNameIsForged(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	v := e.seed(count)
	other := e.manager(e.store, func(o *session.Options) { o.Cookie.Name = "__Host-admin-session" })
	moved := &visitor{e: e, m: other, cookie: &http.Cookie{Name: "__Host-admin-session", Value: v.cookie.Value}}
	if _, ok := read(moved, counter); ok {
		t.Error("a ticket holds under another cookie's name")
	}
	if calls := e.store.taken(); len(calls) != 0 {
		t.Errorf("store calls %v, want none", calls)
	}
}

// Nothing is left of it: a new visitor loses nothing, and one whose ticket is not good for its
// session is told that nothing is saved.
func TestAChangeThatIsTakenBackIsNone(t *testing.T) {
	t.Parallel()
	takeBack := both(count, clearValues)
	e := newEnv(t)
	e.visitor().do(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		w.WriteHeader(http.StatusOK)
		takeBack(w, r, s)
	})
	if strings.Contains(e.logs.String(), "not saved") {
		t.Errorf("logged %q", e.logs)
	}
	v := e.seed(count)
	old := v.fork()
	v.do(authenticate)
	v.do(nothing)
	old.do(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		takeBack(w, r, s)
		if err := s.Commit(r.Context()); !errors.Is(err, session.ErrNotFound) || strings.Contains(err.Error(), "site") {
			t.Errorf("Commit: %v, want ErrNotFound, and that it is the ticket's", err)
		}
	})
}

package stores_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/cloakroom-go/cloakroom/conformance/stores/internal/backends"
	"github.com/cloakroom-go/cloakroom/core/session"
	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// onEveryStore runs f with each store of this repository on a real server, at a place
// of its own.
func onEveryStore(t *testing.T, f func(t *testing.T, store sessionstore.Store)) {
	t.Helper()
	for _, b := range backends.All {
		t.Run(b.Name, func(t *testing.T) {
			t.Parallel()
			store, _ := b.New(t)
			f(t, store)
		})
	}
}

// lifeOptions are for tests in which time is real.
func lifeOptions() session.Options {
	return session.Options{
		Keys:         [][]byte{session.GenerateKey()},
		Cookie:       session.Cookie{Insecure: true},
		StoreTimeout: patience,
	}
}

// manager returns a Manager. What a store fails with is logged: the status only says that it has.
func manager(t *testing.T, store sessionstore.Store, o session.Options) *session.Manager {
	t.Helper()
	if o.OnEvent == nil {
		o.OnEvent = func(_ context.Context, e session.Event) {
			if e.Kind == session.EventStoreError && t.Context().Err() == nil { // else the test may be over
				t.Log(e.Err)
			}
		}
	}
	m, err := session.New(store, o)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// send runs f as the handler of one request with this cookie, and returns the
// answer with the cookie that holds afterwards.
func send(
	t *testing.T, m *session.Manager, cookie *http.Cookie, f func(ctx context.Context, s *session.Session),
) (*http.Response, *http.Cookie) {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", http.NoBody)
	if cookie != nil {
		r.AddCookie(cookie)
	}
	w := httptest.NewRecorder()
	m.HandlerFunc(func(_ http.ResponseWriter, r *http.Request, s *session.Session) { f(r.Context(), s) }).ServeHTTP(w, r)
	res := w.Result()
	for _, c := range res.Cookies() {
		cookie = c
	}
	return res, cookie
}

func count(_ context.Context, s *session.Session) {
	counter.Update(s, func(n int) int { return n + 1 })
}

// subject returns a name that no other test uses.
func subject() string { return "subject " + session.FormatKey(session.GenerateKey()) }

// login signs subject in on a device of its own.
func login(t *testing.T, m *session.Manager, subject string) (*http.Response, *http.Cookie) {
	t.Helper()
	return send(t, m, nil, func(_ context.Context, s *session.Session) { s.Authenticate(subject) })
}

func wantSubject(t *testing.T, m *session.Manager, cookie *http.Cookie, want string) {
	t.Helper()
	send(t, m, cookie, func(_ context.Context, s *session.Session) {
		if s.Subject() != want {
			t.Errorf("signed in as %q, want %q", s.Subject(), want)
		}
	})
}

// unsupported reports whether the store has no sessions by subject, and checks
// that it says so.
func unsupported(t *testing.T, store sessionstore.Store) bool {
	t.Helper()
	if _, ok := sessionstore.As[sessionstore.SubjectIndex](store); ok {
		return false
	}
	m := manager(t, store, lifeOptions())
	_, listing := m.List(t.Context(), "ann")
	_, ending := m.EndSubject(t.Context(), "ann")
	_, some := m.EndIf(t.Context(), "ann", func(session.Info) bool { return true })
	_, everybody := m.EndEverybody(t.Context())
	o := lifeOptions()
	o.MaxSessions = 1
	_, limit := session.New(store, o)
	for i, err := range []error{listing, ending, some, everybody, limit, m.End(t.Context(), "ann", "id")} {
		if !errors.Is(err, sessionstore.ErrUnsupported) {
			t.Errorf("%d: %v, want ErrUnsupported", i, err)
		}
	}
	return true
}

// 50 requests with the old ticket, at the moment when it is due to be renewed:
// nobody is logged out, nothing is lost, one session remains, and one answer brings a
// new ticket.
func TestRenewalLosesNobodyOnAnyStore(t *testing.T) {
	t.Parallel()
	onEveryStore(t, func(t *testing.T, store sessionstore.Store) {
		t.Helper()
		// A machine that is too busy for 50 requests within the grace shows nothing, and
		// is given twice the time.
		for grace := 4 * time.Second; !renewedAtOnce(t, store, grace); grace *= 2 {
			t.Logf("50 requests took longer than %v", grace)
		}
	})
}

// renewedAtOnce reports whether the requests were done within the grace, and checks
// then what has become of the session.
func renewedAtOnce(t *testing.T, store sessionstore.Store, grace time.Duration) bool {
	t.Helper()
	o := lifeOptions()
	o.RenewGrace = grace
	o.RenewEvery = o.RenewGrace + time.Millisecond
	m := manager(t, store, o)
	who := subject()
	_, old := login(t, m, who)
	<-time.After(o.RenewEvery) // the servers' time can't be faked
	start := time.Now()
	var wg sync.WaitGroup
	var mu sync.Mutex
	tickets := make(map[string]*http.Cookie)
	for range 50 {
		wg.Go(func() {
			res, now := send(t, m, old, count)
			if res.StatusCode != http.StatusOK {
				t.Errorf("status %d", res.StatusCode)
			}
			mu.Lock()
			defer mu.Unlock()
			tickets[now.Value] = now
		})
	}
	wg.Wait()
	if time.Since(start) >= grace {
		return false
	}
	if len(tickets) != 2 || tickets[old.Value] == nil {
		t.Fatalf("%d tickets are there, the old one among them: %v", len(tickets), tickets[old.Value] != nil)
	}
	for _, now := range tickets {
		send(t, m, now, func(_ context.Context, s *session.Session) {
			if n := counter.Get(s); n != 50 || s.Subject() != who {
				t.Errorf("%q counted %d, want %q and 50", s.Subject(), n, who)
			}
		})
	}
	if list, err := sessionstore.ListSubject(t.Context(), store, who); err == nil && len(list) != 1 {
		t.Errorf("%d records of the subject, want 1", len(list))
	}
	return true
}

func TestALimitOfSessionsIsExactOnEveryStore(t *testing.T) {
	t.Parallel()
	onEveryStore(t, func(t *testing.T, store sessionstore.Store) {
		t.Helper()
		if unsupported(t, store) {
			return
		}
		for _, refuse := range []bool{false, true} {
			t.Run(fmt.Sprintf("refuse %v", refuse), func(t *testing.T) {
				t.Parallel()
				o := lifeOptions()
				o.MaxSessions, o.RefuseNew = 3, refuse
				managers := []*session.Manager{manager(t, store, o), manager(t, store, o)}
				who := subject()
				var wg sync.WaitGroup
				for i := range 100 {
					wg.Go(func() {
						res, _ := login(t, managers[i%2], who)
						want := http.StatusConflict // newer logins have ended it before its ticket left
						if refuse {
							want = http.StatusForbidden
						}
						if res.StatusCode != http.StatusOK && res.StatusCode != want {
							t.Errorf("status %d", res.StatusCode)
						}
					})
				}
				wg.Wait()
				list, err := managers[0].List(t.Context(), who)
				if err != nil || len(list) > 3 || !refuse && len(list) < 3 {
					t.Errorf("100 logins have left %d sessions (%v), want 3", len(list), err)
				}
				for n := len(list); refuse && n < 3; n++ { // on a slow server, they may refuse each other
					if res, _ := login(t, managers[0], who); res.StatusCode != http.StatusOK {
						t.Errorf("status %d beside %d sessions, want 200", res.StatusCode, n)
					}
				}
				if !refuse {
					return
				}
				if res, _ := login(t, managers[1], who); res.StatusCode != http.StatusForbidden {
					t.Errorf("status %d beside three sessions, want 403", res.StatusCode)
				}
			})
		}
	})
}

func TestSessionsAreListedAndEndedOnEveryStore(t *testing.T) {
	t.Parallel()
	onEveryStore(t, func(t *testing.T, store sessionstore.Store) {
		t.Helper()
		if unsupported(t, store) {
			return
		}
		m := manager(t, store, lifeOptions())
		who := subject()
		var devices [5]*http.Cookie
		for i := range devices {
			_, devices[i] = login(t, m, who)
		}
		_, other := login(t, m, subject())
		_, devices[4] = send(t, m, devices[4], func(_ context.Context, s *session.Session) {
			items.Set(s, []string{"phone"})
		})

		list, err := m.List(t.Context(), who)
		if err != nil || len(list) != len(devices) {
			t.Fatalf("%d sessions listed (%v), want %d", len(list), err, len(devices))
		}
		named := 0
		for _, i := range list {
			if names, ok := items.From(i); ok && len(names) == 1 && names[0] == "phone" {
				named++
			}
		}
		if named != 1 {
			t.Errorf("%d devices are called phone, want 1", named)
		}

		var id string
		send(t, m, devices[0], func(_ context.Context, s *session.Session) { id = s.ID() })
		if err := m.End(t.Context(), who, id); err != nil {
			t.Error(err)
		}
		if err := m.End(t.Context(), who, id); !errors.Is(err, sessionstore.ErrNotFound) {
			t.Errorf("ending it again: %v, want ErrNotFound", err)
		}
		wantSubject(t, m, devices[0], "")
		phone := func(i session.Info) bool {
			names, _ := items.From(i)
			return slices.Equal(names, []string{"phone"})
		}
		if n, err := m.EndIf(t.Context(), who, phone); n != 1 || err != nil {
			t.Errorf("%d phones ended, %v; want 1", n, err)
		}
		wantSubject(t, m, devices[4], "")
		send(t, m, devices[1], func(ctx context.Context, s *session.Session) {
			if n, err := s.EndOthers(ctx); n != 2 || err != nil {
				t.Errorf("%d others ended, %v; want 2", n, err)
			}
		})
		wantSubject(t, m, devices[1], who)
		wantSubject(t, m, devices[2], "")
		if n, err := m.EndSubject(t.Context(), who); n != 1 || err != nil {
			t.Errorf("%d sessions ended, %v; want 1", n, err)
		}
		wantSubject(t, m, devices[1], "")
		if res, _ := send(t, m, other, count); res.StatusCode != http.StatusOK {
			t.Errorf("somebody else's session: status %d", res.StatusCode)
		}
	})
}

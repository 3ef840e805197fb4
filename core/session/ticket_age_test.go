package session_test

import (
	"context"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cloakroom-go/cloakroom/core/session"
)

const (
	renewEvery = 10 * time.Minute
	renewGrace = session.DefaultRenewGrace
)

func renewing(o *session.Options) { o.RenewEvery = renewEvery }

func publicIDOf(to *string) handler {
	return func(_ http.ResponseWriter, _ *http.Request, s *session.Session) { *to = s.ID() }
}

func stepUp(_ http.ResponseWriter, _ *http.Request, s *session.Session) { s.StepUp("2fa", time.Hour) }

// alive reports whether a ticket gives a session, and leaves the visitor's
// cookie as it is.
func alive(v *visitor) bool {
	v.e.tb.Helper()
	_, ok := read(v, counter)
	return ok
}

func TestATicketIsRenewedAfterRenewEvery(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		after   time.Duration
		work    handler
		renewed bool
	}{
		{"not at T-1ns", renewEvery - 1, nothing, false},
		{"by a reader at T", renewEvery, nothing, true},
		{"by a writer at T", renewEvery, count, true},
		{"long after", 2*renewEvery + 1, nothing, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				e, _ := newIndexedEnv(t, renewing)
				v := e.login("ann", count)
				old := v.fork()
				var before, after string
				old.fork().do(publicIDOf(&before))
				pass(c.after)
				wantStatus(t, v.do(c.work), http.StatusOK)
				if renewed := v.ticket() != old.ticket(); renewed != c.renewed || v.id() != old.id() {
					t.Fatalf("a new ticket: %v, want %v; of the same session: %v", renewed, c.renewed, v.id() == old.id())
				}
				v.do(publicIDOf(&after))
				if before != after {
					t.Error("the id is another one")
				}
				if !c.renewed {
					return
				}
				again := v.fork()
				pass(renewEvery - 1)
				v.do(nothing)
				if v.ticket() != again.ticket() {
					t.Error("renewed again before its time")
				}
				pass(1)
				v.do(nothing)
				if v.ticket() == again.ticket() {
					t.Error("not renewed again")
				}
			})
		})
	}
}

func TestRenewalDoesNotExtendAbsoluteTimeout(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		v := newEnv(t, renewing, func(o *session.Options) { o.AbsoluteTimeout = 5 * time.Hour }).seed(signIn("ann", count))
		for range 5*60 - 1 {
			pass(time.Minute)
			v.do(nothing)
		}
		pass(time.Minute - 1)
		if !alive(v) {
			t.Error("dead 1 ns before AbsoluteTimeout")
		}
		pass(1)
		if alive(v) {
			t.Error("alive at AbsoluteTimeout")
		}
	})
}

// Nothing is gained by a newer ticket, and a late answer would overwrite a login's.
func TestAnAnonymousSessionIsNotRenewed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		v := newEnv(t, renewing).seed(count)
		for _, work := range []handler{nothing, count, renew} {
			pass(renewEvery)
			wantNoCookie(t, v.do(work))
		}
	})
}

// What requests across a renewal share: they have all loaded the session under the
// old ticket before any of them commits.
const party = 50

func TestParallelRequestsAcrossARenewalStayInOneSession(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name      string
		configure func(*session.Options)
		managers  int
		slow      bool
	}{
		{"one manager", nil, 1, false},
		{"two managers", nil, 2, false},
		{"a slow store", nil, 2, true},
		{"persistent cookies", func(o *session.Options) { o.Cookie.Persistent = true }, 2, true},
		{"sealed records", sealed(t, session.GenerateKey()), 2, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				options := []func(*session.Options){renewing}
				if c.configure != nil {
					options = append(options, c.configure)
				}
				e, _ := newIndexedEnv(t, options...)
				v := e.login("ann", count)
				v.do(nothing)
				ms := []*session.Manager{e.m}
				for len(ms) < c.managers {
					ms = append(ms, e.manager(e.indexed(), options...))
				}
				pass(renewEvery)
				if c.slow {
					e.store.intercept(func(context.Context, op) error {
						<-time.After(time.Duration(rand.IntN(3000)) * time.Microsecond)
						return nil
					})
				}
				next := acrossARenewal(t, v, ms)
				e.store.reset()
				if !alive(v) {
					t.Error("the old ticket is dead before the new one was seen")
				}
				if !alive(next) {
					t.Error("the new ticket is dead")
				}
				pass(renewGrace)
				if alive(v) {
					t.Error("the old ticket is good after the grace")
				}
				if records, err := e.mem.ListSubject(t.Context(), "ann"); len(records) != 1 {
					t.Errorf("%d records remain (%v), want 1", len(records), err)
				}
			})
		})
	}
}

// acrossARenewal sends a crowd of requests with the ticket that v keeps, every
// other one of which writes, and returns who got the new ticket.
func acrossARenewal(t *testing.T, v *visitor, ms []*session.Manager) *visitor {
	t.Helper()
	var loaded, wg sync.WaitGroup
	loaded.Add(party)
	visitors := make([]*visitor, party)
	want := 1 // and one more for each writer
	for i := range visitors {
		writes := i%4 < 2
		if writes {
			want++
		}
		visitors[i] = v.fork()
		visitors[i].m = ms[i%len(ms)]
		wg.Go(func() {
			res := visitors[i].do(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
				loaded.Done()
				loaded.Wait()
				if s.Subject() != "ann" {
					t.Errorf("request %d is logged out", i)
				}
				if writes {
					count(w, r, s)
				}
			})
			wantStatus(t, res, http.StatusOK)
		})
	}
	wg.Wait()
	visitors = slices.DeleteFunc(visitors, func(other *visitor) bool { return other.ticket() == v.ticket() })
	if len(visitors) != 1 {
		t.Fatalf("%d requests got a new ticket, want 1", len(visitors))
	}
	if n, _ := read(visitors[0], counter); n != want {
		t.Errorf("counter %d, want %d", n, want)
	}
	return visitors[0]
}

func TestNoRenewalOnceTheHeaderIsSent(t *testing.T) {
	t.Parallel()
	for name, work := range map[string]handler{
		"Get after the header": nil,
		"Commit after the header": func(w http.ResponseWriter, r *http.Request, s *session.Session) {
			w.WriteHeader(http.StatusOK)
			pass(renewEvery)
			count(w, r, s)
			if err := s.Commit(r.Context()); err != nil {
				t.Errorf("Commit: %v", err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				e := newEnv(t, renewing)
				v := e.seed(signIn("ann", count))
				old := v.fork()
				var res *http.Response
				if work != nil {
					res = v.do(work)
				} else {
					pass(renewEvery)
					res = v.serve(e.m.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
						w.WriteHeader(http.StatusOK)
						s, err := e.m.Get(r)
						if err != nil {
							t.Error(err)
							return
						}
						count(w, r, s)
						if err := s.Commit(r.Context()); err != nil {
							t.Errorf("Commit: %v", err)
						}
					})))
				}
				wantNoCookie(t, res)
				if v.ticket() != old.ticket() {
					t.Error("renewed without a way to tell the visitor")
				}
				v.do(nothing)
				if v.ticket() == old.ticket() {
					t.Error("the next request does not renew")
				}
				if n, _ := read(v, counter); n != 2 {
					t.Errorf("counter %d, want 2", n)
				}
			})
		})
	}
}

func TestTheTicketInAHeaderFieldIsRenewedToo(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t, renewing, func(o *session.Options) { o.Header = "X-Session" })
		send := func(ticket string, work handler) string {
			r := newRequest(t)
			if ticket != "" {
				r.Header.Set("X-Session", ticket)
				e.secret(ticket)
			}
			return serveRequest(e.m.HandlerFunc(work), r).Header.Get("X-Session")
		}
		first := send("", signIn("ann", count))
		pass(renewEvery)
		second := send(first, nothing)
		if second == "" || second == first {
			t.Fatal("the ticket was not renewed")
		}
		if got := send(first, count); got != "" {
			t.Error("another ticket is handed out while the answer with the new one may be on its way")
		}
		send(second, func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
			if n := counter.Get(s); n != 2 {
				t.Errorf("counter %d, want 2", n)
			}
		})
	})
}

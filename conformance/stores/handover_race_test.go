package stores_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/cloakroom-go/cloakroom/conformance/stores/internal/need"
	"github.com/cloakroom-go/cloakroom/core/memstore"
	"github.com/cloakroom-go/cloakroom/core/session"
	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// A race is about one session, the computer's, which gets new tickets while it is
// about to be ended. phone is another session of the subject.
type race struct {
	t        *testing.T
	m        *session.Manager
	who      string
	id       string // of the computer's session
	computer *http.Cookie
	phone    *http.Cookie
}

// An ending ends the computer's session, and perhaps more. All but the first need a
// SubjectIndex.
type ending struct {
	name   string
	alone  bool // it ends everybody's
	limit  int
	ending func(r *race) error
}

var raceEndings = []ending{
	{name: "Destroy", ending: func(r *race) error {
		send(r.t, r.m, r.computer, func(_ context.Context, s *session.Session) { s.Destroy() })
		return nil
	}},
	{name: "End", ending: func(r *race) error { return r.m.End(r.t.Context(), r.who, r.id) }},
	{name: "EndIf", ending: func(r *race) error {
		_, err := r.m.EndIf(r.t.Context(), r.who, func(i session.Info) bool { return i.ID == r.id })
		return err
	}},
	{name: "EndOthers", ending: func(r *race) (err error) {
		send(r.t, r.m, r.phone, func(ctx context.Context, s *session.Session) { _, err = s.EndOthers(ctx) })
		return err
	}},
	{name: "EndSubject", ending: func(r *race) error {
		_, err := r.m.EndSubject(r.t.Context(), r.who)
		return err
	}},
	{name: "EndEverybody", alone: true, ending: func(r *race) error {
		_, err := r.m.EndEverybody(r.t.Context())
		return err
	}},
	{name: "a login at the limit", limit: 1, ending: func(r *race) error {
		login(r.t, r.m, r.who)
		return nil
	}},
}

// TestNothingThatMovesSurvivesItsEnd has a session that gets new tickets and is written
// to while it is ended. When that has returned, the session is over.
func TestNothingThatMovesSurvivesItsEnd(t *testing.T) {
	t.Parallel()
	n := need.Rounds(t, 140)
	onEveryStore(t, func(t *testing.T, store sessionstore.Store) {
		t.Helper()
		raceAll(t, store, n)
	})
	t.Run("memory", func(t *testing.T) {
		t.Parallel()
		raceAll(t, memstore.New(memstore.Options{}), n)
	})
}

func raceAll(t *testing.T, store sessionstore.Store, n int) {
	t.Helper()
	_, lists := sessionstore.As[sessionstore.SubjectIndex](store)
	endings := raceEndings
	if !lists {
		endings = endings[:1]
	}
	n = (n + len(endings) - 1) / len(endings)
	for _, e := range endings {
		o := lifeOptions()
		o.MaxSessions = e.limit
		o.Logger = slog.New(slog.DiscardHandler) // it would tell of every change that is dropped
		m := manager(t, store, o)
		workers := 4
		if e.alone {
			workers = 1
		}
		began := time.Now()
		var wg sync.WaitGroup
		for worker := range workers {
			wg.Go(func() {
				for round := worker; round < n && !t.Failed(); round += workers {
					r := &race{t: t, m: m, who: subject()}
					if err := r.run(e, lists, round); err != nil {
						t.Errorf("%s, round %d: %v", e.name, round, err)
					}
				}
			})
		}
		wg.Wait()
		t.Logf("%s: %d rounds in %v, none survived", e.name, n, time.Since(began).Round(time.Millisecond))
	}
}

// run signs in, races, and returns what is wrong afterwards.
func (r *race) run(e ending, lists bool, round int) error {
	if e.limit == 0 {
		_, r.phone = login(r.t, r.m, r.who)
	}
	_, r.computer = login(r.t, r.m, r.who)
	_, r.computer = send(r.t, r.m, r.computer, func(ctx context.Context, s *session.Session) {
		count(ctx, s)
		r.id = s.ID()
	})
	tickets := []*http.Cookie{r.computer}
	moves := []func(context.Context, *session.Session){
		count,
		func(_ context.Context, s *session.Session) { s.Renew() },
		func(_ context.Context, s *session.Session) { s.StepUp("2fa", time.Hour) },
	}
	started, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		cookie := r.computer
		for i := range 4 {
			if i == 1 {
				close(started)
			}
			_, cookie = send(r.t, r.m, cookie, moves[(round+i)%len(moves)])
			tickets = append(tickets, cookie)
		}
	}()
	<-started
	err := e.ending(r)
	<-done
	if err != nil {
		return err
	}
	for _, cookie := range tickets {
		send(r.t, r.m, cookie, func(_ context.Context, s *session.Session) {
			if s.Subject() != "" || s.ID() == r.id {
				err = errors.New("a ticket opens the session that was ended")
			}
		})
	}
	if err != nil || !lists {
		return err
	}
	list, err := r.m.List(r.t.Context(), r.who)
	if slices.ContainsFunc(list, func(i session.Info) bool { return i.ID == r.id }) {
		return errors.New("the session that was ended is in the list")
	}
	if e.limit > 0 && len(list) != e.limit {
		return fmt.Errorf("%d live sessions at a limit of %d", len(list), e.limit)
	}
	return err
}

// TestALoginBesideWritersIsMadeAndKept has four tabs that write all the time, to every
// store: the login is neither starved nor overwritten.
func TestALoginBesideWritersIsMadeAndKept(t *testing.T) {
	t.Parallel()
	n := need.Rounds(t, 10)
	onEveryStore(t, func(t *testing.T, store sessionstore.Store) {
		t.Helper()
		o := lifeOptions()
		o.Logger = slog.New(slog.DiscardHandler) // it would tell of every change that is dropped
		m := manager(t, store, o)
		for round := range n {
			who := subject()
			_, cookie := send(t, m, nil, count)
			old, stop := cookie, make(chan struct{})
			var tabs sync.WaitGroup
			for range 4 {
				tabs.Go(func() {
					for {
						select {
						case <-stop:
							return
						default:
						}
						if res, _ := send(t, m, old, count); res.Header["Set-Cookie"] != nil {
							t.Error("a tab that polls replaces the cookie")
						}
					}
				})
			}
			res, cookie := send(t, m, cookie, func(_ context.Context, s *session.Session) { s.Authenticate(who) })
			if res.StatusCode != http.StatusOK {
				t.Errorf("round %d: the login's status is %d", round, res.StatusCode)
			}
			close(stop)
			tabs.Wait()
			wantSubject(t, m, cookie, who)
		}
	})
}

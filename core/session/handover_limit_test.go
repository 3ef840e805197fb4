package session_test

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/cloakroom-go/cloakroom/core/memstore"
	"github.com/cloakroom-go/cloakroom/core/session"
)

// TestLoginsAtTheSameMomentKeepTheLimitWhateverAnswersAreLost has many devices of one
// account, some of whose answers are lost. They sign in at the same moment, some of
// them twice, on two processes.
func TestLoginsAtTheSameMomentKeepTheLimitWhateverAnswersAreLost(t *testing.T) {
	t.Parallel()
	for _, refuse := range []bool{true, false} {
		for _, limit := range []int{1, 3} {
			t.Run(fmt.Sprintf("limit %d, RefuseNew %v", limit, refuse), func(t *testing.T) {
				t.Parallel()
				e := newEnv(t)
				policy := func(o *session.Options) {
					o.MaxSessions, o.RefuseNew, o.StoreTimeout = limit, refuse, time.Minute
				}
				processes := []*session.Manager{e.manager(e.mem, policy), e.manager(e.mem, policy)}
				for range 5 {
					in := allAtOnce(e, processes)
					list, err := processes[0].List(t.Context(), "ann")
					if err != nil || len(list) > limit || len(list) == 0 && !refuse {
						t.Errorf("%d sessions, %v, want %d", len(list), err, limit)
					}
					signedIn := 0
					for _, b := range in {
						if b.sees().subject == "ann" {
							signedIn++
						}
					}
					if signedIn > limit || refuse && signedIn != len(in) {
						t.Errorf("%d of %d devices with a ticket are signed in, the limit is %d", signedIn, len(in), limit)
					}
					if n, err := processes[0].EndSubject(t.Context(), "ann"); err != nil || n > limit {
						t.Errorf("EndSubject is %d, %v", n, err)
					}
				}
			})
		}
	}
}

// allAtOnce has many devices sign in, and returns those that have got an answer with a
// ticket.
func allAtOnce(e *env, processes []*session.Manager) []*browser {
	var mu sync.Mutex
	var in []*browser
	var logins sync.WaitGroup
	for i := range 24 {
		b := newBrowser(e)
		b.m = processes[i%2]
		if b.shop(); i%3 == 0 {
			b.ticket = "" // a form without a token: nothing was stored for its visitor
		}
		for click := range 1 + i%2 {
			at := b.at(processes[(i+click)%2])
			logins.Go(func() {
				answer := at.ask(authenticate)
				if i%4 == 0 || click > 0 || !offers(answer) {
					return // lost
				}
				at.take(answer)
				mu.Lock()
				defer mu.Unlock()
				in = append(in, at)
			})
		}
	}
	logins.Wait()
	return in
}

// TestASecondClickDoesNotKeepALoginThatIsRefused has a phone sign in between the count
// and the login of a computer, whose second click joins what is about to be taken back.
func TestASecondClickDoesNotKeepALoginThatIsRefused(t *testing.T) {
	t.Parallel()
	mem := memstore.New(memstore.Options{})
	store := &faultyStore{inner: mem}
	e := newEnv(t)
	e.m = e.manager(indexedStore{store, mem}, func(o *session.Options) { o.MaxSessions, o.RefuseNew = 1, true })
	phone, computer := newBrowser(e), newBrowser(e)
	phone.shop()
	computer.shop()
	again := computer.at(e.m)
	lists, updates := 0, 0
	store.intercept(func(_ context.Context, o op) error {
		switch o {
		case opUpdate:
			if updates++; updates == 1 { // the computer's login
				wantStatus(t, phone.do(authenticate), http.StatusOK) //nolint:contextcheck // another request
			}
		case opList:
			if lists++; lists == 4 { // the computer has counted, the phone has looked twice
				store.intercept(nil)
				again.do(authenticate) //nolint:contextcheck // another request
			}
		default:
		}
		return nil
	})
	wantStatus(t, computer.do(authenticate), http.StatusForbidden)
	phone.wantSignedIn()
	if list, err := e.m.List(t.Context(), "ann"); err != nil || len(list) != 1 {
		t.Errorf("%d sessions, %v, at a limit of 1", len(list), err)
	}
}

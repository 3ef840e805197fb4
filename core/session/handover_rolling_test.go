package session_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cloakroom-go/cloakroom/core/memstore"
	"github.com/cloakroom-go/cloakroom/core/session"
	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// stroll sends requests of a visitor who is signed in to one process or another. Any
// answer but a login's may be lost, or overtaken by the next.
func stroll(t *testing.T, b *browser, processes []*session.Manager, seed uint64, pauses ...time.Duration) {
	t.Helper()
	random := rand.New(rand.NewPCG(seed, 0))
	works := []handler{look, count, renew, authenticate, stepTo("2fa", time.Hour), both(count, stepTo("2fa", time.Hour))}
	for step := range 60 {
		at := b.at(processes[random.IntN(len(processes))])
		first := at.ask(works[random.IntN(len(works))])
		switch random.IntN(4) {
		case 0: // it is lost
		case 1: // the next one overtakes it
			b.take(b.at(processes[random.IntN(len(processes))]).ask(works[random.IntN(len(works))]))
			b.take(first)
		default:
			b.take(first)
		}
		pass(pauses[random.IntN(len(pauses))])
		b.m = processes[random.IntN(len(processes))]
		if b.wantSignedIn(); t.Failed() {
			t.Fatalf("seed %d: signed out in step %d", seed, step)
		}
	}
}

// TestARollingDeploymentSignsNobodyOut has two processes with different options, which
// take turns.
func TestARollingDeploymentSignsNobodyOut(t *testing.T) {
	t.Parallel()
	old, young := session.GenerateKey(), session.GenerateKey()
	keys := func(keys ...[]byte) func(*session.Options) {
		return func(o *session.Options) { o.Keys = keys }
	}
	for name, change := range map[string][2]func(*session.Options){
		"RenewEvery":        {renewed, func(o *session.Options) { renewed(o); o.RenewEvery = 0 }},
		"a shorter renewal": {renewed, func(o *session.Options) { renewed(o); o.RenewEvery, o.RenewGrace = 2*time.Minute, time.Minute }},
		"Binding": {renewed, func(o *session.Options) {
			renewed(o)
			o.Binding = session.Binding{UserAgent: true, IPv4Bits: 24, IPv6Bits: 64}
		}},
		"MaxSessions":                      {renewed, func(o *session.Options) { renewed(o); o.MaxSessions = 1 }},
		"RefuseNew":                        {renewed, func(o *session.Options) { renewed(o); o.MaxSessions, o.RefuseNew = 1, true }},
		"a persistent cookie":              {renewed, func(o *session.Options) { renewed(o); o.Cookie.Persistent = true }},
		"SameSite":                         {renewed, func(o *session.Options) { renewed(o); o.Cookie.SameSite = http.SameSiteStrictMode }},
		"a new key that nobody signs with": {keys(old), keys(old, young)},
		"a new key in front":               {keys(old, young), keys(young, old)},
		"an old key that goes":             {keys(young, old), keys(young)},
	} {
		for seed := range uint64(3) {
			t.Run(fmt.Sprintf("%s %d", name, seed), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					e := newEnv(t)
					before, after := e.manager(e.mem, change[0]), e.manager(e.mem, change[1])
					b := newBrowser(e)
					b.m = before
					if name == "an old key that goes" { // the last tickets under it are gone
						b.m = after
					}
					b.signIn()
					stroll(t, b, []*session.Manager{before, after}, seed, 0, time.Second, time.Minute, 3*time.Minute, 16*time.Minute)
				})
			})
		}
	}
}

// TestASealerThatOneProcessLacksSignsNobodyOut has one process that can't read what the
// other has written: it neither changes nor ends that, and takes no cookie back.
func TestASealerThatOneProcessLacksSignsNobodyOut(t *testing.T) {
	t.Parallel()
	seal := sealed(t, session.GenerateKey())
	for name, writes := range map[string][2]func(*session.Options){
		"a Sealer that is new":  {seal, func(*session.Options) {}},
		"a Sealer that is gone": {func(*session.Options) {}, seal},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newEnv(t)
			with, without := e.manager(e.mem, writes[0]), e.manager(e.mem, writes[1])
			b := newBrowser(e)
			b.m = with
			b.signIn()
			for what, page := range pages {
				res := b.at(without).do(page)
				wantStatus(t, res, http.StatusOK)
				if offers(res) {
					t.Errorf("a page that %s replaces the cookie", what)
				}
				b.wantSignedIn()
			}
		})
	}
}

// A shiftedStore is what a process sees of a store whose clock is off: all times are.
type shiftedStore struct {
	*memstore.Store

	t   *testing.T
	off time.Duration
}

func (s shiftedStore) shift(r sessionstore.Record, by time.Duration) sessionstore.Record {
	r, err := session.Shift(r, by)
	if err != nil {
		s.t.Error(err)
	}
	return r
}

func (s shiftedStore) Load(ctx context.Context, id string) (sessionstore.Record, error) {
	r, err := s.Store.Load(ctx, id)
	if err != nil {
		return r, err
	}
	return s.shift(r, -s.off), nil
}

func (s shiftedStore) Create(ctx context.Context, id string, r sessionstore.Record) error {
	return s.Store.Create(ctx, id, s.shift(r, s.off))
}

func (s shiftedStore) Update(ctx context.Context, id string, old sessionstore.Version, r sessionstore.Record) error {
	return s.Store.Update(ctx, id, old, s.shift(r, s.off))
}

func (s shiftedStore) Touch(ctx context.Context, id string, version sessionstore.Version, expires time.Time) error {
	return s.Store.Touch(ctx, id, version, expires.Add(s.off))
}

func (s shiftedStore) ListSubject(ctx context.Context, subject string) ([]sessionstore.Entry, error) {
	list, err := s.Store.ListSubject(ctx, subject)
	for i := range list {
		list[i].Record = s.shift(list[i].Record, -s.off)
	}
	return list, err
}

// TestClocksFiveMinutesApartSignNobodyOut has three processes: one whose clock is
// right, one that is behind and one that is ahead.
func TestClocksFiveMinutesApartSignNobodyOut(t *testing.T) {
	t.Parallel()
	const apart = 5 * time.Minute
	for _, limit := range []int{0, 1} {
		for seed := range uint64(9) {
			t.Run(fmt.Sprintf("limit %d, seed %d", limit, seed), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					e := newEnv(t)
					limited := func(o *session.Options) { o.MaxSessions = limit }
					var processes []*session.Manager
					for _, off := range [][]time.Duration{{0, apart}, {0, -apart}, {-apart / 2, 0, apart / 2}}[seed%3] {
						processes = append(processes, e.manager(shiftedStore{e.mem, t, off}, renewed, limited))
					}
					b := newBrowser(e)
					b.m = processes[0]
					b.signIn()
					stroll(t, b, processes, seed, 0, time.Second, time.Minute, 4*time.Minute, 16*time.Minute)
				})
			})
		}
	}
}

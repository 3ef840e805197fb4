package session_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cloakroom-go/cloakroom/core/session"
	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// A shakyStore is slow, and fails before or after it has acted, as chance will have it.
type shakyStore struct {
	sessionstore.Store

	mu     *sync.Mutex
	random *rand.Rand
	fails  *float64 // how often
}

func (s shakyStore) do(ctx context.Context, act func(context.Context) error) error {
	s.mu.Lock()
	pause, chance, fails := time.Duration(s.random.IntN(50))*time.Millisecond, s.random.Float64(), *s.fails
	s.mu.Unlock()
	select {
	case <-time.After(pause):
	case <-ctx.Done():
		return ctx.Err()
	}
	if chance < fails {
		return errDown
	}
	if err := act(context.WithoutCancel(ctx)); err != nil || chance >= 2*fails {
		return err
	}
	return errDown
}

func (s shakyStore) Load(ctx context.Context, id string) (r sessionstore.Record, err error) {
	err = s.do(ctx, func(ctx context.Context) (err error) {
		r, err = s.Store.Load(ctx, id)
		return err
	})
	return r, err
}

func (s shakyStore) Update(ctx context.Context, id string, old sessionstore.Version, r sessionstore.Record) error {
	return s.do(ctx, func(ctx context.Context) error { return s.Store.Update(ctx, id, old, r) })
}

// A chat is what streams of one session have done.
type chat struct {
	mu     sync.Mutex
	said   []string       // committed
	read   map[string]int // messages
	random *rand.Rand
}

func (c *chat) chance(n int) bool { return c.below(n) == 0 }

func (c *chat) below(n int) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.random.IntN(n)
}

// stream adds to the cart, leaves messages, takes them, commits and reloads.
func (c *chat) stream(name string) handler {
	return func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		w.WriteHeader(http.StatusOK)
		var open []string // what the next commit saves
		for i := range 20 {
			word := fmt.Sprintf("%s-%d", name, i)
			if !c.chance(3) {
				open = append(open, word)
				cart.Update(s, func(items []string) []string { return append(items, word) })
			}
			if c.chance(5) {
				s.Flash("", word)
			}
			var taken []session.Flash
			var err error
			switch c.below(4) {
			case 0:
				if err = s.Reload(r.Context()); err == nil {
					continue
				}
			case 1:
				if taken, err = s.Flashes(r.Context()); len(taken) == 0 && err == nil {
					continue // nothing was committed
				}
			default:
				err = s.Commit(r.Context())
			}
			c.mu.Lock()
			for _, f := range taken {
				c.read[f.Message]++
			}
			if err == nil {
				c.said = append(c.said, open...)
			}
			c.mu.Unlock()
			if !errors.Is(err, errDown) { // else they are kept
				open = nil
			} else if c.chance(2) {
				<-time.After(5 * time.Second) // so long that others write often
			}
		}
	}
}

// Streams of one session change it at the same time, while the store fails and loses
// answers: what was committed is there once, and a message is read once.
func TestModelOfStreams(t *testing.T) {
	t.Parallel()
	for seed := range uint64(100) {
		t.Run(strconv.FormatUint(seed, 10), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				random := rand.New(rand.NewPCG(seed, 0))
				e, fails := newEnv(t), 0.0
				e.m = e.manager(shakyStore{e.mem, new(sync.Mutex), random, &fails}, func(o *session.Options) {
					o.IdleTimeout = 24 * time.Hour
				})
				v := e.seed(signIn("ann"))
				v.do(nothing)
				fails = []float64{0.02, 0.1, 0.2, 0.3}[seed%4]
				c := chat{read: make(map[string]int), random: rand.New(rand.NewPCG(seed, 1))}
				var wg sync.WaitGroup
				for i := range 2 + seed%3 {
					wg.Go(func() { v.fork().do(c.stream(strconv.FormatUint(i, 10))) })
				}
				wg.Wait()
				fails = 0
				v.do(func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
					items := cart.Get(s)
					for _, word := range c.said {
						if !slices.Contains(items, word) {
							t.Errorf("%s is lost", word)
						}
					}
					if slices.Sort(items); len(slices.Compact(slices.Clone(items))) < len(items) {
						t.Errorf("a change was made twice: %q", items)
					}
					rest, err := s.Flashes(r.Context())
					if err != nil {
						t.Error(err)
					}
					for _, f := range rest {
						c.read[f.Message]++
					}
				})
				for text, n := range c.read {
					if n > 1 {
						t.Errorf("%s was read %d times", text, n)
					}
				}
			})
		})
	}
}

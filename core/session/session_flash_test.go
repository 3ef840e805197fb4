package session_test

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/cloakroom-go/cloakroom/core/session"
)

// leave returns a handler that leaves messages, in one category each.
func leave(messages ...string) handler {
	return func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
		for _, m := range messages {
			s.Flash("category of "+m, m)
		}
	}
}

// take makes a request that takes messages, and returns them.
func (v *visitor) take(categories ...string) (taken []string) {
	v.e.tb.Helper()
	v.do(func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
		taken = flashes(v.e.tb, r, s, categories...)
	})
	return taken
}

func flashes(tb testing.TB, r *http.Request, s *session.Session, categories ...string) (messages []string) {
	tb.Helper()
	taken, err := s.Flashes(r.Context(), categories...)
	if err != nil {
		tb.Error(err)
	}
	for _, f := range taken {
		if f.Category != "category of "+f.Message {
			tb.Errorf("%q is in category %q", f.Message, f.Category)
		}
		messages = append(messages, f.Message)
	}
	return messages
}

func wantMessages(tb testing.TB, got []string, want ...string) {
	tb.Helper()
	if !slices.Equal(got, want) {
		tb.Errorf("messages %q, want %q", got, want)
	}
}

func TestAMessageIsReadOnceByTheNextRequest(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	v := e.visitor()
	v.do(leave("one", "two"))
	v.do(leave("three"))
	v.do(look)
	wantMessages(t, v.take(), "one", "two", "three")
	e.store.reset()
	wantMessages(t, v.take())
	if calls := e.store.taken(); calls[opLoad] != 1 || len(calls) != 1 {
		t.Errorf("without a message: store calls %v, want one load", calls)
	}
}

func TestMessagesAreTakenByCategory(t *testing.T) {
	t.Parallel()
	v := newEnv(t).visitor()
	v.do(leave("one", "two", "three"))
	wantMessages(t, v.take("category of four"))
	wantMessages(t, v.take("category of three", "category of one"), "one", "three")
	wantMessages(t, v.take(), "two")
}

func TestAMessageCanBeReadInTheRequestThatLeftIt(t *testing.T) {
	t.Parallel()
	v := newEnv(t).visitor()
	v.do(func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
		s.Flash("category of now", "now")
		wantMessages(t, flashes(t, r, s), "now")
		wantMessages(t, flashes(t, r, s))
	})
	wantMessages(t, v.take())
}

func TestMessagesStayWithTheirSession(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		work handler
		want []string
	}{
		{"Clear", clearValues, []string{"hello"}},
		{"Renew", renew, []string{"hello"}},
		{"Authenticate", authenticate, []string{"hello"}},
		{"Authenticate again", authenticate, []string{"hello"}},
		{"Authenticate as somebody else", func(_ http.ResponseWriter, _ *http.Request, s *session.Session) { s.Authenticate("eve") }, nil},
		{"Destroy", destroy, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			v := newEnv(t).visitor()
			if c.name != "Authenticate" {
				v.do(authenticate)
			}
			v.do(leave("hello"))
			v.do(c.work)
			wantMessages(t, v.take(), c.want...)
		})
	}
}

func TestAnyTextIsAMessage(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "a\x00b", "\xff", "Grüße, 世界"} {
		v := newEnv(t).visitor()
		v.do(leave(text))
		wantMessages(t, v.take(), text)
	}
}

func TestMessagesThatNobodyReadsCountForMaxSize(t *testing.T) {
	t.Parallel()
	v := newEnv(t, func(o *session.Options) { o.MaxSize = 400 }).visitor()
	for range 100 {
		if v.do(leave("a message that nobody reads")).StatusCode != http.StatusOK {
			return
		}
	}
	t.Error("a hundred messages are in 400 bytes")
}

func TestEachMessageGoesToOneOf50ConcurrentReaders(t *testing.T) {
	t.Parallel()
	const readers, messages = 50, 20
	v := newEnv(t).visitor()
	var all []string
	for i := range messages {
		all = append(all, strconv.Itoa(i))
	}
	v.do(leave(all...))
	var mu sync.Mutex
	var taken []string
	var loaded, finished sync.WaitGroup
	loaded.Add(readers)
	for range readers {
		finished.Go(func() {
			v.fork().do(func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
				loaded.Done()
				loaded.Wait() // all see all messages
				got := flashes(t, r, s)
				mu.Lock()
				defer mu.Unlock()
				taken = append(taken, got...)
			})
		})
	}
	finished.Wait()
	slices.Sort(taken)
	slices.Sort(all)
	wantMessages(t, taken, all...)
}

func TestNoMessageIsLostOrReadTwiceWhileMessagesAreLeft(t *testing.T) {
	t.Parallel()
	const writers, each, readers = 10, 5, 10
	v := newEnv(t).seed(count)
	var mu sync.Mutex
	var left, taken []string
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for i := range each {
				m := strconv.Itoa(w) + "." + strconv.Itoa(i)
				v.fork().do(leave(m))
				mu.Lock()
				left = append(left, m)
				mu.Unlock()
			}
		})
	}
	for range readers {
		wg.Go(func() {
			for range each {
				got := v.fork().take()
				mu.Lock()
				taken = append(taken, got...)
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	taken = append(taken, v.take()...)
	slices.Sort(left)
	slices.Sort(taken)
	wantMessages(t, taken, left...)
}

func TestGoroutinesOfOneRequestShareItsMessages(t *testing.T) {
	t.Parallel()
	v := newEnv(t).visitor()
	var mu sync.Mutex
	var left, taken []string
	v.do(func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
		var wg sync.WaitGroup
		for i := range 20 {
			wg.Go(func() {
				m := strconv.Itoa(i)
				s.Flash("category of "+m, m)
				got := flashes(t, r, s)
				mu.Lock()
				defer mu.Unlock()
				left, taken = append(left, m), append(taken, got...)
			})
		}
		wg.Wait()
	})
	slices.Sort(left)
	slices.Sort(taken)
	wantMessages(t, taken, left...)
}

// A commit makes again what has been changed while it ran. The race detector sees whether
// that meets who reads a message.
func TestMessagesAreReadWhileACommitIsUnderWay(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	e.visitor().do(func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
		busy := make(chan struct{})
		e.store.intercept(func(_ context.Context, o op) error {
			if o == opCreate {
				close(busy)
				<-time.After(10 * time.Millisecond) // only a race needs it
			}
			return nil
		})
		s.Flash("", "hello")
		var other sync.WaitGroup
		other.Go(func() { //nolint:contextcheck // it has the request's
			if err := s.Commit(r.Context()); err != nil {
				t.Error(err)
			}
		})
		<-busy
		if list, err := s.Flashes(r.Context()); err != nil || len(list) != 1 {
			t.Errorf("messages: %v, error %v, want one", list, err)
		}
		other.Wait()
	})
}

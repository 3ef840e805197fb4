package session_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/cloakroom-go/cloakroom/core/session"
)

func TestACookieHas4096BytesAndNoMore(t *testing.T) {
	t.Parallel()
	eachMode(t, func(e *env) {
		set := func(n int) handler {
			return func(_ http.ResponseWriter, _ *http.Request, s *session.Session) { name.Set(s, strings.Repeat("x", n)) }
		}
		longest := 0
		for n := 2700; ; n++ {
			v := e.visitor()
			res := v.do(set(n))
			if res.StatusCode == http.StatusOK {
				longest = max(longest, len(v.cookie.Name)+len(v.cookie.Value))
				if got, _ := read(v, name); len(got) != n {
					e.tb.Fatalf("%d bytes of %d came back", len(got), n)
				}
				continue
			}
			wantStatus(e.tb, res, http.StatusInternalServerError)
			wantNoCookie(e.tb, res)
			break
		}
		if longest != 4096 {
			e.tb.Errorf("the longest cookie has %d bytes, want 4096", longest)
		}
	})
}

func TestASessionThatIsTooLargeForItsCookieStaysAsItWas(t *testing.T) {
	t.Parallel()
	eachMode(t, func(e *env) {
		v := e.seed(count)
		res := v.do(func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
			counter.Set(s, 2)
			name.Set(s, strings.Repeat("x", 4096))
			err := s.Commit(r.Context())
			if !errors.Is(err, session.ErrTooLarge) {
				e.tb.Errorf("%v, want ErrTooLarge", err)
				return
			}
			_, size, _ := strings.Cut(err.Error(), "the cookie has ")
			if size, _, _ = strings.Cut(size, " "); len(size) != 4 || !strings.Contains(err.Error(), "the limit is 4096") {
				e.tb.Errorf("%v: it lacks the size or the limit", err)
			}
		})
		wantStatus(e.tb, res, http.StatusInternalServerError)
		wantNoCookie(e.tb, res)
		if n, _ := read(v, counter); n != 1 {
			e.tb.Errorf("counter %d, want 1", n)
		}
		res = v.do(func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
			name.Set(s, strings.Repeat("x", 4096))
			_ = s.Commit(r.Context()) // seen above
			name.Delete(s)
			counter.Set(s, 3)
		})
		wantStatus(e.tb, res, http.StatusOK)
		if n, _ := read(v, counter); n != 3 {
			e.tb.Errorf("made smaller: counter %d, want 3", n)
		}
	})
}

func TestMaxSizeHoldsForACookieToo(t *testing.T) {
	t.Parallel()
	e := newCookieOnlyEnv(t, func(o *session.Options) { o.MaxSize = 500 })
	v := e.seed(count)
	res := v.do(func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
		name.Set(s, strings.Repeat("x", 500))
		if err := s.Commit(r.Context()); !errors.Is(err, session.ErrTooLarge) || !strings.Contains(err.Error(), "MaxSize is 500") {
			t.Errorf("%v, want ErrTooLarge and the limit", err)
		}
	})
	wantStatus(t, res, http.StatusInternalServerError)
}

package session_test

import (
	"bytes"
	"errors"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cloakroom-go/cloakroom/core/session"
)

func tie(value string) handler {
	return func(_ http.ResponseWriter, _ *http.Request, s *session.Session) { s.SetAuthHash(value) }
}

func TestASessionEndsWhenItsAuthHashIsOutOfDate(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		login handler
		good  bool
	}{
		{"tied to this value", signIn("ann", tie("hash-2"), count), true},
		{"tied to an older one", signIn("ann", tie("hash-1"), count), false},
		{"tied to none", signIn("ann", count), false},
		{"tied to the empty value", signIn("ann", tie(""), count), false},
		{"tied again", signIn("ann", tie("hash-1"), tie("hash-2"), count), true},
		{"tied and renewed", signIn("ann", tie("hash-2"), count, renew), true},
		{"tied before another subject signed in", signIn("bob", tie("hash-2"), authenticate, count), false},
		{"nobody is signed in", func(w http.ResponseWriter, r *http.Request, s *session.Session) {
			s.SetAuthHash("hash-2")
			count(w, r, s)
		}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			e, _ := newIndexedEnv(t)
			v := e.seed(c.login)
			old := v.fork()
			res := v.do(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
				anonymous := s.Subject() == ""
				if got := s.CheckAuthHash("hash-2"); got != c.good {
					t.Errorf("CheckAuthHash: %v, want %v", got, c.good)
				}
				if !c.good && (s.Subject() != "" || s.IsNew() == anonymous) {
					t.Errorf("subject %q, new %v", s.Subject(), s.IsNew())
				}
			})
			wantStatus(t, res, http.StatusOK)
			if want := c.good || c.name == "nobody is signed in"; alive(old) != want {
				t.Errorf("the session is alive: %v, want %v", !want, want)
			}
		})
	}
}

func TestTheSessionThatMayStayIsTiedAnew(t *testing.T) {
	t.Parallel()
	e, _ := newIndexedEnv(t)
	here, there := e.login("ann", tie("hash-1"), count), e.login("ann", tie("hash-1"), count)
	here.do(tie("hash-2"))
	check := func(_ http.ResponseWriter, _ *http.Request, s *session.Session) { s.CheckAuthHash("hash-2") }
	for _, v := range []*visitor{here, there} {
		v.fork().do(check)
	}
	if !alive(here) || alive(there) {
		t.Error("not the session that was tied anew is the one that stays")
	}
}

func TestTheStoreDoesNotShowWhoHasTheSameAuthHash(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e, l := newIndexedEnv(t)
		const value = "$argon2id$the-stored-hash"
		e.login("ann", tie(value))
		pass(time.Second) // which also tells the times in the records apart
		e.login("bob", tie(value))
		if bytes.Contains(bytes.Join(l.data, nil), []byte(value)) {
			t.Error("the store was given the value")
		}
		const part = 12 // no run of so many bytes is in both records by chance
		a, b := l.data[2], l.data[5]
		for i := range len(a) - part {
			if run := a[i : i+part]; bytes.Contains(b, run) && !bytes.Equal(run, bytes.Repeat(run[:1], part)) {
				t.Errorf("both records have %x", run)
			}
		}
	})
}

// A page that was under way when the password changed compares with a hash that is
// no longer the session's.
func TestASlowCheckDoesNotEndASessionThatWasTiedAnew(t *testing.T) {
	t.Parallel()
	v := newEnv(t).seed(signIn("ann", tie("old"), count))
	v.do(nothing)
	finish := v.fork().slow(func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
		s.CheckAuthHash("new")
		if err := s.Commit(r.Context()); err != nil {
			t.Errorf("Commit of nothing: %v", err)
		}
	})
	v.do(tie("new"))
	wantStatus(t, finish(), http.StatusOK)
	if !alive(v) {
		t.Error("the session that may stay has ended")
	}
}

// Nor does what such a page leaves behind take its cookie's place.
func TestASlowCheckReplacesNoSessionThatWasTiedAnew(t *testing.T) {
	t.Parallel()
	v := newEnv(t).seed(signIn("ann", tie("old"), count))
	v.do(nothing)
	finish := v.fork().slow(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
		if !s.CheckAuthHash("new") {
			s.Flash("", "Please sign in again.")
		}
	})
	v.do(tie("new"))
	wantNoCookie(t, finish())
	if !alive(v) {
		t.Error("the session that may stay has ended")
	}
}

// Nor where the first commit that finds this out fails, and the next one is refused.
func TestASlowCheckReplacesNoSessionThoughALoginFails(t *testing.T) {
	t.Parallel()
	e, _ := newIndexedEnv(t, refusing(1))
	e.login("eve")
	v := e.login("ann", tie("old"), count)
	v.do(nothing)
	finish := v.fork().slow(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		s.CheckAuthHash("new")
		s.Authenticate("eve")
		e.store.fail(errDown, opList)
		if err := s.Commit(r.Context()); !errors.Is(err, errDown) {
			t.Errorf("Commit: %v, want the store's error", err)
		}
		e.store.reset()
		if err := s.Commit(r.Context()); !errors.Is(err, session.ErrTooManySessions) {
			t.Errorf("Commit: %v, want ErrTooManySessions", err)
		}
		count(w, r, s)
	})
	v.do(tie("new"))
	wantNoCookie(t, finish())
	if !alive(v) {
		t.Error("the session that may stay has ended")
	}
}

package session_test

import (
	"net/http"
	"slices"
	"testing"

	"github.com/cloakroom-go/cloakroom/core/session"
)

func TestDestroyEndsTheSessionAndTakesTheCookieBack(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	v := e.seed(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		s.Authenticate("ann")
		count(w, r, s)
	})
	old := v.fork()
	res := v.do(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		count(w, r, s) // dropped
		publicID := s.ID()
		s.Destroy()
		if !s.IsNew() || s.Subject() != "" || len(s.Names()) != 0 || s.ID() == publicID {
			t.Error("the session is not a new, empty one")
		}
	})
	if got := res.Cookies(); len(got) != 1 || got[0].MaxAge >= 0 {
		t.Errorf("Set-Cookie: %q, want a deletion", res.Header["Set-Cookie"])
	}
	if _, ok := read(old, counter); ok {
		t.Error("the old ticket still works")
	}
	if !e.ended(old) {
		t.Error("the record is still there")
	}
}

func TestWhatIsSetAfterDestroyIsSavedUnderANewToken(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	v := e.seed(count)
	old := v.fork()
	res := v.do(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
		s.Destroy()
		name.Set(s, "goodbye")
		s.Destroy()
		name.Set(s, "goodbye, really")
	})
	if len(res.Cookies()) != 1 || v.cookie == nil || v.cookie.Value == old.cookie.Value {
		t.Fatalf("Set-Cookie: %q, want a new ticket", res.Header["Set-Cookie"])
	}
	if got, _ := read(v, name); got != "goodbye, really" {
		t.Errorf("name %q", got)
	}
	if _, ok := read(v, counter); ok {
		t.Error("a value of the old session came along")
	}
	if _, ok := read(old, name); ok {
		t.Error("the old ticket still works")
	}
}

func TestDestroyOfANewSessionDoesNothing(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	res := e.visitor().do(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		count(w, r, s)
		s.Destroy()
	})
	wantNoCookie(t, res)
	if calls := e.store.taken(); len(calls) != 0 {
		t.Errorf("store calls %v, want none", calls)
	}
}

func TestDestroyAfterCommitLeavesNothing(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	v := e.visitor()
	v.do(func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
		s.Authenticate("ann")
		if err := s.Commit(r.Context()); err != nil {
			t.Error(err)
		}
		s.Destroy()
	})
	if v.cookie != nil {
		t.Error("the visitor was given the ticket of a session that has ended")
	}
	if entries, err := e.mem.ListSubject(t.Context(), "ann"); err != nil || len(entries) != 0 {
		t.Errorf("%d records left (%v)", len(entries), err)
	}
}

func TestAnEmptyNewSessionIsNotStored(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	res := e.visitor().do(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		s.Clear()
		counter.Delete(s)
		count(w, r, s)
		counter.Delete(s)
	})
	wantNoCookie(t, res)
	if calls := e.store.taken(); len(calls) != 0 {
		t.Errorf("store calls %v, want none", calls)
	}
}

func TestClearKeepsTheSubjectAndWhatPackagesKeep(t *testing.T) {
	t.Parallel()
	kept := session.NewKey[string]("cloakroom.kept")
	e := newEnv(t)
	v := e.seed(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		s.Authenticate("ann")
		count(w, r, s)
		kept.Set(s, "key")
		name.Set(s, "Ann")
	})
	v.do(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
		if got := s.Names(); !slices.Equal(got, []string{"counter", "name"}) {
			t.Errorf("Keys: %q", got)
		}
		s.Clear()
	})
	v.do(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
		if len(s.Names()) != 0 || s.Subject() != "ann" || kept.Get(s) != "key" {
			t.Errorf("keys %q, subject %q, kept %q", s.Names(), s.Subject(), kept.Get(s))
		}
	})
}

func TestTokensAreDifferent(t *testing.T) {
	t.Parallel()
	const n = 10_000
	e := newEnv(t)
	seen := make(map[string]bool, n)
	h := e.m.HandlerFunc(count)
	for range n {
		v := e.visitor()
		v.serve(h)
		if seen[v.cookie.Value] {
			t.Fatal("two visitors have the same token")
		}
		seen[v.cookie.Value] = true
	}
}

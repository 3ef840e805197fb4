package session_test

import (
	"errors"
	"net/http"
	"testing"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// TestALoginIsTakenBackOnce has two requests sign in to an anonymous session when there is no room.
// One takes back what both have written. What others have changed since then stays, though the
// session is ann's again, by a third one, when the other looks.
func TestALoginIsTakenBackOnce(t *testing.T) {
	t.Parallel()
	for _, again := range []bool{false, true} {
		e, _ := newIndexedEnv(t, refusing(1))
		free := e.manager(e.mem)
		v := e.seed(count)
		before, err := e.record(v)
		if err != nil {
			t.Fatal(err)
		}
		with := func(v *visitor) *visitor { v.m = free; return v }
		meanwhile := func() error {
			with(e.visitor()).do(signIn("ann"))
			written, err := e.record(v)
			before.Version = sessionstore.NewVersion()
			err = errors.Join(err, e.mem.Update(t.Context(), v.id(), written.Version, before)) // the first one takes it back
			with(v.fork()).do(count)
			if again {
				with(v.fork()).do(signIn("ann"))
			}
			return err
		}
		done := false
		e.store.mu.Lock()
		e.store.after = func(o op, answer error) error {
			if o == opUpdate && !done {
				done = true
				answer = errors.Join(answer, meanwhile())
			}
			return answer
		}
		e.store.mu.Unlock()
		res := v.fork().do(signIn("ann"))
		e.store.reset()
		if again {
			wantStatus(t, res, http.StatusForbidden)
		}
		r, err := e.record(v)
		if err != nil || !done {
			t.Fatal(done, err)
		}
		info, err := e.m.Describe(sessionstore.Entry{ID: v.id(), Record: r})
		if n, _ := counter.From(info); n != 2 || err != nil {
			t.Errorf("signed in again %t: it counts %d, want 2; %v", again, n, err)
		}
		if again == (r.Subject == "") {
			t.Errorf("signed in again %t: it is %q's", again, r.Subject)
		}
	}
}

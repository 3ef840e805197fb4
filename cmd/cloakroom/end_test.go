package main

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cloakroom-go/cloakroom/core/memstore"
	"github.com/cloakroom-go/cloakroom/core/session"
	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

var errDown = errors.New("the server is down")

func TestEndEndsWhatItIsTold(t *testing.T) {
	t.Parallel()
	const likeAnID = "account-10000001" // as long as a public id
	for kind, address := range places(t) {
		a := open(t, address)
		phone, phoneID := a.signIn("ann")
		desk, deskID := a.signIn("ann")
		bob, _ := a.signIn("bob")
		eve, _ := a.signIn(likeAnID)
		anonymous := ""
		nobody := a.visit(nil, func(s *session.Session) {
			speaks("es")(s)
			anonymous = s.ID()
		})
		in := func(when string, want ...string) {
			t.Helper()
			for i, cookie := range []struct{ subject, of string }{
				{a.subject(phone), "ann"}, {a.subject(desk), "ann"}, {a.subject(bob), "bob"}, {a.subject(eve), likeAnID},
			} {
				if signedIn := cookie.subject == cookie.of; signedIn != (want[i] == "in") {
					t.Errorf("%s, after %s: visitor %d is signed in: %v", kind, when, i, signedIn)
				}
			}
		}
		cloakroom(t, "end", "-store", address, phoneID).want(t, exitDone, "1 session ended", "")
		in("one by its id", "out", "in", "in", "in")
		cloakroom(t, "end", "-store", address, phoneID).want(t, exitNotFound, "", "there is no session ")
		cloakroom(t, "end", "-store", address, "-subject", "bob", deskID).want(t, exitNotFound, "", "there is no session ")
		cloakroom(t, "end", "-store", address, likeAnID).want(t, exitNotFound, "", "if that is a subject, say -subject")
		in("those that there are not", "out", "in", "in", "in")
		cloakroom(t, "end", "-store", address, "-subject", likeAnID).want(t, exitDone, "1 session ended", "")
		in("a subject that looks like an id", "out", "in", "in", "out")
		cloakroom(t, "end", "-store", address, "-subject", "ann", deskID).want(t, exitDone, "1 session ended", "")
		in("one of a subject", "out", "out", "in", "out")
		cloakroom(t, "end", "-store", address, "-subject", "ann").want(t, exitNotFound, "0 sessions ended", "no session of ann")
		for _, noID := range []string{"bob", deskID[1:]} {
			cloakroom(t, "end", "-store", address, noID).want(t, exitUsage, "", "is no ID")
		}
		in("what is no id", "out", "out", "in", "out")
		cloakroom(t, "end", "-store", address, anonymous).want(t, exitDone, "1 session ended", "")
		a.visit(nobody, func(s *session.Session) {
			if language.Get(s) != "" {
				t.Errorf("%s: the anonymous session goes on", kind)
			}
		})
		got := decoded[struct{ Ended int }](t, cloakroom(t, "end", "--all", "-json", "-store", address))
		if got.Ended != 1 {
			t.Errorf("%s: %v", kind, got)
		}
		in("all", "out", "out", "out", "out")
	}
}

// A variable of a script may be empty by mistake.
func TestNothingIsEndedWhereAnArgumentIsEmpty(t *testing.T) {
	t.Parallel()
	for kind, address := range places(t) {
		a := open(t, address)
		cookie, id := a.signIn("ann")
		for _, args := range [][]string{
			{"-all", "-subject", ""}, {"-all", "-subject="}, {"-all", ""}, {"-subject", ""}, {"-subject", "", id}, {""},
		} {
			r := cloakroom(t, append([]string{"end", "-store", address}, args...)...)
			if r.code != exitUsage || a.subject(cookie) != "ann" {
				t.Fatalf("%s: end %q gives %d and %q, and %q is signed in", kind, args, r.code, r.stdout+r.stderr, a.subject(cookie))
			}
		}
		cloakroom(t, "show", "-store", address, "-subject", "", id).want(t, exitUsage, "", "-subject is empty")
	}
}

// Whoever ends everybody's sessions under a wrong name must not believe that it is done.
func TestAnEndOfNothingSaysSoAndWhere(t *testing.T) {
	t.Parallel()
	for kind, address := range places(t) {
		const ask = "there is no session: is this the application's store, with its prefix, table or collection?"
		r := cloakroom(t, "end", "-all", "-store", address)
		r.want(t, exitNotFound, "0 sessions ended\n", address+": "+ask)
		r = cloakroom(t, "end", "-all", "-json", "-store", address)
		r.want(t, exitNotFound, "{\n  \"ended\": 0\n}\n", ask)
		r = cloakroom(t, "end", "-subject", "a\nb", "-store", address)
		r.want(t, exitNotFound, "0 sessions ended\n", `there is no session of "a\nb"`)
		other := places(t)[kind]
		r = cloakroom(t, "copy", address, other)
		r.want(t, exitNotFound, "copied  0", address+": there is no session: ")
		cloakroom(t, "prune", "-store", address).want(t, exitDone, "0 sessions removed\n", "")
		cloakroom(t, "count", "-store", address).want(t, exitDone, "sessions   0\n", "")
	}
}

// A doubtful store ends a session as its time is over, and can't tell.
type doubtful struct {
	sessionstore.Store

	calls int
}

func (s *doubtful) DeleteAll(ctx context.Context) (int, error) {
	var err error
	if s.calls++; s.calls == 1 {
		<-ctx.Done()
		err = ctx.Err()
	}
	return 0, err
}

func TestAnEndThatMayHaveEndedSomethingIsNoneOfNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &doubtful{Store: memstore.New(memstore.Options{})}
		r := cloakroomOn(t.Context(), opens(map[string]sessionstore.Store{"s": s}), "end", "-all", "-store", "s")
		r.want(t, exitDone, "at least 0 sessions ended\n", "")
	})
}

// A stubborn store ends three sessions with each call, and lasts.
type stubborn struct {
	sessionstore.Store

	left  int
	after func()
	err   error
}

func (s *stubborn) DeleteAll(ctx context.Context) (int, error) {
	if s.after != nil {
		s.after()
	}
	if s.left == 0 {
		return 0, nil
	}
	s.left -= 3
	if s.err != nil {
		return 3, s.err
	}
	<-ctx.Done()
	return 3, ctx.Err()
}

func TestEndingAllTakesAsLongAsItTakesAndSaysSo(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &stubborn{left: 30, Store: memstore.New(memstore.Options{})}
		r := cloakroomOn(t.Context(), opens(map[string]sessionstore.Store{"s": s}), "end", "-all", "-store", "s")
		r.want(t, exitDone, "at least 30 sessions ended\n", "cloakroom: 3 sessions ended so far\n")
		s.left = 6
		r = cloakroomOn(t.Context(), opens(map[string]sessionstore.Store{"s": s}), "end", "-all", "-json", "-store", "s")
		r.want(t, exitDone, "\"atLeast\": true,\n  \"ended\": 6\n", "")
	})
}

func TestAnEndThatIsInterruptedSaysHowFarItCame(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 7*time.Second)
		defer cancel()
		s := &stubborn{left: 30, Store: memstore.New(memstore.Options{})}
		r := cloakroomOn(ctx, opens(map[string]sessionstore.Store{"s": s}), "end", "-all", "-store", "s")
		r.want(t, exitInterrupted, "", "interrupted: at least 9 sessions ended; run it again for the rest")
		r = cloakroomOn(t.Context(), opens(map[string]sessionstore.Store{"s": s}), "end", "-all", "-store", "s")
		r.want(t, exitDone, "21 sessions ended", "")
	})
}

func TestAnEndThatFailsSaysHowFarItCame(t *testing.T) {
	t.Parallel()
	s := &stubborn{left: 300, err: errDown, Store: memstore.New(memstore.Options{})}
	r := cloakroomOn(t.Context(), opens(map[string]sessionstore.Store{"s": s}), "end", "-all", "-store", "s")
	r.want(t, exitFailed, "", "s: at least 3 sessions ended, run it again for the rest: the server is down")
}

// A hanging store does nothing until it is told to stop.
type hanging struct{ sessionstore.Store }

func (hanging) DeleteAll(ctx context.Context) (int, error) {
	<-ctx.Done()
	return 0, ctx.Err()
}

func TestAStoreThatHangsIsGivenUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := hanging{memstore.New(memstore.Options{})}
		r := cloakroomOn(t.Context(), opens(map[string]sessionstore.Store{"s": s}), "end", "-all", "-store", "s")
		r.want(t, exitFailed, "", "deadline exceeded")
	})
}

func TestPruneRemovesWhatHasExpired(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		mem := memstore.New(memstore.Options{})
		r := sessionstore.Record{Expires: time.Now().Add(time.Hour), Version: 1}
		for i := range 3 {
			if err := mem.Create(t.Context(), numbered(i), r); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(time.Hour) //nolint:forbidigo // fake time
		open := opens(map[string]sessionstore.Store{"mem": mem})
		cloakroomOn(t.Context(), open, "prune", "-store", "mem").want(t, exitDone, "3 sessions removed", "")
		cloakroomOn(t.Context(), open, "prune", "-store", "mem").want(t, exitDone, "0 sessions removed", "")
	})
}

// A busy store has a record in each of ten places, which it takes a second to look at. What
// Prune removes has expired again before it comes back.
type busy struct {
	sessionstore.Store

	reached int
}

func (s *busy) Prune(ctx context.Context) (n int, err error) {
	for place := range 10 {
		select {
		case <-ctx.Done():
			return n, ctx.Err()
		case <-time.After(time.Second):
		}
		n, s.reached = n+1, max(s.reached, place+1)
	}
	return n, nil
}

func TestPruneComesToTheEndOfAStoreInWhichSessionsExpireAllTheTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
		defer cancel()
		s := &busy{Store: memstore.New(memstore.Options{})}
		r := cloakroomOn(ctx, opens(map[string]sessionstore.Store{"s": s}), "prune", "-store", "s")
		r.want(t, exitDone, "sessions removed", "")
		if s.reached != 10 {
			t.Errorf("it has looked at %d of 10 places", s.reached)
		}
	})
}

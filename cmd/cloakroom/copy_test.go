package main

import (
	"context"
	"iter"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cloakroom-go/cloakroom/core/memstore"
	"github.com/cloakroom-go/cloakroom/core/session"
	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

func copied(t *testing.T, args ...string) map[string]int64 {
	t.Helper()
	return decoded[map[string]int64](t, cloakroom(t, append([]string{"copy", "-json"}, args...)...))
}

func TestACopySignsNobodyOut(t *testing.T) {
	t.Parallel()
	for kind, from := range places(t) {
		for target, to := range places(t) {
			before, after := open(t, from), open(t, to)
			cookies := make(map[string]*http.Cookie)
			for _, subject := range []string{"ann", "bob", "山田"} {
				cookies[subject], _ = before.signIn(subject, speaks(subject))
			}
			visitor := before.visit(nil, speaks("es"))
			cloakroom(t, "copy", from, to).want(t, exitDone, "copied  ", "")
			for subject, cookie := range cookies {
				still := after.visit(cookie, func(s *session.Session) {
					if s.Subject() != subject || language.Get(s) != subject {
						t.Errorf("%s to %s: %q speaks %q, want %q", kind, target, s.Subject(), language.Get(s), subject)
					}
				})
				if still.Value != cookie.Value {
					t.Errorf("%s to %s: the cookie has changed", kind, target)
				}
			}
			after.visit(visitor, func(s *session.Session) {
				if language.Get(s) != "es" {
					t.Errorf("%s to %s: an anonymous visitor's session is gone", kind, target)
				}
			})
		}
	}
}

func TestACopyReplacesWhatIsOlderAndLeavesAloneWhatIsNot(t *testing.T) {
	t.Parallel()
	all := places(t)
	from, to := all["file"], all["sqlite"]
	before, after := open(t, from), open(t, to)
	ann, _ := before.signIn("ann", speaks("es"))
	bob, _ := before.signIn("bob", speaks("es"))
	eve, _ := before.signIn("eve", speaks("es"))
	dan, _ := before.signIn("dan")
	if n := copied(t, from, to); n["copied"] != 4 {
		t.Errorf("the first time %v", n)
	}
	if n := copied(t, from, to); n["there"] != 4 || n["copied"] != 0 {
		t.Errorf("the second time %v", n)
	}
	before.visit(ann, speaks("fr"))               // changes at FROM
	after.visit(bob, speaks("fr"))                // changes at TO
	before.visit(eve, speaks("de"))               // changes at both
	after.visit(eve, speaks("fr"))                //
	before.visit(dan, (*session.Session).Destroy) // signs out at FROM
	if n := copied(t, from, to); n["updated"] != 1 || n["different"] != 2 || n["ended"] != 1 {
		t.Errorf("after changes %v", n)
	}
	for subject, cookie := range map[string]*http.Cookie{"ann": ann, "bob": bob, "eve": eve} {
		after.visit(cookie, func(s *session.Session) {
			if s.Subject() != subject || language.Get(s) != "fr" {
				t.Errorf("%q speaks %q, want %s and fr", s.Subject(), language.Get(s), subject)
			}
		})
	}
	if got := after.subject(dan); got != "" {
		t.Errorf("%s has signed out, and is signed in at TO", got)
	}
}

func TestACopyAfterTheSwitchBringsBackWhoHasChangedNothing(t *testing.T) {
	t.Parallel()
	all := places(t)
	from, to := all["file"], all["sqlite"]
	before, after := open(t, from), open(t, to)
	cookie, _ := before.signIn("ann", speaks("es"))
	out, _ := before.signIn("bob")
	if got := after.subject(cookie); got != "" {
		t.Fatalf("%q is signed in before the copy", got)
	}
	copied(t, from, to)
	if got := after.subject(cookie); got != "ann" {
		t.Errorf("after the copy %q is signed in, want ann", got)
	}
	after.visit(out, (*session.Session).Destroy)
	copied(t, from, to)
	if got := after.subject(out); got != "" {
		t.Errorf("%q has signed out at TO, and is back", got)
	}
}

func TestAMirrorIsTheSameAsWhatItIsOf(t *testing.T) {
	t.Parallel()
	all := places(t)
	from, to := all["file"], all["sqlite"]
	before, after := open(t, from), open(t, to)
	ann, _ := before.signIn("ann", speaks("es"))
	bob, bobsID := before.signIn("bob")
	copied(t, from, to)
	before.visit(ann, speaks("fr"))
	eve, _ := before.signIn("eve")
	cloakroom(t, "end", "-store", from, bobsID).want(t, exitDone, "1 session ended", "")
	if n := copied(t, "-mirror", from, to); n["updated"] != 1 || n["copied"] != 1 || n["ended"] != 1 {
		t.Errorf("%v", n)
	}
	if got := after.subject(bob); got != "" {
		t.Errorf("%s has signed out, and is signed in at TO", got)
	}
	if got := after.subject(eve); got != "eve" {
		t.Errorf("who signed in meanwhile is %q at TO", got)
	}
	after.visit(ann, func(s *session.Session) {
		if language.Get(s) != "fr" {
			t.Errorf("a change meanwhile is lost: %q", language.Get(s))
		}
	})
	cloakroom(t, "end", "-store", from, "-all")
	cloakroom(t, "copy", "-mirror", from, to).want(t, exitNotFound, "", "TO was left as it is")
	if got := after.subject(eve); got != "eve" {
		t.Error("a FROM that is empty by mistake has emptied TO")
	}
}

func TestWhoOnlyReadSinceTheCopyStaysSignedInAsLong(t *testing.T) {
	t.Parallel()
	for name, mirror := range map[string][]string{"copy": nil, "mirror": {"-mirror"}} {
		synctest.Test(t, func(t *testing.T) {
			from, to := memstore.New(memstore.Options{}), memstore.New(memstore.Options{})
			open := opens(map[string]sessionstore.Store{"from": from, "to": to})
			before, after := on(t, from), on(t, to)
			ann, _ := before.signIn("ann")
			before.subject(ann) // which notes that her ticket has arrived
			args := append(append([]string{"copy", "-json"}, mirror...), "from", "to")
			cloakroomOn(t.Context(), open, args...)
			time.Sleep(50 * time.Minute) //nolint:forbidigo // fake time
			before.subject(ann)          // extends the session
			r := cloakroomOn(t.Context(), open, args...)
			if n := decoded[map[string]int64](t, r); n["updated"] != 1 {
				t.Errorf("%s: %v", name, n)
			}
			time.Sleep(30 * time.Minute) //nolint:forbidigo // the same
			if got := after.subject(ann); got != "ann" {
				t.Errorf("%s: she is signed out", name)
			}
		})
	}
}

// A limited store fails as its test says.
type limited struct {
	sessionstore.Store

	writes atomic.Int64
	fail   func(n int64) error
}

func (s *limited) Create(ctx context.Context, id string, r sessionstore.Record) error {
	if err := s.fail(s.writes.Add(1)); err != nil {
		return err
	}
	return s.Store.Create(ctx, id, r)
}

func TestAnInterruptedCopyGoesOnWhenItIsRunAgain(t *testing.T) {
	t.Parallel()
	const all, some = 1000, 100
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	to := memstore.New(memstore.Options{})
	interrupting := &limited{Store: to, fail: func(n int64) error {
		if n == some {
			stop() // Ctrl-C
		}
		return nil
	}}
	open := opens(map[string]sessionstore.Store{"from": aCrowd(t, all), "to": interrupting})
	r := cloakroomOn(ctx, open, "copy", "-json", "from", "to")
	r.want(t, exitInterrupted, `"copied": `, "interrupted: run it again, and it goes on")
	n := decoded[map[string]int64](t, cloakroomOn(t.Context(), open, "copy", "-json", "from", "to"))
	if n["copied"]+n["there"] != all || n["there"] < some-workers || n["copied"] == 0 {
		t.Errorf("the second time %v", n)
	}
}

func TestACopyThatFailsGoesOnWhenItIsRunAgain(t *testing.T) {
	t.Parallel()
	const all = 1000
	to := memstore.New(memstore.Options{})
	failing := &limited{Store: to, fail: func(n int64) error {
		if n == 500 {
			return errDown
		}
		return nil
	}}
	open := opens(map[string]sessionstore.Store{"from": aCrowd(t, all), "to": failing})
	r := cloakroomOn(t.Context(), open, "copy", "-json", "from", "to")
	r.want(t, exitFailed, `"copied": `, "run it again and it goes on: to: the server is down")
	n := decoded[map[string]int64](t, cloakroomOn(t.Context(), open, "copy", "-json", "from", "to"))
	if n["copied"]+n["there"] != all || n["there"] < 400 {
		t.Errorf("the second time %v", n)
	}
}

func TestWhatDoesNotFitIsLeftOutAndSaid(t *testing.T) {
	t.Parallel()
	small := &limited{Store: memstore.New(memstore.Options{}), fail: func(n int64) error {
		if n == 2 {
			return sessionstore.ErrTooLarge
		}
		return nil
	}}
	open := opens(map[string]sessionstore.Store{"from": aCrowd(t, 3), "to": small})
	r := cloakroomOn(t.Context(), open, "copy", "from", "to")
	r.want(t, exitFailed, "tooLarge  1  for TO: left out", "some sessions were left out")
	r.want(t, exitFailed, "copied    2", "")
}

func TestACopyHoldsFewRecordsAtATime(t *testing.T) {
	t.Parallel()
	const all = 10_000
	from := aCrowd(t, all)
	to := &limited{Store: memstore.New(memstore.Options{}), fail: func(int64) error { return nil }}
	most := int64(0)
	from.met = func(i int) { most = max(most, int64(i)-to.writes.Load()) }
	open := opens(map[string]sessionstore.Store{"from": from, "to": to})
	if n := decoded[map[string]int64](t, cloakroomOn(t.Context(), open, "copy", "-json", "from", "to")); n["copied"] != all {
		t.Errorf("%v", n)
	}
	if most > workers+1 {
		t.Errorf("%d records were read and not yet written", most)
	}
}

func TestADamagedRecordIsLeftOutAndSaid(t *testing.T) {
	t.Parallel()
	all := places(t)
	before := open(t, all["file"])
	before.signIn("ann")
	before.visit(nil, speaks("es"))
	files, err := filepath.Glob(filepath.Join(strings.TrimPrefix(all["file"], "file:"), "??", "*.*"))
	if err != nil || len(files) != 2 {
		t.Fatalf("files %q, %v", files, err)
	}
	if err := os.Truncate(files[0], 100); err != nil {
		t.Fatal(err)
	}
	cloakroom(t, "count", "-store", all["file"]).want(t, exitDone, "damaged    1", "")
	cloakroom(t, "copy", all["file"], all["sqlite"]).want(t, exitFailed, "damaged  1  left out", "some sessions were left out")
	cloakroom(t, "end", "-all", "-store", all["file"]).want(t, exitDone, "1 session ended", "")
	cloakroom(t, "count", "-store", all["file"]).want(t, exitDone, "sessions   0\n", "")
}

// A beside has a row whose id is none before its records, as a table may.
type beside struct{ *memstore.Store }

func (b beside) Scan(ctx context.Context) iter.Seq2[sessionstore.Entry, error] {
	return func(yield func(sessionstore.Entry, error) bool) {
		if yield(sessionstore.Entry{ID: "settings"}, sessionstore.ErrCorrupt) {
			b.Store.Scan(ctx)(yield)
		}
	}
}

func TestAMirrorPassesOverWhatHasNoID(t *testing.T) {
	t.Parallel()
	from, to := memstore.New(memstore.Options{}), beside{memstore.New(memstore.Options{})}
	on(t, from).signIn("bob")
	on(t, to).signIn("ann")
	open := opens(map[string]sessionstore.Store{"from": from, "to": to})
	n := decoded[map[string]int64](t, cloakroomOn(t.Context(), open, "copy", "-json", "-mirror", "from", "to"))
	if n["copied"] != 1 || n["ended"] != 1 {
		t.Errorf("%v, want who has ended at FROM to be ended", n)
	}
}

func TestWhatNoSecondCopyMendsIsNotAdvised(t *testing.T) {
	t.Parallel()
	full := memstore.New(memstore.Options{})
	on(t, full).signIn("ann")
	stores := opens(map[string]sessionstore.Store{
		"empty": memstore.New(memstore.Options{}), "full": full, "list": struct{ sessionstore.Store }{memstore.New(memstore.Options{})},
	})
	for _, c := range []struct {
		args string
		code int
		why  string
	}{
		{"-mirror empty full", exitNotFound, "TO was left as it is"},
		{"-mirror full list", exitUnsupported, "-mirror has to know"},
		{"list full", exitUnsupported, "is no Scanner"},
	} {
		r := cloakroomOn(t.Context(), stores, strings.Fields("copy "+c.args)...)
		r.want(t, c.code, "", c.why)
		if strings.Contains(r.stderr, "run it again") {
			t.Errorf("%s: %s", c.args, r.stderr)
		}
	}
}

package session_test

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cloakroom-go/cloakroom/core/session"
	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

func admin(t *testing.T, e *env, configure ...func(*session.Options)) *session.Admin {
	t.Helper()
	o := session.Options{Logger: discard}
	for _, f := range configure {
		f(&o)
	}
	a, err := session.NewAdmin(e.mem, o)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestAnAdminNeedsNoKeys(t *testing.T) {
	t.Parallel()
	e, _ := newIndexedEnv(t)
	phone, desk := e.login("ann", on("phone")), e.login("ann", on("desk"))
	bob, nobody := e.login("bob", on("tablet")), e.seed(count)
	a := admin(t, e)
	if err := a.Check(t.Context()); err != nil {
		t.Error(err)
	}
	list, err := a.List(t.Context(), "ann")
	if err != nil || len(list) != 2 {
		t.Fatalf("List: %d sessions, %v", len(list), err)
	}
	if got, _ := device.From(list[0]); got != "phone" && got != "desk" {
		t.Errorf("the first is on %q", got)
	}
	for _, i := range list {
		if on, _ := device.From(i); on == "phone" {
			if err := a.End(t.Context(), "ann", i.ID); err != nil {
				t.Error(err)
			}
		}
	}
	e.wantSignedIn(phone, false)
	e.wantSignedIn(desk, true)
	if n, err := a.EndIf(t.Context(), "ann", func(session.Info) bool { return false }); n != 0 || err != nil {
		t.Errorf("EndIf: %d, %v", n, err)
	}
	if n, err := a.EndSubject(t.Context(), "ann"); n != 1 || err != nil {
		t.Errorf("EndSubject: %d, %v", n, err)
	}
	e.wantSignedIn(desk, false)
	e.wantSignedIn(bob, true)
	if n, err := a.EndEverybody(t.Context()); n != 2 || err != nil {
		t.Errorf("EndEverybody: %d, %v", n, err)
	}
	e.wantSignedIn(bob, false)
	if _, err := e.record(nobody); !errors.Is(err, sessionstore.ErrNotFound) {
		t.Errorf("the anonymous session: %v", err)
	}
	if err := a.RunPruner(t.Context(), 0); !errors.Is(err, session.ErrInvalid) {
		t.Errorf("RunPruner: %v", err)
	}
	if _, err := session.NewAdmin(nil, session.Options{}); err == nil || !strings.Contains(err.Error(), "NewAdmin") {
		t.Errorf("no store: %v, want NewAdmin's error", err)
	}
}

// wantSignedIn looks whether a visitor is signed in.
func (e *env) wantSignedIn(v *visitor, want bool) {
	e.tb.Helper()
	var subject string
	v.do(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) { subject = s.Subject() })
	if got := subject != ""; got != want {
		e.tb.Errorf("signed in: %v, want %v", got, want)
	}
}

func TestDescribeTellsLiveSessionsFromWhatIsLeft(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e, _ := newIndexedEnv(t)
		start := time.Now()
		e.login("ann", on("phone"))
		e.seed(count)
		e.login("bob", on("desk")).do(destroy) // leaves a tombstone
		damaged := sessionstore.Record{Data: []byte("?"), Expires: time.Now().Add(time.Hour), Version: 1}
		if err := e.mem.Create(t.Context(), strings.Repeat("A", sessionstore.IDLen), damaged); err != nil {
			t.Fatal(err)
		}
		a := admin(t, e, func(o *session.Options) { o.AbsoluteTimeout = session.NoTimeout })
		var subjects, names []string
		ended, unreadable := 0, 0
		for entry, err := range sessionstore.Scan(t.Context(), e.mem) {
			if err != nil {
				t.Fatal(err)
			}
			switch i, err := a.Describe(entry); {
			case errors.Is(err, session.ErrNotFound):
				ended++
			case errors.Is(err, sessionstore.ErrCorrupt):
				unreadable++
			case err != nil:
				t.Error(err)
			default:
				subjects = append(subjects, i.Subject)
				for name, data := range i.Values() {
					names = append(names, name+"="+string(data))
				}
				if !i.Started.Equal(start) || i.ID == "" || !i.Expires.Equal(start.Add(session.DefaultIdleTimeout)) {
					t.Errorf("session %q started %v, expires %v", i.ID, i.Started, i.Expires)
				}
			}
		}
		slices.Sort(subjects)
		slices.Sort(names)
		if !slices.Equal(subjects, []string{"", "ann"}) || !slices.Equal(names, []string{"counter=1", `device="phone"`}) {
			t.Errorf("subjects %q, values %q", subjects, names)
		}
		if ended != 1 || unreadable != 1 {
			t.Errorf("%d ended, %d unreadable, want 1 of each", ended, unreadable)
		}
		for name := range (session.Info{}).Values() {
			t.Errorf("an Info of nothing has a value %q", name)
		}
	})
}

func TestAnInfoShowsMessagesAndTakesNone(t *testing.T) {
	t.Parallel()
	e, _ := newIndexedEnv(t)
	v := e.login("ann", leave("saved", "paid"))
	want := []session.Flash{{Category: "category of saved", Message: "saved"}, {Category: "category of paid", Message: "paid"}}
	for range 2 {
		i := e.list("ann")[0]
		got := i.Flashes()
		if !slices.Equal(got, want) {
			t.Errorf("messages %q, want %q", got, want)
		}
		got[0] = session.Flash{} // the caller's own
		if got := i.Flashes(); !slices.Equal(got, want) {
			t.Errorf("the second time %q, want %q", got, want)
		}
	}
	wantMessages(t, v.take(), "saved", "paid")
	if got := (session.Info{}).Flashes(); got != nil {
		t.Errorf("an Info of nothing has messages %q", got)
	}
}

func TestDescribeNeedsTheSealerOfASealedSession(t *testing.T) {
	t.Parallel()
	seal := sealed(t, session.GenerateKey())
	e, _ := newIndexedEnv(t, seal)
	e.login("ann", on("phone"))
	for entry, err := range sessionstore.Scan(t.Context(), e.mem) {
		if err != nil {
			t.Fatal(err)
		}
		if _, err := admin(t, e).Describe(entry); !errors.Is(err, sessionstore.ErrCorrupt) {
			t.Errorf("without it: %v", err)
		}
		i, err := admin(t, e, seal).Describe(entry)
		if got, _ := device.From(i); err != nil || got != "phone" {
			t.Errorf("with it: %q, %v", got, err)
		}
	}
	if n, err := admin(t, e).EndSubject(t.Context(), "ann"); n != 1 || err != nil {
		t.Errorf("ended without it: %d, %v", n, err)
	}
}

func TestAnInfoKnowsTheLastWritesOfItsSession(t *testing.T) {
	t.Parallel()
	e, _ := newIndexedEnv(t)
	v := e.login("ann")
	if e.list("ann")[0].HadVersion(0) {
		t.Error("it knows a write without a version")
	}
	var versions []sessionstore.Version
	for range 12 {
		v.do(count)
		r, err := e.record(v)
		if err != nil {
			t.Fatal(err)
		}
		versions = append(versions, r.Version)
	}
	i := e.list("ann")[0]
	for n, version := range versions {
		if got, want := i.HadVersion(version), n >= 4; got != want {
			t.Errorf("write %d of %d: %v, want %v", n+1, len(versions), got, want)
		}
	}
	if i.HadVersion(1) || (session.Info{}).HadVersion(versions[0]) {
		t.Error("it knows writes that there were not")
	}
}

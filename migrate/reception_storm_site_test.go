package migrate_test

import (
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"time"

	"github.com/cloakroom-go/cloakroom/core/session"
	"github.com/cloakroom-go/cloakroom/migrate"
)

// A stormSite is what the applications are, and what happens there: each number is how often
// besides other things, or once in how many times.
type stormSite struct {
	keep, inCookie, refuse, renewEvery, remember, sealed, header, binding bool
	max                                                                   int
	storeFails, recordsFail, goAway                                       int
	signOut, signIn, signInAsBob, endOthers, act, endSubject              int
	oldSignIn, oldSignOut, oldWrite                                       int
	anonymous, long                                                       int
}

func newStormSite(d *dice) stormSite {
	at := func(one, times int) int {
		if d.one(one) {
			return times
		}
		return 0
	}
	s := stormSite{
		keep: d.one(3), inCookie: d.one(4), renewEvery: d.one(3), remember: d.one(5), sealed: d.one(6), header: d.one(6), binding: d.one(6),
		storeFails: at(2, 15), recordsFail: at(3, 6), goAway: at(2, 10),
		signOut: at(3, 2), signIn: at(5, 1), signInAsBob: at(4, 1), endOthers: at(6, 1), act: at(6, 2), endSubject: at(6, 1),
		oldSignIn: at(4, 1), oldSignOut: at(6, 1), oldWrite: at(4, 3),
		anonymous: at(3, 1), long: at(2, 1),
	}
	if d.one(3) {
		s.max, s.refuse = 1+d.n(3), d.one(2)
	}
	return s
}

// start starts a process of the application.
func (w *storm) start(key []byte) {
	o := session.Options{
		Keys: [][]byte{key}, Logger: slog.New(slog.DiscardHandler), MaxSessions: w.site.max, RefuseNew: w.site.refuse,
		Binding: session.Binding{UserAgent: w.site.binding}, Passive: []func(*http.Request) bool{session.SkipHeader("X-Poll", "1")},
	}
	if w.site.renewEvery {
		o.RenewEvery = 2 * time.Minute
	}
	if w.site.header {
		o.Header = "Authorization"
	}
	var err error
	if w.site.sealed {
		if o.Sealer, err = session.NewSealer(key); err != nil {
			w.t.Fatal(err)
		}
	}
	m, err := session.New(&stormStore{Store: w.mem, w: w}, o)
	if err != nil {
		w.t.Fatal(err)
	}
	rc, err := migrate.NewReception(m, migrate.Options{
		Sources: []migrate.Source{w.source()}, KeepOldCookie: w.site.keep, Values: w.move, Logger: o.Logger,
		Subject: func(old migrate.Legacy) (string, error) { return migrate.Value[string](old.Values, "user") },
	})
	if err != nil {
		w.t.Fatal(err)
	}
	pages := m.HandlerFunc(func(rw http.ResponseWriter, r *http.Request, s *session.Session) { w.serve(m, rc, rw, r, s) })
	w.managers, w.handlers = append(w.managers, m), append(w.handlers, m.Handler(rc.Handler(pages)))
}

// move adds what is in the old cart.
func (w *storm) move(old migrate.Legacy, s *session.Session) error {
	if w.site.remember {
		s.Remember(30 * 24 * time.Hour)
	}
	items, err := migrate.Value[[]string](old.Values, "cart")
	for _, item := range items {
		add(s, item)
	}
	return err
}

func add(s *session.Session, item string) {
	cart.Update(s, func(c []string) []string {
		if slices.Contains(c, item) {
			return c
		}
		return append(c, item)
	})
}

// A stormPage is what a response shows.
type stormPage struct {
	Was     string   `json:"was"` // before the request has done anything
	Subject string   `json:"subject"`
	Actor   string   `json:"actor"`
	ID      string   `json:"id"`
	Items   []string `json:"items"`
	Fresh   bool     `json:"fresh"`
}

// serve does what a request asks for, slowly at times.
func (w *storm) serve(m *session.Manager, rc *migrate.Reception, rw http.ResponseWriter, r *http.Request, s *session.Session) {
	if w.dice.one(10) {
		<-time.After(w.dice.upTo(2 * time.Second))
	}
	if w.dice.one(40) {
		<-time.After(w.dice.upTo(50 * time.Second))
	}
	was := s.Subject()
	err := w.act(rc, rw, r, s)
	if err == nil && w.dice.one(3) {
		if err = s.Commit(r.Context()); errors.Is(err, session.ErrRetired) {
			err = nil
		}
	}
	if err != nil {
		m.Fail(rw, r, err)
		return
	}
	page, err := json.Marshal(stormPage{was, s.Subject(), s.Actor(), s.ID(), cart.Get(s), s.Fresh(time.Hour)})
	if err != nil {
		m.Fail(rw, r, err)
		return
	}
	_, _ = rw.Write(page) // the client may be gone
}

func (w *storm) act(rc *migrate.Reception, rw http.ResponseWriter, r *http.Request, s *session.Session) error {
	ctx := r.Context()
	switch r.FormValue("do") {
	case "add":
		add(s, r.FormValue("with"))
	case "sign in":
		s.Authenticate(r.FormValue("with"))
	case "sign out":
		if w.site.keep || w.dice.one(3) {
			if err := rc.End(rw, r); err != nil {
				return err
			}
		}
		s.Destroy()
	case "renew":
		s.Renew()
	case "step up":
		if s.Subject() != "" && s.Actor() == "" {
			s.StepUp("admin", time.Minute)
		}
	case "end others":
		if s.Subject() != "" {
			_, err := s.EndOthers(ctx)
			return err
		}
	case "act":
		if err := s.Impersonate(ctx, "carl", 10*time.Minute); !errors.Is(err, session.ErrInvalid) {
			return err
		}
	case "stop":
		return s.StopImpersonating(ctx)
	}
	return nil
}

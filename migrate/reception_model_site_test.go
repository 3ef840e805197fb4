package migrate_test

import (
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"time"

	"github.com/cloakroom-go/cloakroom/core/session"
	"github.com/cloakroom-go/cloakroom/core/sessionstore"
	"github.com/cloakroom-go/cloakroom/migrate"
)

// A modelSite is what the applications are, and what happens there, and once in how many times.
type modelSite struct {
	browsers, tabs, steps                                                 int
	keep, inCookie, refuse, renewEvery, remember, sealed, header, binding bool
	noTouch                                                               bool // the store can't
	sets                                                                  bool // the cart that is brought, in the place of what is there
	max                                                                   int
	storeFails, recordsFail, goAway, anonymous, here, long                int
	choices                                                               []string // of a tab
}

func (m *model) newSite() modelSite {
	at := func(one, times int) int {
		if m.one(one) {
			return times
		}
		return 0
	}
	s := modelSite{
		browsers: 1 + m.n(2), tabs: 2 + m.n(3), steps: 3 + m.n(10),
		keep: m.one(3), inCookie: m.one(3), renewEvery: m.one(3), remember: m.one(5), sealed: m.one(6), header: m.one(6), binding: m.one(6),
		noTouch: m.one(6), sets: m.one(2), storeFails: at(2, 15), recordsFail: at(3, 6), goAway: at(2, 10), here: at(3, 2), long: at(2, 30),
	}
	view, often := 9, 3
	if m.turns { // few requests, much like one another
		s.browsers, s.tabs, s.steps, view, often = 1, 3, 2+m.n(2), 2, 2
		if s.goAway = 0; !m.one(3) {
			s.storeFails, s.recordsFail = 0, 0
		}
	}
	if m.one(often) {
		s.max, s.refuse = 1+m.n(3), m.one(2)
	}
	can := func(one, times int, what ...string) {
		s.choices = append(s.choices, slices.Repeat(what, at(one, times))...)
	}
	can(1, view, "view", "add")
	can(1, 1, "renew", "step up")
	can(often, 1, "flash")
	can(often, 2, "sign out")
	can(often, 1, "sign in:bob")
	can(2*often, 1, "end others")
	if m.turns && !m.one(4) {
		return s
	}
	s.anonymous = at(3, 2)
	can(5, 1, "sign in:ann")
	can(6, 2, "act", "stop")
	can(6, 1, "end all:ann")
	can(4, 1, "old sign in:ann")
	can(6, 1, "old sign out")
	if s.inCookie {
		can(4, 3, "old write")
	}
	return s
}

// start starts a process of the application.
func (m *model) start(key []byte) {
	o := session.Options{
		Keys: [][]byte{key}, Logger: slog.New(slog.DiscardHandler), MaxSessions: m.site.max, RefuseNew: m.site.refuse,
		Binding: session.Binding{UserAgent: m.site.binding}, Passive: []func(*http.Request) bool{session.SkipHeader("X-Poll", "1")},
	}
	if m.site.renewEvery {
		o.RenewEvery = 2 * time.Minute
	}
	if m.site.header {
		o.Header = "Authorization"
	}
	var source migrate.Source = m.express
	if m.site.inCookie {
		source = modelFlask
	}
	var err error
	if m.site.sealed {
		if o.Sealer, err = session.NewSealer(key); err != nil {
			m.t.Fatal(err)
		}
	}
	var store sessionstore.Store = &modelStore{Store: m.mem, m: m}
	if m.site.noTouch {
		store = struct{ sessionstore.SubjectIndex }{&modelStore{Store: m.mem, m: m}}
	}
	sessions, err := session.New(store, o)
	if err != nil {
		m.t.Fatal(err)
	}
	rc, err := migrate.NewReception(sessions, migrate.Options{
		Sources: []migrate.Source{source}, KeepOldCookie: m.site.keep, Values: m.move, Logger: o.Logger,
		Subject: func(old migrate.Legacy) (string, error) { return migrate.Value[string](old.Values, "user") },
	})
	if err != nil {
		m.t.Fatal(err)
	}
	pages := sessions.HandlerFunc(func(w http.ResponseWriter, r *http.Request, s *session.Session) { m.serve(sessions, rc, w, r, s) })
	m.managers, m.handlers = append(m.managers, sessions), append(m.handlers, sessions.Handler(rc.Handler(pages)))
}

// move moves the old cart.
func (m *model) move(old migrate.Legacy, s *session.Session) error {
	if m.site.remember {
		s.Remember(30 * 24 * time.Hour)
	}
	if m.site.sets {
		return migrate.Move(old.Values, "cart", cart, s)
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

// A modelPage is what a request sees.
type modelPage struct {
	subject, actor, id string
	items              []string
	fresh              bool
}

func look(s *session.Session) modelPage {
	return modelPage{s.Subject(), s.Actor(), s.ID(), cart.Get(s), s.Fresh(time.Hour)}
}

// serve does what a request asks for, slowly at times.
func (m *model) serve(sessions *session.Manager, rc *migrate.Reception, w http.ResponseWriter, r *http.Request, s *session.Session) {
	q, _ := r.Context().Value(asking{}).(*modelRequest)
	q.was = look(s)
	if m.one(8) {
		m.wait(2*time.Second, 5, 50*time.Second) //nolint:contextcheck // of the history, not of the request
	}
	err := m.do(q, rc, w, r, s)
	if err == nil && m.one(3) {
		if err = s.Commit(r.Context()); errors.Is(err, session.ErrRetired) {
			err = nil
		}
	}
	q.page = look(s)
	switch {
	case err != nil:
		sessions.Fail(w, r, err)
	case m.one(2):
		_, _ = w.Write([]byte("a page")) // the client may be gone
	}
}

func (m *model) do(q *modelRequest, rc *migrate.Reception, w http.ResponseWriter, r *http.Request, s *session.Session) error {
	ctx := r.Context()
	switch q.do {
	case "add":
		add(s, q.with)
	case "flash":
		s.Flash("info", "a message")
	case "sign in":
		s.Authenticate(q.with)
	case "sign out":
		if m.site.keep || m.one(3) {
			if err := rc.End(w, r); err != nil {
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
		_, _ = s.EndOthers(ctx) // whoever is signed out has none
	case "act":
		if err := s.Impersonate(ctx, "carl", 10*time.Minute); !errors.Is(err, session.ErrInvalid) {
			return err
		}
	case "stop":
		return s.StopImpersonating(ctx)
	}
	return nil
}

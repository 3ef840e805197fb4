package session_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/cloakroom-go/cloakroom/core/session"
)

// A transport is one way in which a ticket travels in a header field.
type transport struct {
	header string // Options.Header
	sent   string // the request's field
	prefix string // of its value
	answer string // the response's field
}

var transports = []transport{
	{"X-Session", "X-Session", "", "X-Session"},
	{"x-session", "X-Session", "", "X-Session"},
	{"Authorization", "Authorization", "Bearer ", "Session-Ticket"},
	{"authorization", "Authorization", "bEARER   ", "Session-Ticket"},
}

func (tr *transport) configure(o *session.Options) { o.Header = tr.header }

// A client keeps a ticket as the response's field tells it to.
type client struct {
	transport

	e      *env
	m      *session.Manager
	ticket string
}

func (e *env) client(tr transport) *client {
	return &client{transport: tr, e: e, m: e.manager(e.store, tr.configure)}
}

func (c *client) do(f handler) *http.Response {
	c.e.tb.Helper()
	r := request(c.e.tb, "")
	if c.ticket != "" {
		r.Header.Set(c.sent, c.prefix+c.ticket)
	}
	w := httptest.NewRecorder()
	c.m.HandlerFunc(f).ServeHTTP(w, r)
	if values, ok := w.Result().Header[c.answer]; ok {
		c.ticket = values[0]
		c.e.secret(c.ticket)
	}
	return w.Result()
}

func eachTransport(t *testing.T, f func(c *client)) {
	t.Helper()
	for _, tr := range transports {
		t.Run(tr.header+" "+strings.TrimSpace(tr.prefix), func(t *testing.T) {
			t.Parallel()
			f(newEnv(t).client(tr))
		})
	}
}

func TestATicketTravelsInAHeaderField(t *testing.T) {
	t.Parallel()
	eachTransport(t, func(c *client) {
		wantField := func(what string, res *http.Response, there bool) {
			c.e.tb.Helper()
			values, ok := res.Header[c.answer]
			if ok != there || len(values) > 1 {
				c.e.tb.Errorf("%s: %s is %d times in the response", what, c.answer, len(values))
			}
			if there && res.Header.Get("Cache-Control") != "no-store" {
				c.e.tb.Errorf("%s: a cache may store the ticket", what)
			}
			if got := res.Header["Vary"]; !slices.Equal(got, []string{c.sent}) {
				c.e.tb.Errorf("%s: Vary %q, want %s", what, got, c.sent)
			}
			wantStatus(c.e.tb, res, http.StatusOK)
			wantNoCookie(c.e.tb, res)
		}
		wantField("an anonymous read", c.do(look), false)
		wantField("the first write", c.do(count), true)
		wantField("a read", c.do(look), false)
		wantField("a write", c.do(count), false)
		old := c.ticket
		wantField("Authenticate", c.do(authenticate), true)
		if c.ticket == old {
			c.e.tb.Error("Authenticate left the ticket")
		}
		c.do(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
			if counter.Get(s) != 2 || s.Subject() != "ann" {
				c.e.tb.Errorf("counter %d, subject %q", counter.Get(s), s.Subject())
			}
		})
		wantField("Destroy", c.do(destroy), true)
		if c.ticket != "" {
			c.e.tb.Error("Destroy left a ticket")
		}
	})
}

func TestTicketStoresTheSessionAndReturnsWhatTheClientIsToSend(t *testing.T) {
	t.Parallel()
	eachTransport(t, func(c *client) {
		ticket := func(r *http.Request, s *session.Session) string {
			text, err := s.Ticket(r.Context())
			if err != nil || text == "" {
				c.e.tb.Errorf("%q, %v", text, err)
			}
			c.e.secret(text)
			return text
		}
		var first string
		c.do(func(_ http.ResponseWriter, r *http.Request, s *session.Session) { first = ticket(r, s) })
		if first != c.ticket {
			c.e.tb.Error("the field has another ticket")
		}
		again := c.do(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
			w.Header().Set("CDN-Cache-Control", "max-age=60")
			ticket(r, s)
		})
		for _, field := range []string{"Cache-Control", "CDN-Cache-Control"} {
			if got := again.Header.Get(field); got != "no-store" {
				c.e.tb.Errorf("a response that holds the ticket: %s: %q, want no-store", field, got)
			}
		}
		c.do(func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
			if s.IsNew() || ticket(r, s) != first {
				c.e.tb.Error("the session is new, or its ticket has changed")
			}
			s.Authenticate("ann")
			if second := ticket(r, s); second == first {
				c.e.tb.Error("Authenticate left the ticket")
			}
		})
		c.do(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
			if s.Subject() != "ann" {
				c.e.tb.Errorf("subject %q", s.Subject())
			}
			w.WriteHeader(http.StatusOK)
			if ticket(r, s) != c.ticket {
				c.e.tb.Error("after the header the ticket is another one")
			}
		})
	})
}

func TestTicketSaysWhyThereIsNone(t *testing.T) {
	t.Parallel()
	ticket := func(r *http.Request, s *session.Session, want error) {
		t.Helper()
		if text, err := s.Ticket(r.Context()); !errors.Is(err, want) || text != "" {
			t.Errorf("%d bytes, %v, want %v", len(text), err, want)
		}
	}
	newEnv(t).visitor().do(func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
		ticket(r, s, session.ErrUnsupported)
	})
	c := newEnv(t).client(transports[0])
	c.do(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		w.WriteHeader(http.StatusOK)
		ticket(r, s, session.ErrHeaderSent)
	})
	c.do(func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
		c.e.store.fail(errDown, opCreate)
		ticket(r, s, errDown)
		c.e.store.reset()
	})
	c.do(count)
	other := *c
	c.do(func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
		other.do(destroy)
		counter.Set(s, 1)
		ticket(r, s, session.ErrNotFound)
	})
}

func TestATicketIsWorthNothingInAnotherTransport(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	bearer := transport{"Authorization", "Authorization", "Bearer ", "Session-Ticket"}
	cookie := transport{"", "Cookie", "__Host-session=", "Set-Cookie"}
	all := []transport{
		cookie,
		bearer,
		{"X-Session", "X-Session", "", "X-Session"},
		{"X-Other", "X-Other", "", "X-Other"},
		// The name of the field that hands a bearer's ticket out.
		{"Session-Ticket", "Session-Ticket", "", "Session-Ticket"},
	}
	for _, from := range all {
		c := e.client(from)
		c.do(count)
		if from == cookie {
			c.ticket, _, _ = strings.Cut(strings.TrimPrefix(c.ticket, cookie.prefix), ";")
		}
		e.secret(c.ticket)
		for _, to := range all {
			other := e.client(to)
			other.ticket = c.ticket
			other.do(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
				if found := !s.IsNew(); found != (from == to) {
					t.Errorf("from %s to %s: found %v", from.sent, to.sent, found)
				}
			})
		}
	}
}

func TestACookieAndABearerWorkSideBySideOnOneRequest(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	c := e.client(transports[2])
	v := e.visitor()
	both := func(f func(web, api *session.Session)) http.Handler {
		return e.m.HandlerFunc(func(w http.ResponseWriter, r *http.Request, web *session.Session) {
			c.m.HandlerFunc(func(_ http.ResponseWriter, _ *http.Request, api *session.Session) { f(web, api) }).ServeHTTP(w, r)
		})
	}
	send := func(f func(web, api *session.Session)) {
		r := request(t, "")
		if v.cookie != nil {
			r.AddCookie(v.cookie)
			r.Header.Set("Authorization", "Bearer "+c.ticket)
		}
		w := httptest.NewRecorder()
		both(f).ServeHTTP(w, r)
		res := v.took(w.Result())
		if values := res.Header["Session-Ticket"]; values != nil {
			c.ticket = values[0]
			e.secret(c.ticket)
		}
		for _, field := range []string{"Cookie", "Authorization"} {
			if !slices.Contains(res.Header["Vary"], field) {
				t.Errorf("Vary %q lacks %s", res.Header["Vary"], field)
			}
		}
	}
	send(func(web, api *session.Session) {
		name.Set(web, "web")
		name.Set(api, "api")
	})
	if v.cookie == nil || c.ticket == "" {
		t.Fatal("not both were handed out")
	}
	send(func(web, api *session.Session) {
		if name.Get(web) != "web" || name.Get(api) != "api" || web.ID() == api.ID() {
			t.Errorf("found %q and %q", name.Get(web), name.Get(api))
		}
		api.Destroy()
	})
	if v.cookie == nil || c.ticket != "" {
		t.Error("Destroy of one has ended the other, or itself not")
	}
	if got, _ := read(v, name); got != "web" {
		t.Errorf("what is left holds %q", got)
	}
}

func TestNoTicketIsHandedOutWhenTheSessionCanNotBeSaved(t *testing.T) {
	t.Parallel()
	eachTransport(t, func(c *client) {
		c.e.store.fail(errDown, opCreate, opUpdate)
		res := c.do(count)
		wantOutage(c.e.tb, res)
		if res.Header[c.answer] != nil {
			c.e.tb.Error("a ticket was handed out")
		}
		if got := res.Header["Vary"]; !slices.Equal(got, []string{c.sent}) {
			c.e.tb.Errorf("Vary %q, want %s", got, c.sent)
		}
	})
}

// What comes in Authorization is handed out in Session-Ticket, which another Manager may
// have for both.
func TestTwoManagersWithOneFieldInTheResponseAreAnError(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	bearer := e.manager(e.store, func(o *session.Options) { o.Header = "Authorization" })
	field := e.manager(e.store, func(o *session.Options) { o.Header = "Session-Ticket" })
	for _, c := range [][2]*session.Manager{{bearer, field}, {field, bearer}} {
		c[0].Handler(c[1].Handler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			if _, err := c[0].Get(r); err != nil {
				t.Errorf("the outer one: %v", err)
			}
			if _, err := c[1].Get(r); !errors.Is(err, session.ErrInvalid) {
				t.Errorf("the inner one: %v, want ErrInvalid", err)
			}
		}))).ServeHTTP(httptest.NewRecorder(), request(t, ""))
	}
}

package session_test

import (
	"bufio"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"testing"

	"github.com/cloakroom-go/cloakroom/core/session"
)

// upgrade takes the connection over and writes its own answer, as WebSocket libraries
// do, with nothing in it of what is in w.Header.
func upgrade(w http.ResponseWriter) error {
	conn, buf, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }() // the answer was flushed
	_, err = buf.WriteString("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: test\r\n\r\n")
	return errors.Join(err, buf.Flush())
}

// dial sends a request as a WebSocket client does, and returns the status and the
// header of the answer.
func (s *website) dial(path string) (status int, header http.Header) {
	s.t.Helper()
	conn, err := (&tls.Dialer{Config: s.tls}).DialContext(s.t.Context(), "tcp", s.server.Listener.Addr().String())
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = conn.Close() }() // it is read to the end
	r, err := http.NewRequestWithContext(s.t.Context(), http.MethodGet, s.server.URL+path, http.NoBody)
	if err != nil {
		s.t.Fatal(err)
	}
	r.Header.Set("Connection", "Upgrade")
	r.Header.Set("Upgrade", "test")
	for _, c := range s.jar() {
		r.AddCookie(c)
	}
	if err := r.Write(conn); err != nil {
		s.t.Fatal(err)
	}
	res, err := http.ReadResponse(bufio.NewReader(conn), r)
	if err != nil {
		s.t.Fatal(err)
	}
	_ = res.Body.Close() // of no interest
	return res.StatusCode, res.Header
}

// TestAWebSocketLibrarysOwnAnswerLosesNoTicket has an upgrade that leaves out what is in
// the header map: no ticket may depend on it.
func TestAWebSocketLibrarysOwnAnswerLosesNoTicket(t *testing.T) {
	t.Parallel()
	e := newEnv(t, func(o *session.Options) { o.RenewGrace, o.RenewEvery = 1, 2 }) // a ticket is always due
	closed := make(chan error, 1)
	socket := func(f handler) handler {
		return func(w http.ResponseWriter, r *http.Request, s *session.Session) {
			f(w, r, s)
			closed <- upgrade(w)
		}
	}
	site := newWebsite(t, e, routes(e.m, map[string]handler{
		"/reads":  socket(nothing),
		"/writes": socket(count),
		"/renews": socket(renew),
		"/logs":   socket(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) { s.Authenticate("bob") }),
		"/count":  func(w http.ResponseWriter, _ *http.Request, s *session.Session) { fmt.Fprint(w, counter.Get(s)) },
	}), false)
	if status, _ := site.dial("/writes"); status == http.StatusSwitchingProtocols || !errors.Is(<-closed, session.ErrHeaderSent) {
		t.Errorf("a new session was made for a visitor who can't get its ticket: status %d", status)
	}
	site.get("/buy")
	site.get("/login")
	site.want("ann")
	for _, path := range []string{"/reads", "/writes", "/reads"} {
		if status, h := site.dial(path); status != http.StatusSwitchingProtocols || h["Set-Cookie"] != nil {
			t.Errorf("%s: status %d, %q", path, status, h)
		}
		if err := <-closed; err != nil {
			t.Error(err)
		}
		site.want("ann")
	}
	if _, n := site.get("/count"); n != "1" {
		t.Errorf("counter %s, want 1", n)
	}
	for _, path := range []string{"/renews", "/logs"} {
		if status, _ := site.dial(path); status != http.StatusInternalServerError {
			t.Errorf("%s: status %d, want 500: no ticket can be handed out", path, status)
		}
		if err := <-closed; !errors.Is(err, session.ErrHeaderSent) {
			t.Errorf("%s: the upgrade's error is %v, want ErrHeaderSent", path, err)
		}
		site.want("ann")
	}
}

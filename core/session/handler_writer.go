package session

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
)

// writer returns the ResponseWriter for the handler. Its type has the optional
// interfaces that the one below can honour and no others: handlers ask for them.
func (x *exchange) writer() http.ResponseWriter {
	w := writer{x}
	switch flush, hijack := abilities(x.w); {
	case flush && hijack:
		return flushHijackWriter{w}
	case flush:
		return flushWriter{w}
	case hijack:
		return hijackWriter{w}
	default:
		return w
	}
}

// abilities reports what http.ResponseController could do with w.
func abilities(w http.ResponseWriter) (flush, hijack bool) {
	for {
		switch w.(type) {
		case http.Flusher, interface{ FlushError() error }:
			flush = true
		}
		if _, ok := w.(http.Hijacker); ok {
			hijack = true
		}
		u, ok := w.(interface{ Unwrap() http.ResponseWriter })
		if !ok {
			return flush, hijack
		}
		w = u.Unwrap()
	}
}

// A writer commits the session before the header of the response leaves. Once
// that has failed, it takes nothing more from the handler.
type writer struct{ x *exchange }

// Format implements [fmt.Formatter]: like its request's context, it shows no ticket.
func (w writer) Format(f fmt.State, verb rune) { w.x.Format(f, verb) }

type (
	flushWriter       struct{ writer }
	hijackWriter      struct{ writer }
	flushHijackWriter struct{ writer }
)

func (w flushWriter) Flush()                  { _ = w.x.flush() }
func (w flushWriter) FlushError() error       { return w.x.flush() }
func (w flushHijackWriter) Flush()            { _ = w.x.flush() }
func (w flushHijackWriter) FlushError() error { return w.x.flush() }

func (w hijackWriter) Hijack() (net.Conn, *bufio.ReadWriter, error)      { return w.x.hijack() }
func (w flushHijackWriter) Hijack() (net.Conn, *bufio.ReadWriter, error) { return w.x.hijack() }

func (w writer) Header() http.Header { return w.x.w.Header() }

// CloseNotify says when the visitor has gone. net/http wants the request's context
// looked at instead; gin's Context.Stream panics where this is missing.
func (w writer) CloseNotify() <-chan bool {
	gone := make(chan bool, 1)
	context.AfterFunc(w.x.r.Context(), func() { gone <- true })
	return gone
}

// Unwrap lets http.ResponseController reach deadlines and full duplex.
func (w writer) Unwrap() http.ResponseWriter { return w.x.w }

// WriteHeader passes informational headers on: only a final one, or 101, after
// which there is no other, ends the time for cookies (RFC 9110, 15.2). What is no
// status at all is passed on, too: net/http panics at it, and then nothing is saved.
func (w writer) WriteHeader(status int) {
	final := status == http.StatusSwitchingProtocols || status >= 200 && status <= 999
	if !final && w.x.headerSent.Load() {
		return
	}
	if !final || w.x.beforeHeader() == nil {
		w.x.w.WriteHeader(status)
	}
}

func (w writer) Write(b []byte) (int, error) {
	if err := w.x.beforeHeader(); err != nil {
		return 0, err
	}
	return w.x.w.Write(b) //nolint:wrapcheck // we are not there
}

func (w writer) WriteString(s string) (int, error) {
	if err := w.x.beforeHeader(); err != nil {
		return 0, err
	}
	return io.WriteString(w.x.w, s) //nolint:wrapcheck // we are not there
}

// ReadFrom keeps the way from a file to the connection short. The header leaves with the
// first bytes that r has, and not before: r may fail, or change the session, until then.
func (w writer) ReadFrom(r io.Reader) (n int64, err error) {
	const first = 512 // as net/http does
	if !w.x.headerSent.Load() {
		if n, err = io.Copy(struct{ io.Writer }{w}, io.LimitReader(r, first)); n < first || err != nil {
			return n, err //nolint:wrapcheck // we are not there
		}
	}
	if err = w.x.beforeHeader(); err != nil {
		return n, err
	}
	rest, err := io.Copy(w.x.w, r)
	return n + rest, err //nolint:wrapcheck // the same
}

// flush also sends the response that has replaced the handler's: a stream that does not
// look at errors goes on for long.
func (x *exchange) flush() error {
	failed := x.beforeHeader()
	err := http.NewResponseController(x.w).Flush()
	if failed != nil {
		return failed
	}
	return err //nolint:wrapcheck // we are not there
}

// hijack commits before the connection is handed over. The handler then writes the
// header itself, so that no new ticket is certain to reach the visitor: none is
// offered. One of an earlier Session.Commit is in the header map.
func (x *exchange) hijack() (net.Conn, *bufio.ReadWriter, error) {
	x.takenOver.Store(true)
	if err := x.beforeHeader(); err != nil {
		return nil, nil, err
	}
	x.shared.Store(becomesHTTP2(x.r))
	return http.NewResponseController(x.w).Hijack() //nolint:wrapcheck // we are not there
}

// becomesHTTP2 reports whether whoever takes r's connection over speaks HTTP/2 on it
// (RFC 9113, 3.3; RFC 7540, 3.2). The requests there have contexts of r's, and may be
// everybody's: they don't find the session of r.
func becomesHTTP2(r *http.Request) bool {
	return r.Method == "PRI" || strings.Contains(strings.ToLower(strings.Join(r.Header["Upgrade"], ",")), "h2c")
}

//go:build !race

package costs_test

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cloakroom-go/cloakroom/core/memstore"
	"github.com/cloakroom-go/cloakroom/core/session"
)

// megabyte is what net/http accepts as a request's header by default.
const megabyte = 1 << 20

// A flood is a request with a megabyte of what a client may send in place of a
// ticket.
type flood struct {
	name    string
	handler http.Handler
	header  http.Header
}

// A headerWriter is the cheapest writer that keeps the header.
type headerWriter struct{ header http.Header }

func (w *headerWriter) Header() http.Header         { return w.header }
func (w *headerWriter) Write(b []byte) (int, error) { return len(b), nil }
func (w *headerWriter) WriteHeader(int)             {}

// fill repeats a piece of a header until there is a megabyte of it.
func fill(piece string) string { return strings.Repeat(piece, megabyte/len(piece)) }

func floods(tb testing.TB) []flood {
	tb.Helper()
	var floods []flood
	for _, kind := range []string{"ticket", "sealed", "signed"} {
		handler, own := floodedCookies(tb, kind)
		for name, cookies := range map[string]string{
			"tiny ones":            fill("a=; "),
			"many small ones":      fill("language=en; "),
			"one huge one":         "other=" + fill("x"),
			"one huge one of ours": "__Host-session=" + fill("x"),
			"1,000 of ours":        strings.Repeat("__Host-session="+strings.Repeat("x", megabyte/1000-17)+"; ", 1000),
			"ours alone":           fill("__Host-session=; "),
			"ours, nearly":         fill("__Host-session"),
			"valid ones, repeated": fill(own + "; "),
			"separators":           fill(";"),
			"equals signs":         fill("="),
			"spaces":               "a=b;" + fill(" ") + "a",
			"spaces before ours":   "a=b;" + fill(" ") + own,
			"spaces after ours":    own + fill(" ") + ";a=b",
		} {
			floods = append(floods, flood{kind + "/" + name, handler, http.Header{"Cookie": {cookies}}})
		}
		lines := make([]string, megabyte/len("Cookie: language=en\r\n"))
		for i := range lines {
			lines[i] = "language=en"
		}
		floods = append(floods, flood{kind + "/many header lines", handler, http.Header{"Cookie": lines}})
	}
	for _, field := range []string{"Authorization", "X-Session"} {
		scheme := ""
		if field == "Authorization" {
			scheme = "Bearer "
		}
		handler, own := floodedHeader(tb, field)
		for name, value := range map[string][]string{
			"one huge one":         {scheme + fill("x")},
			"1,000 of them":        slices.Repeat([]string{scheme + strings.Repeat("x", 1000)}, 1000),
			"valid ones, repeated": slices.Repeat([]string{scheme + own}, 1000),
			"another scheme":       slices.Repeat([]string{"Basic " + strings.Repeat("x", 1000)}, 1000),
			"spaces":               {scheme + fill(" ") + "x"},
			"many empty lines":     make([]string, megabyte/len(field+": \r\n")),
		} {
			floods = append(floods, flood{field + "/" + name, handler, http.Header{field: value}})
		}
	}
	return floods
}

// floodedCookies returns a handler that reads its session, and a cookie that is
// valid but whose session has ended: the request has to look at the next.
func floodedCookies(tb testing.TB, kind string) (http.Handler, string) {
	tb.Helper()
	o := session.Options{Keys: [][]byte{testKey}, Logger: discard, Readable: kind == "signed"}
	newManager := session.NewCookieOnly
	if kind == "ticket" {
		newManager = func(o session.Options) (*session.Manager, error) {
			return session.New(memstore.New(memstore.Options{}), o)
		}
	}
	live, err := newManager(o)
	if err != nil {
		tb.Fatal(err)
	}
	o.AbsoluteTimeout, o.IdleTimeout = time.Millisecond, session.NoTimeout // the least that there is
	short, err := newManager(o)
	if err != nil {
		tb.Fatal(err)
	}
	w := httptest.NewRecorder()
	live.HandlerFunc(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) { counter.Set(s, 1) }).ServeHTTP(w, request(tb, ""))
	c := w.Result().Cookies()[0]
	<-time.After(o.AbsoluteTimeout) // then it has ended, however long that takes
	return short.HandlerFunc(look), c.Name + "=" + c.Value
}

func floodedHeader(tb testing.TB, field string) (handler http.Handler, ticket string) {
	tb.Helper()
	store := memstore.New(memstore.Options{})
	m, err := session.New(store, session.Options{Keys: [][]byte{testKey}, Logger: discard, Header: field})
	if err != nil {
		tb.Fatal(err)
	}
	m.HandlerFunc(func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
		if ticket, err = s.Ticket(r.Context()); err != nil {
			tb.Error(err)
		}
		s.Destroy()
	}).ServeHTTP(httptest.NewRecorder(), request(tb, ""))
	return m.HandlerFunc(look), ticket
}

func (f *flood) request(tb testing.TB) *http.Request {
	tb.Helper()
	r := request(tb, "")
	r.Header = f.header
	return r
}

// BenchmarkFlood measures what a megabyte in place of a ticket costs: under 1 ms.
func BenchmarkFlood(b *testing.B) {
	for _, f := range floods(b) {
		b.Run(f.name, func(b *testing.B) {
			b.ReportAllocs()
			r := f.request(b)
			for b.Loop() {
				f.handler.ServeHTTP(&headerWriter{make(http.Header)}, r)
			}
		})
	}
}

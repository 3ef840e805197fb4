package benchmarks

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"sync"
	"testing"
)

// A contender keeps the sessions of one backend in one way.
type contender struct {
	backend, library string

	open opener
}

// An opener returns a contender's application, or nil and a reason if its server is not
// there. extra is how many bytes a session holds beside the five small values.
type opener func(b *testing.B, extra int) (*app, string)

// An app is what a contender has made of the same three handlers.
type app struct {
	visitor   func(b *testing.B) string // the Cookie field of a visitor who has a session
	untouched http.Handler              // does not look at the session; nil: there is no such thing
	read      http.Handler              // reads one value
	write     http.Handler              // writes one value
}

func contenders() []contender {
	return []contender{
		{"none", "recorder", openRecorder},
		{"none", "fiber", openFiberRecorder},
		{"memory", "cloakroom", openMemory},
		{"memory", "scs", openSCSMemory},
		{"memory", "fiber", openFiberMemory},
		{"cookie", "cloakroom", openSealed},
		{"cookie", "cloakroom-readable", openReadable},
		{"cookie", "gorilla-signed", openGorillaSigned},
		{"cookie", "gorilla-encrypted", openGorillaEncrypted},
		{"file", "cloakroom", openFile},
		{"file", "gorilla", openGorillaFile},
		{"file", "bare", openBareFile},
		{"redis", "cloakroom", openRedis},
		{"redis", "scs", openSCSRedis},
		{"redis", "gorilla", openGorillaRedis},
		{"redis", "fiber", openFiberRedis},
		{"redis", "bare", openBareRedis},
		{"postgres", "cloakroom", openPostgres},
		{"postgres", "scs", openSCSPostgres},
		{"postgres", "bare", openBarePostgres},
		{"sqlite", "cloakroom", openSQLite("sqlite")},
		{"sqlite", "scs", openSCSSQLite("sqlite")},
		{"sqlite", "bare", openBareSQLite("sqlite")},
		{"sqlite3", "cloakroom", openSQLite("sqlite3")},
		{"sqlite3", "scs", openSCSSQLite("sqlite3")},
		{"sqlite3", "bare", openBareSQLite("sqlite3")},
		{"mysql", "cloakroom", openMySQL},
		{"mysql", "scs", openSCSMySQL},
		{"mysql", "bare", openBareMySQL},
		{"memcached", "cloakroom", openMemcached},
		{"memcached", "bare", openBareMemcached},
		{"mongo", "cloakroom", openMongo},
		{"mongo", "bare", openBareMongo},
	}
}

// A work is what a request does. Its visitors have a session each, or all the same.
type work struct {
	name    string
	extra   int
	shared  bool
	handler func(*app) http.Handler
}

func works() []work {
	read := func(a *app) http.Handler { return a.read }
	write := func(a *app) http.Handler { return a.write }
	return []work{
		{"untouched", 0, false, func(a *app) http.Handler { return a.untouched }},
		{"read", 0, false, read},
		{"write", 0, false, write},
		{"write-shared", 0, true, write},
		{"read-4KB", 4 << 10, false, read},
		{"write-4KB", 4 << 10, false, write},
		{"read-64KB", 64 << 10, false, read},
		{"write-64KB", 64 << 10, false, write},
	}
}

// maxCookie is more than what fits into a cookie.
const maxCookie = 3 << 10

// BenchmarkRequest is named by backend, library and work. A request that is not answered
// with 200 fails it.
func BenchmarkRequest(b *testing.B) {
	for _, c := range contenders() {
		b.Run(c.backend+"/"+c.library, func(b *testing.B) {
			for _, w := range works() {
				if w.extra > maxCookie && c.backend == "cookie" {
					continue
				}
				b.Run(w.name, func(b *testing.B) { run(b, c, w) })
			}
		})
	}
}

func run(b *testing.B, c contender, w work) {
	a, missing := c.open(b, w.extra)
	if a == nil {
		note(c.backend, missing)
		b.Skip(missing)
	}
	h := w.handler(a)
	if h == nil {
		b.Skip("there is no such request")
	}
	cookie := a.visitor(b)
	cookies := make(chan string, runtime.GOMAXPROCS(0)) // one for each worker
	for range cap(cookies) {
		cookies <- cookie
		if !w.shared {
			cookie = a.visitor(b)
		}
	}
	b.ReportAllocs()
	b.ResetTimer() // opening took time: a file store makes its folders, and flushes them
	b.RunParallel(func(pb *testing.PB) {
		cookie := <-cookies
		for pb.Next() {
			r := httptest.NewRequestWithContext(b.Context(), http.MethodGet, "/", http.NoBody)
			r.Header.Set("Cookie", cookie)
			recorder := httptest.NewRecorder()
			h.ServeHTTP(recorder, r)
			if recorder.Code != http.StatusOK {
				b.Errorf("status %d: %s", recorder.Code, recorder.Body)
				return
			}
		}
	})
}

var missingOnce sync.Map

// note says once which backend is left out.
func note(backend, why string) {
	if _, said := missingOnce.LoadOrStore(backend, true); !said {
		fmt.Fprintf(os.Stderr, "left out: %s: %s\n", backend, why)
	}
}

// cookieOf returns the Cookie field that a browser sends after a response.
func cookieOf(b *testing.B, h http.Handler) string {
	b.Helper()
	recorder := httptest.NewRecorder()
	h.ServeHTTP(recorder, httptest.NewRequestWithContext(b.Context(), http.MethodGet, "/", http.NoBody))
	set := recorder.Result().Cookies()
	if recorder.Code != http.StatusOK || len(set) != 1 {
		b.Fatalf("a first visit: status %d, %d cookies: %s", recorder.Code, len(set), recorder.Body)
	}
	return set[0].Name + "=" + set[0].Value
}

func openRecorder(_ *testing.B, _ int) (*app, string) {
	nothing := http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
	return &app{visitor: func(*testing.B) string { return "a=b" }, untouched: nothing, read: nothing, write: nothing}, ""
}

// The five small values of a session, about 300 bytes.
const (
	name     = "Ann Example"
	language = "fr-CA,fr;q=0.8,en-US;q=0.5,en;q=0.3"
)

type profile struct {
	Name  string
	Roles []string
	Ages  map[string]int
}

var (
	cart  = []string{"a hat", "a coat", "an umbrella"}
	about = profile{name, []string{"cook", "waiter"}, map[string]int{"age": 30}}
)
